// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/result.hpp>

#include "core/operation.hpp"
#include "core/pace.hpp"
#include "core/quota.hpp"
#include "tree/opening.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coramfs::detail {

/// A `copy_tree`, as an operation: pays for all of it, makes the directories where nobody sees
/// them, copies each file under its shared lock, and puts the copy into its place at the end.
class tree_copying {
 public:
  tree_copying(const std::shared_ptr<volume_state>& v, path_argument from,
               path_argument to) noexcept
      : volume_(v), from_(std::move(from)), to_(std::move(to)) {}

  progress advance() noexcept;
  claim& awaited() noexcept { return source_->awaited(); }
  lock_timeout patience() const noexcept { return source_->patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return &volume_->waiting; }
  void refuse(const error& why) noexcept;
  result<void> outcome() noexcept { return status_; }

 private:
  static constexpr std::size_t no_parent = static_cast<std::size_t>(-1);
  struct source_directory {
    std::size_t parent;  // among directories_
    std::string name;    // of the copy
    std::size_t entries;
    directory_node* copy;
  };
  struct source_file {
    std::string path;
    std::size_t in;  // among directories_
    extent estimate;
  };

  result<void> begin() noexcept;
  result<progress> step() noexcept;
  result<progress> copy_file() noexcept;
  result<void> begin_file() noexcept;
  result<void> link_file() noexcept;
  void leave_out() noexcept;
  result<void> finish() noexcept;
  progress end_with(result<void> status) noexcept;
  void snapshot(const directory_node& top, std::string_view path, std::string_view name);
  result<void> pay(std::uint64_t entry_footprint) noexcept;
  result<void> make_directories() noexcept;
  charge total(std::uint64_t entry_footprint) const noexcept;

  std::shared_ptr<volume_state> volume_;
  path_argument from_, to_;
  bool has_begun_ = false;
  result<void> status_ = boost::outcome_v2::success();
  pace pace_;
  std::vector<source_directory> directories_;
  std::vector<source_file> files_;
  std::size_t done_ = 0;               // of files_
  charge files_charge_;                // of those that are done, estimated of the others
  std::uint64_t entry_footprint_ = 0;  // in the directory that the copy goes to
  reservation paid_;
  detached_node copy_;  // goes before what paid for it

  // Of the file whose turn it is.
  std::optional<opening> source_;
  std::unique_ptr<file_node> file_;  // none: the source is not locked yet
  std::uint64_t copied_ = 0;         // bytes
};

}  // namespace coramfs::detail
