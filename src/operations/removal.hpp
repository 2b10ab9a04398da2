// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/fair_lock.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "core/operation.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace coramfs::detail {

/// What was taken out of the tree, with all below it: it is freed slice by slice, and what it was
/// charged is given back. If it is dropped meanwhile the rest is freed at once.
///
/// Guarded by its operation: one thread at a time.
class taken_tree {
 public:
  /// Its entry was charged so many bytes, and is gone.
  taken_tree(volume_state& v, detached_node top, std::uint64_t entry_bytes) noexcept
      : volume_(v), rest_(std::move(top)), entry_bytes_(entry_bytes) {}
  taken_tree(const taken_tree&) = delete;
  taken_tree& operator=(const taken_tree&) = delete;
  ~taken_tree() {
    while (!rest_.is_done()) free_slice();
  }

  /// Returns whether there is more.
  bool free_slice() noexcept;

 private:
  volume_state& volume_;
  disposal rest_;
  std::uint64_t entry_bytes_;  // 0 when they are given back
};

/// A `remove_tree`: takes the tree out with one move of a pointer, and frees it slice by slice. It
/// needs no memory, and never waits.
///
/// Guarded by whoever runs it: one thread at a time. The tree's lock is held only to take the tree
/// out.
class remove_tree_operation {
 public:
  remove_tree_operation(const std::shared_ptr<volume_state>& v, path_argument path) noexcept
      : volume_(v), path_(std::move(path)) {}
  remove_tree_operation(remove_tree_operation&& unbegun) noexcept
      : volume_(std::move(unbegun.volume_)), path_(std::move(unbegun.path_)) {}

  progress advance() noexcept;
  void refuse(const error&) noexcept {}
  result<void> outcome() noexcept { return status_; }

 private:
  result<void> take_out() noexcept;

  std::shared_ptr<volume_state> volume_;
  path_argument path_;
  std::optional<taken_tree> rest_;
  result<void> status_ = boost::outcome_v2::success();
};

/// A `remove` with `if_open::wait`: a file that nobody uses it removes at once. Else it stands in
/// the queue of the file's lock as a writer, and takes the file out of the tree when it has the
/// lock. Whoever waits behind it is told then, finds the file without a name, and looks again. So
/// it is passed by nobody, and passes nobody. It needs no memory.
///
/// Guarded by whoever runs it: one thread at a time. It may be moved only before it has begun.
/// Locks: the tree's is taken and let go within a step.
class removal_in_turn {
 public:
  removal_in_turn(const std::shared_ptr<volume_state>& v, path_argument path,
                  const std::optional<lock_timeout>& patience) noexcept;
  removal_in_turn(removal_in_turn&& unbegun) noexcept = default;

  progress advance() noexcept;
  claim& awaited() noexcept { return *claim_; }
  lock_timeout patience() const noexcept { return patience_; }
  std::atomic<std::uint64_t>* waiting() const noexcept { return &volume_->waiting; }
  void refuse(const error& why) noexcept;
  error unmet() const noexcept;
  result<void> outcome() noexcept { return status_; }

 private:
  result<void> find() noexcept;
  bool begin_wait() noexcept;
  result<void> ask() const noexcept;
  bool take_out() noexcept;
  void end_with(const error& e) noexcept;

  std::shared_ptr<volume_state> volume_;
  path_argument path_;
  lock_timeout patience_;
  node_use use_;
  std::optional<lock_claim> claim_;  // while it waits
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
