// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/waiting.hpp>
#include <coramfs/result.hpp>

#include "core/biased_lock.hpp"
#include "core/clock.hpp"
#include "core/error_note.hpp"
#include "core/path.hpp"
#include "core/quota.hpp"
#include "core/step_scope.hpp"
#include "core/thread_safety.hpp"
#include "storage/account.hpp"
#include "tree/flow.hpp"
#include "tree/handle_table.hpp"
#include "tree/hold_table.hpp"
#include "tree/node.hpp"
#include "tree/recent_directories.hpp"

#include <atomic>
#include <cassert>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace coramfs::detail {

/// A place in the tree, where there may be a node or not, in a directory that exists. It is valid
/// while the tree's lock is held that it was found under.
struct entry {
  directory_node* parent;  ///< null for the root
  std::string_view name;   ///< empty for the root
  node* found;             ///< null if the place is free
  std::uint64_t hash = 0;  ///< of the name, if a look needed it

  /// Errors: `already_exists`.
  result<void> require_absent() const noexcept;
  /// Errors: `not_found`, `is_a_directory`.
  result<file_node*> require_file() const noexcept;
  /// Errors: `not_found`, `not_a_directory`.
  result<directory_node*> require_directory() const noexcept;
};

/// A free place as one look has found it, for the same operation to come back to with a node under
/// another hold of the lock. The directory may be gone by then, so it is not looked into before it
/// is known to be there.
struct vacancy {
  directory_node* parent = nullptr;  ///< null: it is looked up anew
  std::uint64_t times_forgotten = 0;
  std::uint64_t version = 0;  ///< of the parent's entries
  std::uint64_t hash = 0;     ///< of the name, if it is known
};

/// Frees a node with all below it, however deep, without recursion.
struct subtree_deleter {
  void operator()(node* top) const noexcept;
};
/// A node that is not in the tree, with all below it.
using detached_node = std::unique_ptr<node, subtree_deleter>;

/// The names of a volume: its nodes, and which of them are in use. What they take is charged by the
/// callers.
///
/// One lock guards it, of the kind that is for short sections: nothing waits under it, and it is
/// held for look-ups and moves of pointers. Those who look something up share it without writing to
/// the same memory.
///
/// Order of locks: a file's lock may be held when the tree's is taken. Under the tree's a file's
/// lock is only tried, and these may be taken: those of `small_memory`, that of `block_memory`,
/// the quota's lock, the mutex of a file's queue, and that of thread lanes. No user's code is
/// called under it.
///
/// Invariants: every node in it but the root is in the index of its parent. A busy node stays where
/// it is, unless it is a file whose name is taken, and so does every directory above it.
class CORAMFS_CAPABILITY("the names of a volume") tree {
 public:
  class shared_access;
  class exclusive_access;
  /// Says that a hold of the lock is one of many slices, and passes nobody who waits.
  struct in_turn_t {};
  static constexpr in_turn_t in_turn{};

  /// A tree of a root alone. All nodes come from `memory`, and handles hold `whole`. Throws
  /// `std::bad_alloc`.
  /// `key` is for the hashes of names; without one it is the clock's, or a random one.
  tree(lifetime& whole, small_memory& memory, volume_clock clock = volume_clock(),
       const hash_key* key = nullptr);
  /// Frees nothing in it, since its memory goes as a whole.
  ~tree() { static_cast<void>(root_.release()); }
  /// Frees all nodes, the root with them. Afterwards the tree may only be destroyed.
  void free_all() noexcept { root_.reset(); }
  tree(const tree&) = delete;
  tree& operator=(const tree&) = delete;

  /// Finds the place that a path names. Errors: `not_found` or `not_a_directory`, whichever comes
  /// first on the way down, for what is above the last name. Under the lock.
  result<entry> look_up(normal_path path) const noexcept CORAMFS_REQUIRES_SHARED(this);
  /// The same for a path whose place was free at an earlier look, of which `v` is. It costs next to
  /// nothing where nobody has changed the directory since. Under the lock.
  result<entry> look_up_again(normal_path path, const vacancy& v) const noexcept
      CORAMFS_REQUIRES_SHARED(this);
  /// The same for a name in a directory of the tree. Under the lock.
  static entry look_up_in(directory_node& in, std::string_view name) noexcept {
    const auto [found, hash] = in.entries.look_for(name);
    return {&in, name, found, hash};
  }
  /// Notes a free place. Under the lock.
  vacancy note(const entry& at) const noexcept CORAMFS_REQUIRES_SHARED(this) {
    return {at.parent, recent_.times_forgotten(), at.parent->entries.version(), at.hash};
  }

