// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/completion.hpp>

#include "async/context_waits.hpp"
#include "async/run.hpp"
#include "core/operation.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>

#include <chrono>
#include <cstddef>
#include <new>
#include <optional>
#include <utility>

namespace coramfs::detail {

/// An operation on its way to a completion handler.
template <waiting_operation Operation, class Outcome>
class started final : public context_waiter {
 public:
  started(completion<Outcome>& to, Operation op) noexcept : to_(to), op_(std::move(op)) {}

  /// In the initiation. `this` may be gone afterwards.
  void begin() {
    if (go_on()) {
      Outcome outcome = op_.outcome();
      to_.complete_at_once(std::move(outcome));
    }
  }

 private:
  /// Memory of the handler's own, for what is posted.
  template <class T>
  struct handler_allocator {
    using value_type = T;
    explicit handler_allocator(completion<Outcome>& of) noexcept : to(&of) {}
    template <class U>
    handler_allocator(const handler_allocator<U>& other) noexcept : to(other.to) {}

    T* allocate(std::size_t n) { return static_cast<T*>(to->allocate(n * sizeof(T))); }
    void deallocate(T* memory, std::size_t n) noexcept { to->deallocate(memory, n * sizeof(T)); }
    template <class U>
    bool operator==(const handler_allocator<U>& other) const noexcept {
      return to == other.to;
    }

    completion<Outcome>* to;
  };

  /// What is posted: if it is destroyed unrun, its context is dying.
  class resumption {
   public:
    using allocator_type = handler_allocator<void>;

    explicit resumption(started& s) noexcept : started_(&s), allocator_(s.to_) {}
    resumption(resumption&& other) noexcept
        : started_(std::exchange(other.started_, nullptr)), allocator_(other.allocator_) {}
    ~resumption() {
      if (started_ != nullptr) started_->abandon();
    }
    allocator_type get_allocator() const noexcept { return allocator_; }
    void operator()() { std::exchange(started_, nullptr)->resume(); }

   private:
    started* started_;
    allocator_type allocator_;
  };

  // True: it has ended. False: it goes on later, and `this` may be gone.
  bool go_on() {
    for (;;) {
      const progress p = op_.advance();
      if (p == progress::done) return true;
      executor_ = asio::prefer(to_.executor(), asio::execution::outstanding_work.tracked);
      if (p == progress::yields) {
        is_yielding_ = true;
        post();
        return false;
      }
      if (!start_waiting()) continue;
      mark_.emplace(op_.waiting());
      suspended();
      return false;
    }
  }

  // False: it need not wait.
  bool start_waiting() noexcept try {
    asio::cancellation_slot slot = to_.slot();
    if (slot.is_connected()) {
      slot.assign([this](asio::cancellation_type type) {
        if (type != asio::cancellation_type::none) cancel();
      });
    }
    const deadline until = op_.patience().deadline(std::chrono::steady_clock::now());
    if (!start(op_.awaited(), until, to_.executor())) return true;
    forget_slot();
    return false;
  } catch (const std::bad_alloc&) {
    forget_slot();
    op_.refuse(errc::out_of_memory);
    return false;
  }

  void resume() {
    if (!std::exchange(is_yielding_, false)) {
      forget_slot();
      mark_.reset();
      const wait_outcome ended = take_outcome();
      if (ended != wait_outcome::granted) op_.refuse(to_error(ended));
    }
    if (go_on()) {
      Outcome outcome = op_.outcome();
      to_.complete(std::move(outcome));
    }
  }

  void forget_slot() noexcept {
    asio::cancellation_slot slot = to_.slot();
    if (slot.is_connected()) slot.clear();
  }

  void post() noexcept override {
    const asio::any_io_executor executor = executor_;
    asio::post(executor, resumption(*this));
  }

  void abandon() noexcept override {
    if (!is_yielding_) {
      forget_slot();
      give_back();
    }
    to_.abandon();
  }

  completion<Outcome>& to_;
  Operation op_;
  asio::any_io_executor executor_;  // counts as work, so that its context waits for us
  std::optional<waiting_mark> mark_;
  bool is_yielding_ = false;
};

/// Begins an operation that ends with a handler.
template <class Outcome, waiting_operation Operation>
void start(completion<Outcome>& to, Operation op) {
  to.template emplace<started<Operation, Outcome>>(to, std::move(op)).begin();
}

}  // namespace coramfs::detail
