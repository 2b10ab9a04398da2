// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/completion.hpp>
#include <coramfs/detail/context_time.hpp>
#include <coramfs/detail/waiting.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "async/context_waits.hpp"
#include "core/operation.hpp"

#include <atomic>
#include <cstdint>
#include <optional>

namespace coramfs::detail {

/// An operation on its way to a completion handler, in the memory of its completion. It runs in the
/// initiation at first, and on the handler's executor after each wait or turn.
///
/// A cancellation is told to the operation once, at the first stop after it came, and again at each
/// wait that would begin later. The handler's slot is used from the first stop on.
///
/// Guarded as `context_waiter`.
class token_operation : public context_waiter {
 public:
  /// To be called once, in the initiation. `this` may be gone afterwards. It throws what a handler
  /// throws that is called in here, and `std::bad_alloc` where the handler's executor refuses what
  /// has ended, whatever memory it is given: the handler is destroyed then.
  void begin();

 protected:
  /// What it waits for, how long, where it is counted meanwhile, and why.
  struct wanted {
    claim* what;
    lock_timeout patience;
    std::atomic<std::uint64_t>* waiting;
    wait_reason why;
  };

  explicit token_operation(any_completion& to) noexcept : to_(to) {}
  ~token_operation() = default;

 private:
  class canceling;

  // Those of the operation, as `waiting_operation` says.
  virtual progress advance() noexcept = 0;
  virtual wanted awaited() noexcept = 0;
  virtual void refuse(const error& why) noexcept = 0;
  // Ends the completion with the outcome, and so this.
  virtual void complete() = 0;

  bool go_on() noexcept;
  bool listen() noexcept;
  void forget_slot() noexcept;
  bool yield() noexcept;
  bool wait() noexcept;

  void resume() override;
  void submit(continuation rest) override;
  void abandon() noexcept override;

  any_completion& to_;
  // Of a wait: counts as work, so that the context does not run out of it.
  asio::any_io_executor executor_;
  std::optional<waiting_mark> mark_;
  /// What it goes on from.
  enum class stop : unsigned char { none, wait, turn, end };
  stop at_ = stop::none;
  // What the slot has told, in the initiation and on the handler's executor.
  bool has_listened_ = false, listens_ = false, is_canceled_ = false, was_told_ = false;
  // The executor has refused it, so it is given no more memory of the handler's allocator, of which
  // the completion has some.
  bool was_refused_ = false;
};

}  // namespace coramfs::detail