  /// Whether a node is busy. Under the exclusive lock; for a file also under the shared one, where
  /// users may come and go meanwhile.
  bool is_busy(const node& n) const noexcept CORAMFS_REQUIRES_SHARED(this);
  /// Checks that a node is not busy. Under the exclusive lock, and for a file also under the shared
  /// one. Errors: `busy`, with a note of who has the file open, and which it is below a directory.
  result<void> require_idle(const node& n) const noexcept CORAMFS_REQUIRES_SHARED(this);
  /// The error of a busy node. It takes some time, to look at the handles.
  error why_busy(const node& n) const noexcept;

  /// Holds a file busy, and takes its lock if that passes nobody. Under the lock, shared or
  /// exclusive. A hot file that is to be locked exclusively has to be cooled first. `how` is noted
  /// once the file is locked: where that waits the caller does it.
  node_use use(file_node& f, fair_lock::kind k, opening how) noexcept CORAMFS_REQUIRES_SHARED(this);
  /// Holds a file busy and locked for a handle that keeps its content, if the lock and a mark are
  /// had at once; else the use is empty. Under the lock, shared or exclusive.
  node_use use_at_once(file_node& f, fair_lock::kind k) noexcept CORAMFS_REQUIRES_SHARED(this);
  /// Whether a file has to be cooled before it is locked. Under the lock.
  bool must_cool(const file_node& f, fair_lock::kind k) const noexcept
      CORAMFS_REQUIRES_SHARED(this) {
    return f.is_hot && k == fair_lock::kind::exclusive;
  }
  /// Makes a warm file hot, if nobody waits for it: from then on its readers only mark it, and
  /// share no word of its lock. `used` holds it for reading. It takes the lock.
  void heat(const node_use& used) noexcept CORAMFS_EXCLUDES(this);
  /// Makes a hot file an ordinary one: its readers are counted in its lock again, for which others
  /// may wait then. Under the exclusive lock.
  void cool(file_node& f) noexcept CORAMFS_REQUIRES(this);

  /// The marks of the files in use.
  hold_table& holds() noexcept { return holds_; }
  /// The handles that are open.
  handle_table& handles() noexcept { return handles_; }
  /// The files that are written for others to follow.
  flow_table& flows() noexcept { return flows_; }
  /// Who has a file open, of the first thousand handles, and how many wait for it, up to a
  /// thousand: not more are looked at, since one who polls for a lock must not pay for all that is
  /// open. The caller holds the file busy, or the lock.
  lock_state who_has(const file_node& f) const noexcept;
  /// The number that tells a node from all others that the volume has, or had.
  std::uint64_t id_of(const node& n) const noexcept { return n.id(last_id_); }
  /// The file at a path, or null if there is none. Under the lock.
  file_node* find_file(normal_path path) const noexcept CORAMFS_REQUIRES_SHARED(this);

  small_memory& memory() const noexcept { return memory_; }
  const volume_clock& clock() const noexcept { return clock_; }

  /// Whether the calling thread holds the lock exclusively.
  bool is_changed_by_this_thread() const noexcept { return lock_.is_held_by_this_thread(); }
  /// Fail in a debug build where the calling thread does not hold the lock exclusively, or at all.
  /// For who is called by somebody that holds it by another name, which clang does not take for the
  /// same.
  /// @{
  void require_exclusive() const noexcept CORAMFS_ASSERTS(this) {
    assert(is_changed_by_this_thread());
  }
  void require_held() const noexcept CORAMFS_ASSERTS_SHARED(this) { assert(step_scope::is_open()); }
  /// @}
  /// Whether a node of the volume is below the root. For a node below `deepest_look` levels the
  /// answer is no. Under the exclusive lock.
  bool is_in_tree(const node& n) const noexcept CORAMFS_REQUIRES(this);
  /// Puts `moved`, the same file in another place of the memory, where `idle` was, which must not
  /// be busy. Under the exclusive lock.
  static void replace(file_node& idle, file_node& moved) noexcept;

