// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/waiting.hpp>
#include <coramfs/result.hpp>

#include "core/biased_lock.hpp"
#include "core/path.hpp"
#include "core/quota.hpp"
#include "core/step_scope.hpp"
#include "storage/account.hpp"
#include "tree/hold_table.hpp"
#include "tree/node.hpp"
#include "tree/recent_directories.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

namespace coramfs::detail {

/// A place in the tree, where there may be a node or not, below a directory that exists.
struct entry {
  directory_node* parent;  ///< none for the root
  std::string_view name;   ///< empty for the root
  node* found;             ///< none: the place is free

  result<void> require_absent() const noexcept;
  /// Errors: `not_found`, `is_a_directory`.
  result<file_node*> require_file() const noexcept;
  /// Errors: `not_found`, `not_a_directory`.
  result<directory_node*> require_directory() const noexcept;
};

/// Frees a node with all below it, however deep, without recursion.
struct subtree_deleter {
  void operator()(node* top) const noexcept;
};
/// A node that is not in the tree, with all below it.
using detached_node = std::unique_ptr<node, subtree_deleter>;

/// The names of a volume. What a tree takes is charged by its callers.
///
/// One lock guards it, of the kind that is for short sections: nothing waits under it, and it is
/// held for look-ups and pointer moves alone. Those who look something up share it without
/// writing to the same memory. Locks are taken in this order: the tree's, then a leaf (a file's
/// queue, the quota).
class tree {
 public:
  class shared_access;
  class exclusive_access;

  /// `memory`: for all nodes of it. Throws `std::bad_alloc`.
  tree(lifetime& whole, small_memory& memory);
  /// Nothing in it is freed: its memory goes as a whole.
  ~tree() { static_cast<void>(root_.release()); }
  tree(const tree&) = delete;
  tree& operator=(const tree&) = delete;

  /// Walks down from the root. Errors: `not_found` or `not_a_directory`, whichever comes first,
  /// for what is above the last name. Under the lock.
  result<entry> look_up(normal_path path) const noexcept;

  /// Under the exclusive lock; of a file also under the shared one, where others may come and go
  /// meanwhile.
  bool is_busy(const node& n) const noexcept;
  /// Under the exclusive lock. Errors: `busy`.
  result<void> require_idle(const node& n) const noexcept;

  /// Holds a file busy, and takes its lock if that passes nobody. Under the lock, shared or
  /// exclusive. A hot file that is to be locked exclusively has to be cooled first.
  node_use use(file_node& f, fair_lock::kind k) noexcept;
  /// Likewise, for a handle, if it comes by a mark and the lock at once; else an empty one.
  node_use use_at_once(file_node& f, fair_lock::kind k) noexcept;
  bool must_cool(const file_node& f, fair_lock::kind k) const noexcept {
    return f.is_hot && k == fair_lock::kind::exclusive;
  }
  /// A warm file becomes hot: from then on its readers mark it alone, and share no word of its
  /// lock. `used` holds it for reading. Not under the lock.
  void heat(const node_use& used) noexcept;
  /// Its readers are counted again, and others may wait for its lock. Under the exclusive lock.
  void cool(file_node& f) noexcept;

  hold_table& holds() noexcept { return holds_; }
  /// The file that is there, or none. Under the lock.
  file_node* find_file(normal_path path) const noexcept;

  small_memory& memory() const noexcept { return memory_; }

  /// Whether the calling thread holds the lock exclusively.
  bool is_changed_by_this_thread() const noexcept {
    return writer_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  /// Whether a node can be reached from the root, as far as a few levels tell: of one that is
  /// deeper the answer is no. Of any node of the volume, under the exclusive lock.
  bool is_in_tree(const node& n) const noexcept;
  /// Has the same file in another place of the memory stand for one that is not busy. Under the
  /// exclusive lock.
  static void replace(file_node& idle, file_node& moved) noexcept;

  /// Of the hashes of all names in it.
  const hash_key& key() const noexcept { return key_; }

  directory_node& root() const noexcept { return static_cast<directory_node&>(*root_); }

  /// Puts a node into its place, and gives back what was there. Precondition: if nothing was,
  /// the parent's index has reserved the entry. Under the exclusive lock.
  static detached_node link(const entry& at, detached_node fresh) noexcept;
  /// Likewise, of a node that this call has made: the time of that serves for the parent, too.
  static detached_node link_made(const entry& at, detached_node fresh) noexcept;
  /// Takes a node that is not busy out of the tree. Under the exclusive lock.
  static detached_node unlink(node& n) noexcept;
  /// Both in one: gives a node another name and place, which is not its own. Preconditions and
  /// result of `link`; a reservation in the directory that the node leaves is not needed.
  static detached_node relocate(node& n, node_name name, const entry& to) noexcept;

 private:
  static constexpr int deepest_look = 64;  // levels

  static detached_node put(const entry& at, detached_node fresh) noexcept;
  result<directory_node*> look_up_directory(std::string_view path) const noexcept;

  node_use mark(file_node& f, fair_lock::kind k, std::uint64_t kind) noexcept;

  biased_lock lock_;
  const hash_key key_;
  lifetime& whole_;
  small_memory& memory_;
  std::atomic<std::thread::id> writer_{};  // of the lock's exclusive holder
  detached_node root_;
  hold_table holds_;
  mutable recent_directories recent_;
};

/// The tree's lock, held for a scope.
class tree::shared_access : step_scope {
 public:
  explicit shared_access(tree& t) noexcept : lock_(t.lock_), lane_(lock_.lock_shared()) {}
  shared_access(const shared_access&) = delete;
  shared_access& operator=(const shared_access&) = delete;
  ~shared_access() { lock_.unlock_shared(lane_); }

 private:
  biased_lock& lock_;
  const unsigned lane_;
};
// What is freed under it may be granted to somebody, who is told when the lock is gone.
class tree::exclusive_access : announcement_pause, step_scope {
 public:
  explicit exclusive_access(tree& t) noexcept;
  exclusive_access(const exclusive_access&) = delete;
  exclusive_access& operator=(const exclusive_access&) = delete;
  ~exclusive_access();

 private:
  tree& tree_;
  std::lock_guard<biased_lock> hold_;
};

/// Bytes that a node takes beside its content and its directory's table: itself and its name.
std::uint64_t node_footprint(bool is_directory, std::size_t name_size) noexcept;
inline std::uint64_t node_footprint(bool is_directory, std::string_view name) noexcept {
  return node_footprint(is_directory, name.size());
}

/// Bytes that a directory's table takes more for `added` entries more.
std::uint64_t entry_footprint(const directory_node& in, std::size_t added = 1) noexcept;

/// What a file is charged, its entry in the directory not counted. Under the tree's exclusive
/// lock while it is not busy, or under its own. What pins hold of it is theirs from then on.
charge file_charge(file_node& file, const account& payer) noexcept;

/// Frees a node with all below it step by step, and says what each step's nodes were charged for;
/// the table that the top stood in is not counted. What is left is freed by the destructor, and
/// not counted.
class disposal {
 public:
  explicit disposal(detached_node top = nullptr) noexcept : rest_(std::move(top)) {}

  /// This one, too.
  void add(detached_node top) noexcept;

  bool is_done() const noexcept { return rest_ == nullptr; }
  /// Frees about as many nodes as a slice has.
  charge step(const account& payer) noexcept;

 private:
  // What is still to be freed is chained through the nodes.
  detached_node rest_;
};

}  // namespace coramfs::detail
