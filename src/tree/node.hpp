// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/fair_lock.hpp>
#include <coramfs/entries.hpp>

#include "core/quota.hpp"
#include "core/sip_hash.hpp"
#include "core/thread_lane.hpp"
#include "storage/small_memory.hpp"
#include "storage/storage.hpp"
#include "tree/directory_index.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace coramfs::detail {

using time_point = std::chrono::system_clock::time_point;

/// A node's name: owned text of at most 255 bytes. A short one, as most are, stands in the node
/// itself: it costs nothing, and a look-up finds it beside the hash. A long one stands in a piece
/// of the volume's memory, which may be moved once it knows its node.
///
/// Guarded as its node: by the tree's lock, or by the operation that makes the node.
class node_name {
 public:
  static constexpr std::size_t inline_size = 23;

  node_name() noexcept = default;
  node_name(node_name&& other) noexcept;
  node_name& operator=(node_name&& other) noexcept;
  ~node_name() { free(); }

  /// Returns false if memory is refused: the name is as before then.
  bool assign(small_memory& from, std::string_view text) noexcept;

  std::string_view view() const noexcept { return {is_inline() ? text_ : long_view(), size_}; }
  std::size_t size() const noexcept { return size_; }
  /// How many bytes a name of that size takes beside its node.
  static std::uint64_t footprint(std::size_t size) noexcept;
  static std::uint64_t footprint(std::string_view text) noexcept { return footprint(text.size()); }

  /// Says whose name it is. From then on a long text may be moved.
  void set_owner(class node& of) noexcept;
  /// The name is no node's for a while, and its text stays where it is.
  void drop_owner() noexcept;
  /// The node whose name stands in that piece, or null if it is nobody's yet.
  static class node* owner_of(void* piece) noexcept;
  /// Moves a long text to another piece of the same size. Under the tree's exclusive lock.
  void move_to(void* piece) noexcept;

 private:
  struct long_text;
  bool is_inline() const noexcept { return size_ <= inline_size; }
  long_text* piece() const noexcept;
  const char* long_view() const noexcept;
  void free() noexcept;

  alignas(char*) char text_[inline_size] = {};  // the text, or a pointer to it
  std::uint8_t size_ = 0;
};

class directory_node;
class file_node;

/// What an open does to a file, as far as the file notes it: nothing is noted; its content is read,
/// changed, or made anew.
enum class opening : unsigned char { unnoted, reads, changes, renews };

/// The directory that a node is in. It changes under the tree's exclusive lock, or while the node
/// is not in the tree. It is atomic because whoever moves memory looks at it at any time.
class parent_link {
 public:
  parent_link() noexcept = default;
  parent_link(const parent_link& other) noexcept : to_(other.get()) {}
  parent_link& operator=(const parent_link& other) noexcept { return *this = other.get(); }
  parent_link& operator=(directory_node* to) noexcept {
    to_.store(to, std::memory_order_release);
    return *this;
  }
  directory_node* get() const noexcept { return to_.load(std::memory_order_acquire); }
  operator directory_node*() const noexcept { return get(); }
  directory_node* operator->() const noexcept { return get(); }

 private:
  std::atomic<directory_node*> to_{nullptr};
};

/// What files and directories have in common: a place in the tree.
///
/// Invariant: `users` of a file counts the operations and handles that hold it and have no mark in
/// the tree's `hold_table`. `users` of a directory counts the nodes in it whose own count is above
/// 0, and its places in `recent_directories`. So a node with users is busy, and so is every
/// directory above it but the root. A file without a name has the bit `unnamed` in its count, and
/// no parent.
///
/// Guarded by the tree's lock. `users` goes up only under it, shared or exclusive, and goes down
/// under none.
class node {
 public:
  /// Nodes come from the memory of their volume. Gives null if that is refused.
  static void* operator new(std::size_t size, small_memory& from) noexcept {
    return from.take(size, small_memory::use::fixed);
  }
  static void operator delete(void* memory, small_memory&) noexcept { small_memory::give(memory); }
  static void operator delete(void* memory) noexcept { small_memory::give(memory); }

  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Added to the count of users of a file without a name (tree/unnamed.hpp).
  static constexpr std::uint32_t unnamed = std::uint32_t{1} << 31;

