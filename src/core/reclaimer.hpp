// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/waiting.hpp>
#include <coramfs/reclaim.hpp>
#include <coramfs/result.hpp>

#include "core/brief_lock.hpp"
#include "core/callback_scope.hpp"
#include "core/quota.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace coramfs::detail {

class reclaimer;

/// One asking of a volume's callback, for one request or for several that share it.
///
/// While the callback is at work, what they want of bytes stands in the queue of the quota, so that
/// what is freed is theirs and not somebody's who has just come. If all of that is granted, each of
/// them has its part until it takes it or goes.
///
/// Lifetime: counted. The requests hold it, whoever answers it, and the queue of the quota. The
/// last of them may come when the volume has gone: by then it has nothing of that any more.
///
/// Thread safety: what changes after the callback has been called is guarded by the mutex of the
/// reclaimer; the place in the quota's queue is the answerer's.
class asking {
 public:
  /// It has one holder, who made it.
  explicit asking(reclaimer& of) noexcept : of_(of) {}
  asking(const asking&) = delete;
  asking& operator=(const asking&) = delete;

  void hold() noexcept { holders_.fetch_add(1, std::memory_order_relaxed); }
  void drop() noexcept {
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  /// As `reclaim_task` has them. Its holder calls each once, `end` also without `begin`.
  shortage begin() noexcept;
  void end() noexcept;
  reclaimer& of() const noexcept { return of_; }

 private:
  friend class reclaimer;
  friend class asking_part;

  class queued final : public waiter {
   public:
    explicit queued(asking& of) noexcept : of_(of) {}

   private:
    void granted() noexcept override { of_.drop(); }
    asking& of_;
  };

  ~asking() = default;

  reclaimer& of_;
  std::atomic<std::uint32_t> holders_{1};

  enum class phase : unsigned char { is_joined, is_asked, has_ended };
  // Guarded by the reclaimer's mutex.
  phase phase_ = phase::is_joined;
  shortage wanted_;            // by all who share it, and the least that one of them wants
  std::uint32_t parts_ = 0;    // how many have or may yet have a part of the bytes
  std::uint64_t granted_ = 0;  // bytes that wait for them
  wait_queue waiting_;         // for the end

  // The answerer's.
  queued place_{*this};
  std::optional<space_claim> claim_;
  bool has_bytes_ = false;  // the claim was had at once
};

/// What a request has of an asking: a place among those who wait for its end, and a part of what it
/// brings, if it shares it.
///
/// Thread safety: one operation's own.
class asking_part {
 public:
  /// Of a request that has met that limit.
  asking_part(errc limit, std::uint64_t amount) noexcept : limit_(limit), amount_(amount) {}
  asking_part(const asking_part&) = delete;
  asking_part& operator=(const asking_part&) = delete;
  ~asking_part();

  /// Whether the callback is asked for this request, too.
  bool is_shared() const noexcept { return is_shared_; }
  errc limit() const noexcept { return limit_; }
  std::uint64_t amount() const noexcept { return amount_; }
  bool has_ended() const noexcept;

  /// Those of a `claim`, which is for the end of the asking.
  /// @{
  bool enqueue(waiter& w) noexcept;
  bool withdraw(waiter& w) noexcept;
  /// @}
  /// Takes the bytes that were freed for it, and returns how many: all or none. They are reserved.
  std::uint64_t take() noexcept;
  /// The request goes, and is still asked for: so the next one finds room.
  void leave_want() noexcept { leaves_want_ = true; }

 private:
  friend class reclaimer;
  /// Joins the asking, and shares it if that is still possible. Under the reclaimer's mutex.
  void join(asking& of) noexcept;
  std::uint64_t& wanted() const noexcept;

  asking* of_ = nullptr;  // not null once it has joined
  const errc limit_;
  bool is_shared_ = false;
  bool leaves_want_ = false;
  const std::uint64_t amount_;
};

/// Asks the callback of a volume that is full. There is one asking at a time.
///
/// Thread safety: all members may be called from many threads at once. The mutex is a leaf, and
/// neither the callback nor a waiter is called under it.
class reclaimer {
 public:
  explicit reclaimer(quota& limits) noexcept : limits_(limits) {}
  reclaimer(const reclaimer&) = delete;
  reclaimer& operator=(const reclaimer&) = delete;

  /// Whether the calling thread is in the callback, so that it is not to be asked.
  bool is_in_callback() const noexcept { return callback_scope::is_in(this); }

  /// Asks on behalf of a request that has met a limit, which is `quota_exceeded` or
  /// `node_limit_exceeded`, or joins those who wait for the end of an asking. A function has been
  /// called when this returns. Gives null where memory is refused. No lock may be held but those of
  /// files.
  std::unique_ptr<asking_part> ask(errc limit, std::uint64_t amount) noexcept;

  /// Notes an asking whose callback has failed, or could not begin.
  void note_failure() noexcept { failures_.fetch_add(1, std::memory_order_relaxed); }
  /// How many there were.
  std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }

 protected:
  ~reclaimer() = default;

 private:
  friend class asking;
  friend class asking_part;

  /// Has the callback answer.
  virtual void start(reclaim_task task) noexcept = 0;

  quota& limits_;
  brief_lock mutex_;
  asking* current_ = nullptr;  // guarded by mutex_; its answerer holds it
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace coramfs::detail
