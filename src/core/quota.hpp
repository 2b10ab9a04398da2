// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/waiting.hpp>
#include <coramfs/result.hpp>

#include "core/brief_lock.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace coramfs::detail {

class asking_part;
class reclaimer;

/// What an operation takes or gives back. Chunks are counted, not limited.
struct charge {
  std::uint64_t bytes = 0;
  std::uint64_t ahead = 0;  ///< those bytes that are paid for before memory is taken for them
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t chunks = 0;

  std::uint64_t nodes() const noexcept { return files + directories; }

  charge& operator+=(const charge& other) noexcept {
    bytes += other.bytes;
    ahead += other.ahead;
    files += other.files;
    directories += other.directories;
    chunks += other.chunks;
    return *this;
  }
  charge& operator-=(const charge& other) noexcept {
    bytes -= other.bytes;
    ahead -= other.ahead;
    files -= other.files;
    directories -= other.directories;
    chunks -= other.chunks;
    return *this;
  }
  friend bool operator==(const charge&, const charge&) noexcept = default;
};

/// How much more is wanted than is given up for it.
constexpr std::uint64_t excess(std::uint64_t wanted, std::uint64_t replaced) noexcept {
  return wanted > replaced ? wanted - replaced : 0;
}

class quota;

/// Bytes that somebody has waited for. It has them until they are used up; what is left goes back
/// to the quota with it.
///
/// Thread safety: one operation's own.
class [[nodiscard]] grant {
 public:
  grant() noexcept = default;
  grant(quota& from, std::uint64_t bytes) noexcept : from_(&from), bytes_(bytes) {}
  grant(grant&& other) noexcept
      : from_(std::exchange(other.from_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  grant& operator=(grant&& other) noexcept {
    std::swap(from_, other.from_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~grant() {
    if (bytes_ > 0) give_back();
  }

  std::uint64_t bytes() const noexcept { return bytes_; }
  /// Leaves the bytes reserved, for a grant that is made of them later, and returns how many.
  std::uint64_t keep() noexcept { return std::exchange(bytes_, 0); }

 private:
  friend class quota;
  void give_back() noexcept;

  quota* from_ = nullptr;
  std::uint64_t bytes_ = 0;
};

/// What a volume keeps for reuse beside what it is charged for.
class spare_memory {
 public:
  /// Releases memory until no more than `bytes` are kept.
  virtual void keep_at_most(std::uint64_t bytes) noexcept = 0;

 protected:
  ~spare_memory() = default;
};

/// What an operation has reserved before it allocates; what it does not commit goes back with it.
///
/// Thread safety: one operation's own.
class [[nodiscard]] reservation {
 public:
  reservation() noexcept = default;
  reservation(reservation&& other) noexcept
      : from_(std::exchange(other.from_, nullptr)),
        wanted_(other.wanted_),
        replaced_(other.replaced_),
        ahead_(other.ahead_) {}
  reservation& operator=(reservation&& other) noexcept {
    const reservation old(std::move(*this));
    from_ = std::exchange(other.from_, nullptr);
    wanted_ = other.wanted_;
    replaced_ = other.replaced_;
    ahead_ = other.ahead_;
    return *this;
  }
  ~reservation() {
    if (from_ != nullptr) drop();
  }

  /// Makes `wanted` a charge and gives `replaced` back, in one step.
  void commit() noexcept;
  /// Instead of `commit`: turns its bytes into a grant, for an operation that must wait for more
  /// and may keep them. Its nodes go back.
  grant give_up() noexcept;

  /// Has `commit` store there what of the bytes is paid for ahead.
  void report_ahead(std::uint64_t* to) noexcept { ahead_ = to; }

 private:
  friend class quota;
  reservation(quota& from, const charge& wanted, const charge& replaced) noexcept
      : from_(&from), wanted_(wanted), replaced_(replaced) {}
  void drop() noexcept;

  quota* from_ = nullptr;
  charge wanted_;
  charge replaced_;
  std::uint64_t* ahead_ = nullptr;
};

/// The hard limits of a volume, in bytes and in nodes, and what is charged against them.
///
/// Every operation reserves before it allocates or changes anything, and commits when nothing can
/// fail any more. The figures that `read` gives count what is committed.
///
/// Who finds no room may queue for bytes. The queue is served strictly in order: what is freed
/// while it is not empty is set aside for its head, and others may take only what was free before.
/// So a large request is not overtaken for ever.
///
/// The limit of bytes may be changed at any time. Where more is taken than a lower one allows,
/// nothing more fits until enough was given back.
///
/// Invariants: unless the limit has been lowered, for bytes, committed + reserved + set aside <=
/// limit; for nodes, 1 + committed + reserved <= limit, for the root counts, but is there even if
/// the limit is 0. No bytes are set aside while nobody waits.
///
/// Thread safety: all members may be called from many threads at once, but for `set_spare`. The
/// mutex is a leaf, and of the kind that is for short sections: nothing else is locked under it,
/// nothing waits, and whoever was granted bytes is told outside of it. `reserve` and `adjust` call
/// the spare memory after that, which takes the mutexes of the block memory: they are not called
/// under these.
class quota {
 public:
  struct figures {
    charge committed;
    std::uint64_t peak_bytes;
    std::uint64_t max_bytes;
  };

  quota(std::uint64_t max_bytes, std::optional<std::uint64_t> max_nodes) noexcept
      : max_bytes_(max_bytes), may_be_taken_(max_bytes), max_nodes_(max_nodes) {}
  quota(const quota&) = delete;
  quota& operator=(const quota&) = delete;

  /// Reserves `wanted`. With `replaced`, only what goes beyond it is judged and reserved: the
  /// caller gives `replaced` up in the same `commit`. What was `granted` is used up first, unless
  /// the whole is refused.
  ///
  /// Errors: `node_limit_exceeded`, looked at first; `quota_exceeded`. Nothing is reserved then.
  result<reservation> reserve(const charge& wanted, const charge& replaced = {},
                              grant* granted = nullptr) noexcept;

  /// Judges as `reserve` would, and reserves nothing. Errors: as `reserve`.
  result<void> require(const charge& wanted, const charge& replaced = {},
                       const grant* granted = nullptr) const noexcept;

  /// Turns a reservation into another, in one step.
  ///
  /// Errors: as `reserve`; the reservation is as before then.
  result<void> adjust(reservation& held, const charge& wanted, const charge& replaced) noexcept;

  /// Gives back what was committed.
  void release(const charge& given) noexcept;

  /// From now on `spare` gives way to what is reserved; it is called without the quota's mutex. To
  /// be called before others use the quota, and after the last of them.
  void set_spare(spare_memory* spare) noexcept { spare_ = spare; }

  /// From now on `callback` is asked where it is full. To be called as `set_spare`.
  void set_reclaimer(reclaimer* callback) noexcept { reclaimer_ = callback; }
  /// Who is to be asked, or null.
  reclaimer* asked() const noexcept { return reclaimer_; }

  /// Changes the limit of bytes. Those who wait are served with what a higher one allows.
  void set_max_bytes(std::uint64_t limit) noexcept;

  std::uint64_t max_bytes() const noexcept { return max_bytes_.load(std::memory_order_relaxed); }
  /// The most nodes that a request could ever have.
  std::uint64_t max_nodes() const noexcept {
    return max_nodes_ ? excess(*max_nodes_, 1) : UINT64_MAX;
  }
  /// Bytes that may be taken in all: the limit, or what still is taken beyond one that was lowered.
  std::uint64_t may_be_taken() const noexcept {
    return may_be_taken_.load(std::memory_order_relaxed);
  }
  /// Bytes that are neither committed nor reserved, those that are set aside included.
  std::uint64_t left() const noexcept;
  /// Bytes that a request could have: those that are left, without those set aside.
  std::uint64_t available() const noexcept;
  /// How many bytes are missing until all who wait are served, and then one who wants so many. It
  /// may be more than can be freed.
  std::uint64_t missing(std::uint64_t bytes) const noexcept;
  /// How many help anybody: any where somebody waits, since they are set aside, or else all.
  std::uint64_t missing_next(std::uint64_t bytes) const noexcept;
  /// Nodes that a request could have; where there is no limit, more than there can be.
  std::uint64_t available_nodes() const noexcept;
  /// Bytes that are committed or reserved.
  std::uint64_t taken() const noexcept;
  figures read() const noexcept;

 private:
  friend class grant;
  friend class reservation;
  friend class space_claim;
  std::uint64_t untaken_bytes() const noexcept;
  void bound_taken() noexcept;
  std::uint64_t lacking(std::uint64_t bytes) const noexcept;
  std::uint64_t free_bytes() const noexcept;
  std::uint64_t free_nodes() const noexcept;
  result<void> judge(std::uint64_t bytes, std::uint64_t nodes,
                     std::uint64_t granted) const noexcept;
  void settle(const charge& wanted, const charge& replaced, bool commit) noexcept;
  grant keep_bytes(const charge& wanted, const charge& replaced) noexcept;
  bool enqueue(waiter& w, std::uint64_t bytes, grant* had) noexcept;
  bool withdraw(waiter& w, admission& others) noexcept;
  void freed(std::uint64_t bytes, admission& served) noexcept;
  void serve(admission& served) noexcept;
  bool take_for_head() noexcept;

  std::atomic<std::uint64_t> max_bytes_, may_be_taken_;  // written under mutex_
  const std::optional<std::uint64_t> max_nodes_;
  spare_memory* spare_ = nullptr;
  reclaimer* reclaimer_ = nullptr;

  // What each reservation writes to, the word of the lock among it, is in one cache line.
  static constexpr std::size_t cache_line = 64;
  alignas(cache_line) charge committed_;  // guarded by mutex_, as all others
  std::uint64_t reserved_bytes_ = 0;
  std::uint64_t reserved_nodes_ = 0;
  mutable brief_lock mutex_;
  std::uint64_t set_aside_bytes_ = 0;  // for the head of the queue
  std::uint64_t peak_bytes_ = 0;
  wait_queue queue_;
};

/// A claim for bytes of a quota, and a place in its queue; or one for the end of an asking of the
/// callback that may have them freed.
///
/// Thread safety: one operation's own.
class space_claim final : public claim {
 public:
  /// `had` is the grant of an operation that waited before, and found that it needs more. It goes
  /// to the front of the queue, and what it had is set aside for it.
  space_claim(quota& of, std::uint64_t bytes, grant* had = nullptr) noexcept;
  /// For the end of an asking.
  space_claim(quota& of, std::unique_ptr<asking_part> asked) noexcept;
  space_claim(space_claim&& other) noexcept;
  ~space_claim();

  /// Whether it is for the end of an asking.
  bool is_asking() const noexcept { return asked_ != nullptr; }
  /// Returns the bytes; after an asking none, if it has not brought all of them. Precondition: it
  /// is had, and this has not been called yet.
  grant take() noexcept;
  /// The error of an attempt that does not wait.
  error unmet() const noexcept;
  /// What a wait ends with that was over before that: of one that timed out it also tells how much
  /// was asked for and how much is left.
  error ended(const error& why) const noexcept {
    if (why != errc::timed_out) return why;
    const error lacks = unmet();
    return {errc::timed_out, lacks.requested(), lacks.available()};
  }

  bool enqueue(waiter& w) noexcept override;
  bool withdraw(waiter& w, admission& others) noexcept override;
  void give_back() noexcept override { const grant unused = take(); }

 private:
  quota& quota_;
  const std::uint64_t bytes_;
  grant* const had_ = nullptr;
  std::unique_ptr<asking_part> asked_;
};

}  // namespace coramfs::detail