  /// Whether a count says that it is busy. `tree::is_busy` knows of the marks, too.
  bool has_users() const noexcept { return users.load(std::memory_order_acquire) != 0; }

  /// A number that no other node of the volume has, or had. It is the next after `last` where it is
  /// asked for first: so it costs nothing to make nodes, and those who make them share no count. No
  /// lock is needed but what keeps the node.
  std::uint64_t id(std::atomic<std::uint64_t>& last) const noexcept {
    std::uint64_t drawn = drawn_id.load(std::memory_order_relaxed);
    if (drawn != 0) return drawn;
    const std::uint64_t next = last.fetch_add(1, std::memory_order_relaxed) + 1;
    return drawn_id.compare_exchange_strong(drawn, next, std::memory_order_relaxed) ? next : drawn;
  }

  // Guarded by the tree's lock. While the node is busy `name` does not change, and `parent` only to
  // null, where a file loses its name.
  parent_link parent;  ///< null for the root, and for a node that is not in the tree
  node* next_in_bucket = nullptr;
  node_name name;

  const time_point created_at;
  std::uint64_t hash = 0;                       ///< of the name
  mutable std::atomic<std::uint64_t> drawn_id;  ///< 0: nobody has asked for it
  std::atomic<std::uint32_t> users{0};
  const bool is_directory;

 protected:
  node(bool directory, time_point now, std::uint64_t id = 0) noexcept
      : created_at(now), drawn_id(id), is_directory(directory) {}
  ~node() = default;
};

/// Whether a node is below a directory. Under the tree's lock.
bool is_below(const node& n, const directory_node& above) noexcept;
/// Counts a user of the node, and, if it had none, one of each directory above it up to the first
/// that had some. Under the tree's lock.
void count_user(node& of) noexcept;
/// Takes back what `count_user` has counted. No lock is needed. Returns whether it was the last
/// user of a file without a name, which is the caller's then.
bool discount_user(node& of) noexcept;
/// The lane of the volume's `lifetime` in which users of this file are counted: mostly another one
/// for another file, so that they do not share a word.
std::size_t lane_of(const file_node& n) noexcept;

/// A directory. Guarded by the tree's lock.
class directory_node final : public node {
 public:
  directory_node(time_point now, const hash_key& key, small_memory& from) noexcept
      : node(true, now), modified_at(now), entries(key, from) {}

  /// What `stat` tells, without the id, where memory counts.
  file_status status() const noexcept {
    return {0, created_at, modified_at, 0, true, 0, directory_index::footprint(entries.size())};
  }

  // Guarded by the tree's lock.
  time_point modified_at;
  directory_index entries;
};

/// A file. Its lock guards its content, and comes before the tree's in the order of locks. What
/// `stat` shows of the file stands apart, since `stat` waits for no file's lock.
///
/// Invariant: but for the operation that makes it, its lock is held only through a `node_use`,
/// which keeps it busy, or keeps it at all where it has no name.
class file_node final : public node {
  // Members of less than a word stand where the node and the content leave room for them.
  // A bit for whether it was opened, and above it how often that was by another thread.
  static constexpr std::uint8_t opened = 1, one_change = 2, many = 64 * one_change;
  std::atomic<std::uint8_t> changes_{0};
  std::atomic<std::uint8_t> last_reader_{0};

 public:
  /// Whether a mark in the hold table is its shared lock, too. While it is so nobody holds it
  /// exclusively or waits for it. Guarded by the tree's lock: changed under the exclusive one.
  bool is_hot : 1 = false;
  /// Whether it is among the tree's `flows`. Guarded by the tree's lock in the same way.
  bool is_followable : 1 = false;
  /// Whether the writer that has finished it for its followers is about to let go of its lock.
  /// Guarded in the same way.
  bool is_settling : 1 = false;

