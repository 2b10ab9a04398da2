// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/fair_lock.hpp>
#include <coramfs/detail/waiting.hpp>
#include <coramfs/options.hpp>

#include <atomic>
#include <cstdint>

namespace coramfs::sqlite::detail {

/// How far a connection has locked its database: SQLite's own steps, with its numbers.
enum class lock_level : int { none, shared, reserved, pending, exclusive };

/// SQLite's locks of one database, which connections of this process have against each other.
///
/// Any number of connections are at `shared` or above, and read. One of them is `reserved` and
/// means to write; when it writes it is `pending`, from when nobody new comes in, and `exclusive`
/// once all others have left. A `fair_lock` can not be raised from shared to exclusive, so there
/// are two of them with simpler jobs. The gate is passed by who begins to read, and kept closed
/// from `pending` on; who waits for it does so in its fair queue. The readers' lock is held by all
/// who read, for who has to wait until none of them is left.
///
/// Deadlocks: SQLite's rules forbid to wait with a lock in hand, so only the step from `none` to
/// `shared` waits, and its patience ends also where another database's locks are in hand. Who
/// closes the gate to write waits for those that are just passing it, and they wait for nobody: the
/// one who may keep the readers' lock from them is never there beside one who writes.
///
/// Thread safety: safe; a `holder` belongs to one connection, which takes one call at a time.
class lock_state {
 public:
  /// What a connection holds.
  class holder {
   public:
    lock_level level() const noexcept { return level_; }

   private:
    friend class lock_state;
    lock_level level_ = lock_level::none;
  };

  /// Raises what `by` holds up to `to`, if others let it. Returns whether they do; if not, `by` may
  /// be at `pending`. From `none` the next step is `shared`.
  bool raise(holder& by, lock_level to, lock_timeout patience) noexcept;
  /// Lowers it to `to`, which is `shared` or `none`.
  void lower(holder& by, lock_level to) noexcept;
  /// Whether somebody is at `reserved` or above. It may be out of date on return.
  bool is_reserved() const noexcept { return writer_.load() != nullptr; }
  /// How often somebody has come to `reserved`: counted before that one writes anything.
  std::uint64_t reservations() const noexcept { return reservations_.load(); }

  /// Waits until nobody reads, and lets nobody in until `let_in`. Returns whether that was had in
  /// time. Precondition: nobody goes beyond `shared` meanwhile, as where all only read.
  bool keep_out(coramfs::detail::deadline until) noexcept;
  void let_in() noexcept;

 private:
  using fair_lock = coramfs::detail::fair_lock;
  using kind = fair_lock::kind;

  fair_lock gate_;
  fair_lock readers_;
  std::atomic<int> count_ = 0;  // of those who hold `readers_`
  std::atomic<std::uint64_t> reservations_ = 0;
  std::atomic<const holder*> writer_ = nullptr;  // who is at `reserved` or above
};

}  // namespace coramfs::sqlite::detail
