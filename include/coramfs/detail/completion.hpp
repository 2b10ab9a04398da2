// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/continuation.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/associator.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/system_executor.hpp>

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace coramfs::detail {

/// The far end of an operation that was begun with a completion token: its handler, without the
/// handler's type. The operation itself lives in its `room_`, so that both are one piece of memory,
/// from the handler's associated allocator.
///
/// The operation ends it, and itself, by exactly one of `complete`, `complete_at_once` and
/// `abandon`.
template <class Outcome>
class completion {
 public:
  completion(const completion&) = delete;
  completion& operator=(const completion&) = delete;

  /// The executor with which the operation waits: its own, not the handler's, which may have no
  /// context.
  const asio::any_io_executor& executor() const noexcept { return executor_; }
  asio::cancellation_slot slot() const noexcept { return slot_; }

  /// Makes the operation, of which there is one.
  template <class Operation, class... Arguments>
  Operation& emplace(Arguments&&... arguments) {
    static_assert(sizeof(Operation) <= sizeof(room_));
    auto* const made =
        new (static_cast<void*>(room_)) Operation(std::forward<Arguments>(arguments)...);
    destroy_ = [](void* operation) { static_cast<Operation*>(operation)->~Operation(); };
    return *made;
  }

  /// Posts to the handler's executor, where all of the operation runs but its beginning: what is
  /// associated with the handler, its cancellation slot too, is touched nowhere else. Memory comes
  /// from its allocator.
  virtual void submit(continuation rest) = 0;

  /// Calls the handler. Only to be called in what `submit` has posted.
  virtual void complete(Outcome outcome) = 0;
  /// Makes sure that the handler is called, but not in here. Only to be called in the initiation.
  virtual void complete_at_once(Outcome outcome) = 0;
  /// Destroys the handler uncalled.
  virtual void abandon() noexcept = 0;

 protected:
  completion(asio::any_io_executor executor, asio::cancellation_slot slot) noexcept
      : executor_(std::move(executor)), slot_(slot) {}
  ~completion() { drop_operation(); }

  void drop_operation() noexcept {
    if (auto* const destroy = std::exchange(destroy_, nullptr)) destroy(room_);
  }

 private:
  asio::any_io_executor executor_;
  asio::cancellation_slot slot_;
  void (*destroy_)(void*) = nullptr;
  alignas(std::max_align_t) std::byte room_[1024];
};

/// Returns the executor to wait with for an operation that has none but the handler's.
template <class Handler>
asio::any_io_executor io_executor_of(const Handler& handler) {
  using associated = asio::associated_executor_t<Handler>;
  if constexpr (std::is_convertible_v<associated, asio::any_io_executor>) {
    return asio::get_associated_executor(handler);
  } else {
    return asio::system_executor();
  }
}

/// A handler and what it is called with; it has all that is associated with the handler.
template <class Handler, class Outcome>
struct bound_handler {
  Handler handler;
  Outcome outcome;

  void operator()() { std::move(handler)(std::move(outcome)); }
};

template <class Handler, class Outcome>
class handler_completion final : public completion<Outcome> {
 public:
  static completion<Outcome>& make(Handler handler, const asio::any_io_executor& executor) {
    allocator a(asio::get_associated_allocator(handler));
    handler_completion* const memory = traits::allocate(a, 1);
    try {
      // Handlers move without throwing: Asio asks for that. But an executor that is to count as
      // work may take memory.
      return *new (static_cast<void*>(memory)) handler_completion(std::move(handler), executor);
    } catch (...) {
      traits::deallocate(a, memory, 1);
      throw;
    }
  }

  void submit(continuation rest) override {
    // This may be gone while the call lasts.
    const handler_executor on = work_.get_executor();
    asio::post(on, posted{std::move(rest), asio::get_associated_allocator(handler_)});
  }

  void complete(Outcome outcome) override {
    const auto work = std::move(work_);
    bound_handler<Handler, Outcome> bound{take(), std::move(outcome)};
    bound();
  }
  void complete_at_once(Outcome outcome) override {
    const asio::any_io_executor executor = this->executor();
    const auto work = std::move(work_);
    submit_at_once(executor, bound_handler<Handler, Outcome>{take(), std::move(outcome)});
  }
  void abandon() noexcept override { [[maybe_unused]] const Handler uncalled = take(); }

 private:
  using handler_executor = asio::associated_executor_t<Handler, asio::any_io_executor>;
  using traits = typename std::allocator_traits<
      asio::associated_allocator_t<Handler>>::template rebind_traits<handler_completion>;
  using allocator = typename traits::allocator_type;
  /// What `submit` posts, with the handler's allocator.
  struct posted {
    using allocator_type = asio::associated_allocator_t<Handler>;

    allocator_type get_allocator() const noexcept { return memory; }
    void operator()() { rest(); }

    continuation rest;
    allocator_type memory;
  };

  handler_completion(Handler handler, const asio::any_io_executor& executor)
      : completion<Outcome>(executor, asio::get_associated_cancellation_slot(handler)),
        work_(asio::get_associated_executor(handler, executor)),
        handler_(std::move(handler)) {}
  ~handler_completion() = default;

  // Frees the memory before the handler is called, which may begin the next operation in it.
  Handler take() noexcept {
    this->drop_operation();
    Handler handler(std::move(handler_));
    allocator a(asio::get_associated_allocator(handler));
    this->~handler_completion();
    traits::deallocate(a, this, 1);
    return handler;
  }

  asio::executor_work_guard<handler_executor> work_;
  Handler handler_;
};

}  // namespace coramfs::detail

namespace asio {

template <template <class, class> class Associator, class Handler, class Outcome, class Default>
struct associator<Associator, coramfs::detail::bound_handler<Handler, Outcome>, Default>
    : Associator<Handler, Default> {
  using bound = coramfs::detail::bound_handler<Handler, Outcome>;

  static auto get(const bound& b) noexcept { return Associator<Handler, Default>::get(b.handler); }
  static auto get(const bound& b, const Default& fallback) noexcept {
    return Associator<Handler, Default>::get(b.handler, fallback);
  }
};

}  // namespace asio