  /// The key for the hashes of all names in it.
  const hash_key& key() const noexcept { return key_; }

  directory_node& root() const noexcept { return static_cast<directory_node&>(*root_); }

  /// Puts a node into its place, and returns what was there. The parent's `modified_at` becomes
  /// now. Precondition: if nothing was there, the parent's index has reserved the entry. Under the
  /// exclusive lock, or while the parent is not in the tree.
  detached_node link(const entry& at, detached_node fresh) const noexcept;
  /// Does what `link` does for a node that has just been made, whose creation serves as the time of
  /// the parent's change. That saves a look at the clock.
  static detached_node link_made(const entry& at, detached_node fresh) noexcept;
  /// Takes a node that is not busy out of the tree. Under the exclusive lock.
  detached_node unlink(node& n) const noexcept CORAMFS_REQUIRES(this);
  /// Takes a file out of the tree that may be busy. Returns it if it was not; else it is one
  /// without a name from now on, for its last user to free, and whoever waits for its lock is told.
  /// Under the exclusive lock.
  detached_node take_name(file_node& f) noexcept CORAMFS_REQUIRES(this);

  /// Makes the marks of a file counts, so that all who use it are counted. Under the exclusive
  /// lock.
  void count_uses(file_node& f) noexcept CORAMFS_REQUIRES(this);
  /// A file below a directory that has a mark, or null. Under the exclusive lock.
  file_node* marked_below(const directory_node& d) const noexcept CORAMFS_REQUIRES(this) {
    return const_cast<file_node*>(holds_.held_below(d));
  }
  /// Calls `see` for the files below a directory that handles have open, of the first thousand
  /// handles, once for each handle. They are found soon, wherever they are. Under the exclusive
  /// lock.
  template <class See>
  void see_open_below(const directory_node& d, See see) const CORAMFS_REQUIRES(this) {
    handles_.see_first([&](const handle_entry& h) {
      if (is_below(*h.file, d)) see(*h.file);
    });
  }
  /// The first file below a directory that has users, or the next behind `after`, in no particular
  /// order, or null if there is none. It looks at all entries of those directories that are busy,
  /// which takes its time, and of marks it knows nothing. Under the exclusive lock.
  static file_node* used_below(directory_node& d, node* after = nullptr) noexcept;

  /// Takes back what a file in use is counted in the directories above it, so that they may be
  /// found idle without it. Until `count_again`, `take_name_aside` or `renew_aside` the caller has
  /// a use of it that is counted, and the lock. Under the exclusive lock.
  static void set_aside(file_node& f) noexcept;
  static void count_again(file_node& f) noexcept;
  /// Takes a file out of the tree that is set aside: it is one without a name from now on, for its
  /// last user to free, and whoever waits for its lock is told. The spare pages of the directory
  /// stay. Under the exclusive lock.
  void take_name_aside(file_node& f) const noexcept CORAMFS_REQUIRES(this);
  /// The same, but puts `fresh`, which is made of it by that, with its name and content, into its
  /// place: so the file can be moved, and those who wait for it look for its path again. It takes
  /// time with the blocks of the content, each of which is told its new owner. Returns the file
  /// that is in the tree now. Under the exclusive lock.
  static file_node& renew_aside(file_node& f, std::unique_ptr<file_node> fresh) noexcept;
  /// Gives a node another name and place, which is not its own, and returns what was there.
  /// Precondition: the index of the new parent has reserved an entry, unless that is also the old
  /// parent or a node is replaced. Under the exclusive lock.
  detached_node relocate(node& n, node_name name, const entry& to) const noexcept
      CORAMFS_REQUIRES(this);

 private:
  static constexpr int deepest_look = 64;  // levels; a bound for the time that a look takes

  const file_node* busy_below(const directory_node& d) const noexcept CORAMFS_REQUIRES(this);
  void touch(directory_node& d) const noexcept;
  static detached_node put(const entry& at, detached_node fresh) noexcept;
  result<directory_node*> look_up_directory(std::string_view path) const noexcept
      CORAMFS_REQUIRES_SHARED(this);

