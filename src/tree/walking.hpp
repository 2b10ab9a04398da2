// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "core/gradual_sort.hpp"
#include "core/operation.hpp"
#include "core/pace.hpp"
#include "tree/directory_scan.hpp"
#include "tree/volume_state.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// A `walk`: sees each directory at one moment, and lets go of the tree's lock between slices.
class walking {
 public:
  walking(const std::shared_ptr<volume_state>& v, path_argument path) noexcept
      : volume_(v), path_(std::move(path)) {}

  progress advance() noexcept;
  void refuse(const error& why) noexcept { status_ = why; }
  result<std::vector<walk_entry>> outcome() noexcept;

 private:
  enum class stage : unsigned char { begins, descends, scans, sorts_directories, sorts_files };

  /// A directory on the way down, by its entry among entries_.
  struct level {
    std::size_t entry;
    std::size_t next;                 // among its subdirectories
    const directory_node* directory;  // none: it has gone
    std::uint64_t hold;               // in which that was found
  };

  result<progress> step() noexcept;
  result<progress> go_down();
  result<void> begin();
  bool enter_next();
  bool scan();
  void leave_out() noexcept;
  void see(const node& n);
  void end_scan();
  void sort();
  const directory_node* find(level& l) const noexcept;
  void enter(std::string path, const directory_node* d);

  std::shared_ptr<volume_state> volume_;
  path_argument path_;
  stage stage_ = stage::begins;
  std::vector<level> levels_;
  directory_scan scan_;  // of the deepest level
  std::uint64_t hold_ = 0;
  pace pace_;
  gradual_sort sorted_;
  std::vector<walk_entry> entries_;
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
