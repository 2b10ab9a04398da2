// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/fair_lock.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "core/error_note.hpp"
#include "core/operation.hpp"
#include "core/quota.hpp"
#include "core/steps.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace coramfs::detail {

/// Clears the way for a change to the tree, of files that are in use: waits for them, one at a
/// time, until all that the change takes, moves or replaces may be had at once.
///
/// The change is an attempt in one hold of the tree's exclusive lock. It calls `clear` for each
/// node before all else. Where a file is held, or awaited, by others, the attempt ends there and
/// has changed nothing; the operation then waits in the queue of that file's lock, as a mover, with
/// nothing else in hand, and makes the attempt again. Where all have been cleared, `commit` gets
/// those out of the way who wait for the files, or are about to, or have just given up: each keeps
/// the node that it has, which has no name any more, and looks for its path again. What stays in
/// the tree does so with new nodes.
///
/// So nobody waits with a lock of a file in hand, and nobody waits for ever for the locks of each
/// other, whatever other files who holds one may want. What the operation has paid for it holds all
/// the same: that is for its callers to say. Neither do such operations keep each other from going
/// on: movers have a lock together, so an attempt only fails for a file that a reader or writer has
/// or awaits, and the operation is then behind those. It starves only where of several files, all
/// of the time, at least one is in use.
///
/// Guarded by its operation: one thread at a time. All but the constructor, `wait`, `finish` and
/// the destructor are called in an `attempt`.
class way_clearer {
 public:
  /// Whether an option is one of those that there are.
  static bool is_known(if_open in_use) noexcept {
    return in_use == if_open::fail || in_use == if_open::wait || in_use == if_open::keep_unnamed;
  }

  /// What becomes of a node: it is moved, with what is in it; it goes; or it goes, and a file that
  /// is in use lives on for those who use it.
  enum class fate : unsigned char { moves, goes, is_kept };

  way_clearer(volume_state& v, call by, const std::optional<lock_timeout>& patience) noexcept
      : volume_(&v), by_(by), patience_(patience.value_or(v.options.default_lock_timeout)) {}
  way_clearer(const way_clearer&) = delete;
  way_clearer& operator=(const way_clearer&) = delete;

  /// One attempt, to be declared behind the hold of the tree's lock.
  class attempt {
   public:
    explicit attempt(way_clearer* of) noexcept : of_(of) {
      if (of_ != nullptr) of_->begin();
    }
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;
    ~attempt() {
      if (of_ != nullptr) of_->end();
    }

   private:
    way_clearer* const of_;
  };

  /// Clears a file that is to be replaced, as `in_use` says; with `if_open::fail` it must be idle.
  /// The path is as for `clear`.
  result<void> clear_replaced(node& n, if_open in_use, std::string_view path) noexcept;
  /// Clears a node, with all below it. If that is waited for it is for `path`, which errors tell,
  /// and which must live until the next attempt. Errors: `busy`, `out_of_memory`. After `busy` it
  /// is to be tried again when `wait` is done; but not of one that is kept.
  result<void> clear(node& n, fate to, std::string_view path) noexcept;
  /// Whether a file has been cleared that others have yet, and so is not freed where it goes.
  static bool has_others(const node& n) noexcept {
    return !n.is_directory &&
           static_cast<const file_node&>(n).cleared == file_node::clearance::has_others;
  }
  /// Finds out which files have others, when all are cleared. Returns what the new nodes of those
  /// that move will be charged, for the caller to reserve.
  charge prepare() noexcept;
  /// Makes these nodes, when they are paid for, or none. Errors: `out_of_memory`.
  result<void> make_nodes() noexcept;
  /// Gets all out of the way, after `prepare` and `make_nodes`. What goes and has no others is idle
  /// then, and what has others is in the tree no more. Returns how many bytes the entries of the
  /// latter were charged.
  std::uint64_t commit() noexcept;
  /// The node that stands for `n` after `commit`.
  node& now(node& n) const noexcept;

  /// Whether the attempt is to be made again after a `wait`.
  bool is_blocked() const noexcept { return is_passing_ || (awaited_ && !awaited_.is_locked()); }
  /// Waits for whatever the last attempt has failed for. Errors: `would_block`, `timed_out`,
  /// `canceled`.
  friend steps<void> wait(way_clearer& c);
  /// Frees what the attempt has left, without the tree's lock. It must follow each attempt that is
  /// not followed by `wait`.
  void finish() noexcept;

 private:
  struct cleared {
    node_use use;
    fate to;
    bool was_awaited = false;
    std::unique_ptr<file_node> fresh;  // for one that moves and has others
    file_node* in_tree = nullptr;      // that, when it is in the tree
  };
  class file_wait;

  void begin() noexcept;
  void end() noexcept;
  result<void> take(file_node& f, fate to) noexcept;
  result<void> set_aside(node_use use, fate to) noexcept;
  static bool is_cleared(const file_node& f) noexcept {
    return f.cleared != file_node::clearance::none;
  }
  error unmet() const noexcept;
  error refused(errc code) const noexcept;

  volume_state* volume_;
  const call by_;
  std::string_view path_;  // of what the last attempt has cleared, or has failed for
  const lock_timeout patience_;
  node_use awaited_;         // of the file that is waited for, or was
  node_use had_;             // of that, in an attempt with its lock
  bool is_passing_ = false;  // others have let go, and are yet to say so in the counts
  bool is_committed_ = false;
  std::vector<cleared> cleared_;
};

}  // namespace coramfs::detail