  node_use mark(file_node& f, fair_lock::kind k, opening how, std::uint64_t kind) noexcept
      CORAMFS_REQUIRES_SHARED(this);

  biased_lock lock_;
  const volume_clock clock_;
  const hash_key key_;
  lifetime& whole_;
  small_memory& memory_;
  detached_node root_;
  hold_table holds_;
  handle_table handles_;
  flow_table flows_;
  mutable recent_directories recent_;
  mutable std::atomic<std::uint64_t> last_id_{0};
};

/// The tree's lock, held shared for a scope. No step of an operation may end in it (`step_scope`).
class CORAMFS_SCOPED_CAPABILITY tree::shared_access : step_scope {
 public:
  explicit shared_access(tree& t) noexcept CORAMFS_ACQUIRE_SHARED(t)
      : lock_(t.lock_), lane_(lock_.lock_shared()) {}
  shared_access(tree& t, in_turn_t) noexcept CORAMFS_ACQUIRE_SHARED(t)
      : lock_(t.lock_), lane_(lock_.lock_shared_in_turn()) {}
  shared_access(const shared_access&) = delete;
  shared_access& operator=(const shared_access&) = delete;
  ~shared_access() CORAMFS_RELEASE() { lock_.unlock_shared(lane_); }

 private:
  biased_lock& lock_;
  const unsigned lane_;
};
/// The tree's lock, held exclusively for a scope. Bytes that are freed under it may be granted to
/// somebody, who is told when the lock is gone.
class CORAMFS_SCOPED_CAPABILITY tree::exclusive_access : announcement_pause, step_scope {
 public:
  explicit exclusive_access(tree& t) noexcept CORAMFS_ACQUIRE(t) : hold_(t.lock_) {}
  exclusive_access(tree& t, in_turn_t) noexcept CORAMFS_ACQUIRE(t)
      : hold_((t.lock_.lock_in_turn(), t.lock_), std::adopt_lock) {}
  exclusive_access(const exclusive_access&) = delete;
  exclusive_access& operator=(const exclusive_access&) = delete;
  ~exclusive_access() CORAMFS_RELEASE() {}

 private:
  std::lock_guard<biased_lock> hold_;
};

/// The path of a node that is in the tree. Under the lock. Throws `std::bad_alloc`.
std::string path_of(const node& n);

/// How many bytes a node and its name take, without its content, or the table of a directory.
std::uint64_t node_footprint(bool is_directory, std::size_t name_size) noexcept;
inline std::uint64_t node_footprint(bool is_directory, std::string_view name) noexcept {
  return node_footprint(is_directory, name.size());
}

/// By how many bytes the table of a directory grows for `added` entries more. Under the tree's
/// lock.
std::uint64_t entry_footprint(const directory_node& in, std::size_t added = 1) noexcept;

/// What a file is charged, without its entry in the directory. Under the tree's exclusive lock
/// while it is not busy, or under its own lock. What pins hold of it is charged to the pins from
/// then on.
charge file_charge(file_node& file, const account& payer) noexcept;

/// Frees nodes that were taken out of the tree, with all below them, step by step, and says what
/// the nodes of each step were charged. The entry of a top in the directory that it was in is not
/// counted. What is left is freed by the destructor, and not counted.
///
/// Guarded by its operation: one thread at a time. `step` is not called under the tree's lock.
class disposal {
 public:
  explicit disposal(detached_node top = nullptr) noexcept : rest_(std::move(top)) {}

  /// Adds a node, with all below it.
  void add(detached_node top) noexcept;

  bool is_done() const noexcept { return rest_ == nullptr; }
  /// Frees about as many nodes as a slice has. Returns what they were charged.
  charge step(const account& payer) noexcept;
  /// Frees as many where what they were charged has been given back already, or was never charged.
  /// What was left to pins and loans by then stays with these: to settle it again would take back
  /// what nobody gives back afterwards.
  void step_uncharged() noexcept { take_step(nullptr); }

 private:
  charge take_step(const account* payer) noexcept;

  // What is still to be freed is chained through the nodes.
  detached_node rest_;
};

}  // namespace coramfs::detail