  file_node(storage_layout layout, time_point now) noexcept
      : node(false, now), content(layout), modified_at_(now.time_since_epoch().count()) {}
  /// The same file in another place of the memory, which is not in the tree yet. Nobody uses
  /// `idle`.
  explicit file_node(file_node&& idle) noexcept;
  /// The file that `content` is a member of.
  static file_node& of(storage& content) noexcept;

  /// What `stat` tells, without the id, where memory counts.
  file_status status() const noexcept;
  std::uint64_t size() const noexcept { return status().size; }

  /// Shows the content as it is now, after a change at that time; a later time that it has already
  /// stays. Under the file's exclusive lock.
  void publish_change(time_point now) noexcept;
  /// Shows another time than that of the last change. Under the tree's exclusive lock.
  void set_modified(time_point to) noexcept {
    modified_at_.store(to.time_since_epoch().count(), std::memory_order_release);
  }
  /// Shows the content that a new file is made with, before anybody else sees the file.
  void publish_new(std::uint64_t generation) noexcept;
  /// Shows what the content takes where nothing else of it has changed, but not while it may be
  /// pinned: what pins are charged is no part of its totals then, though a copy takes it. Under the
  /// file's exclusive lock.
  void publish_footprint() noexcept {
    if (content.may_have_pins()) return;
    footprint_.store(content.totals_now().footprint, std::memory_order_release);
  }
  /// Shows what it has shown before, where nobody else sees the file.
  void publish_again(const file_status& was) noexcept;
  /// What the content of a copy would amount to, as far as can be told without the file's lock.
  totals estimate_copy() const noexcept;

  /// The only lane in which it may have marks in the hold table, or `no_lane` if they may be in
  /// any.
  unsigned lane_of_marks() const noexcept {
    const unsigned noted = lane_of_marks_.load(std::memory_order_relaxed);
    return noted != 0 ? noted - 1 : no_lane;
  }
  void note_marks_of(unsigned lane) noexcept;

  /// Notes an open by the thread of a lane, or of none. What is counted is about how often, since
  /// the last open for writing, a reader came from another thread than the one before.
  void note(opening how, unsigned lane) noexcept;
  /// Begins to count readers anew.
  void forget_readers() noexcept { changes_.store(opened, std::memory_order_relaxed); }
  /// Whether that was so often that it pays to make the file hot.
  bool is_warm() const noexcept { return changes_.load(std::memory_order_relaxed) >= many; }

  /// Notes an open of a file that readers share; mostly it only looks.
  void note_use() noexcept {
    if (!was_used()) changes_.fetch_or(opened, std::memory_order_relaxed);
  }
  /// Whether it was opened since `take_use` was called before, or since its content is new. The
  /// open that makes a file does not count.
  bool was_used() const noexcept {
    return (changes_.load(std::memory_order_relaxed) & opened) != 0;
  }
  /// Returns `was_used()`, and forgets it. Under the tree's lock, shared or exclusive.
  bool take_use() noexcept;

  fair_lock lock;
  [[no_unique_address]] storage content;  // guarded by lock

  /// Where it stands with an attempt that clears the way for a change to the tree: that has it out
  /// of the way, or has found that others have it, too. Guarded by the tree's exclusive lock, and
  /// `none` again when that is let go.
  enum class clearance : unsigned char { none, cleared, has_others };
  clearance cleared = clearance::none;

 private:
  void note_reader_of(unsigned lane) noexcept;
  void show(time_point now, std::uint64_t generation) noexcept;
  template <class Look>
  auto look(Look look) const noexcept;

  std::atomic<std::uint8_t> lane_of_marks_{0};

  // What `stat` shows, by a sequence lock: it is written under the file's exclusive lock, and what
  // was read belongs together if `turn_` is even, and the same before and after. So readers write
  // nothing.
  std::atomic<std::uint32_t> turn_{0};
  std::atomic<std::uint64_t> size_{0};
  std::atomic<std::uint64_t> footprint_{0};
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<time_point::rep> modified_at_;
};

}  // namespace coramfs::detail
