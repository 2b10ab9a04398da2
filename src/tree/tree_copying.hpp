// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/result.hpp>

#include "core/operation.hpp"
#include "core/pace.hpp"
#include "core/path.hpp"
#include "core/quota.hpp"
#include "tree/copy_plan.hpp"
#include "tree/opening.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace coramfs::detail {

/// A `copy_tree`, as an operation: looks at the source, pays for all of it, makes the directories
/// where nobody sees them, copies each file under its shared lock, and puts the copy into its
/// place at the end.
///
/// Each stage but that last step is done in slices, and so is the tear-down of one that fails.
class tree_copying {
 public:
  tree_copying(const std::shared_ptr<volume_state>& v, path_argument from,
               path_argument to) noexcept
      : volume_(v), from_(std::move(from)), to_(std::move(to)), plan_(*v) {}

  progress advance() noexcept;
  claim& awaited() noexcept { return source_->awaited(); }
  lock_timeout patience() const noexcept { return source_->patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return &volume_->waiting; }
  void refuse(const error& why) noexcept;
  result<void> outcome() noexcept { return status_; }

 private:
  enum class stage : unsigned char {
    begins,
    looks,
    pays,
    makes_directories,
    copies_files,
    links,
    clears,
    ended
  };

  result<progress> step() noexcept;
  result<progress> go_on();
  result<progress> look();
  result<void> begin(normal_path from, normal_path to);
  result<progress> pay();
  charge total() const noexcept;
  result<progress> make_directories();
  result<void> make_directory(copy_plan::directory& d) noexcept;
  result<progress> copy_files();
  result<progress> copy_file(copy_plan::directory& in);
  result<void> begin_file(const copy_plan::directory& in) noexcept;
  result<void> link_file(copy_plan::directory& in) noexcept;
  result<progress> link() noexcept;
  void end_with(result<void> status) noexcept;
  bool clear() noexcept;

  std::shared_ptr<volume_state> volume_;
  path_argument from_, to_;
  stage stage_ = stage::begins;
  pace pace_;
  copy_plan plan_;
  copy_plan::directories::iterator next_directory_;  // to be made
  std::uint64_t entry_footprint_ = 0;                // in the directory that the copy goes to
  // In this order: what was paid is given back when all else is gone.
  reservation paid_;
  detached_node copy_;
  disposal gone_;
  result<void> status_ = boost::outcome_v2::success();

  // Of the file whose turn it is.
  std::optional<opening> source_;
  std::unique_ptr<file_node> file_;  // none: the source is not locked yet
  std::uint64_t copied_ = 0;         // bytes
};

}  // namespace coramfs::detail
