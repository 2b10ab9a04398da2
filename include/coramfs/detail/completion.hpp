// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/continuation.hpp>

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace coramfs::detail {

/// The far end of an operation that was begun with a completion token: its handler, without the
/// handler's type, and without that of what the handler is called with. The operation itself lives
/// in its `room_`, so that both are one piece of memory, from the handler's associated allocator.
///
/// The operation ends it, and itself, by exactly one of `abandon` and `completion::complete`.
class any_completion {
 public:
  any_completion(const any_completion&) = delete;
  any_completion& operator=(const any_completion&) = delete;

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

  /// Where the memory comes from that an executor takes for what is posted to it.
  enum class memory : unsigned char {
    associated,  ///< the handler's associated allocator
    any,         ///< what the executor takes it from by itself
  };
  /// Posts to the handler's executor, where all of the operation runs but its beginning: what is
  /// associated with the handler, its cancellation slot too, is touched nowhere else.
  virtual void submit(continuation rest, memory from) = 0;
  /// The same for an operation that has ended in the initiation: where the handler has associated
  /// an immediate executor, by that.
  virtual void submit_at_once(continuation rest, memory from) = 0;

  /// Destroys the handler uncalled.
  virtual void abandon() noexcept = 0;

 protected:
  any_completion(asio::any_io_executor executor, asio::cancellation_slot slot) noexcept
      : executor_(std::move(executor)), slot_(slot) {}
  ~any_completion() { drop_operation(); }

  void drop_operation() noexcept {
    if (auto* const destroy = std::exchange(destroy_, nullptr)) destroy(room_);
  }

 private:
  asio::any_io_executor executor_;
  asio::cancellation_slot slot_;
  void (*destroy_)(void*) = nullptr;
  alignas(std::max_align_t) std::byte room_[1024];
};

/// An `any_completion` for an operation that ends with an `Outcome`.
template <class Outcome>
class completion : public any_completion {
 public:
  /// Calls the handler. Only to be called in what has been submitted.
  virtual void complete(Outcome outcome) = 0;

 protected:
  using any_completion::any_completion;
  ~completion() = default;
};

/// Returns the executor to wait with for an operation that has none but the handler's.
template <class Handler>
asio::any_io_executor io_executor_of(const Handler& handler) {
  using associated = asio::associated_executor_t<Handler>;
  if constexpr (!std::is_same_v<associated, asio::system_executor> &&
                std::is_convertible_v<associated, asio::any_io_executor>) {
    return asio::get_associated_executor(handler);
  } else {
    return system_io_executor();
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

  void submit(continuation rest, any_completion::memory from) override {
    // This may be gone while the call lasts.
    const handler_executor on = work_.get_executor();
    if constexpr (can_be_posted_to<handler_executor>) {
      if (from == any_completion::memory::any) return asio::post(on, std::move(rest));
      asio::post(on, own(std::move(rest)));
    } else {
      const asio::any_io_executor executor = this->executor();
      asio::post(executor, posted_by_another{own(std::move(rest)), on});
    }
  }

  void submit_at_once(continuation rest, any_completion::memory from) override {
    if constexpr (!has_own_immediate_executor<Handler>) {
      submit(std::move(rest), from);
    } else {
      // This may be gone while the call lasts.
      const asio::any_io_executor executor = this->executor();
      const auto immediate = immediate_executor_of(handler_, executor);
      if constexpr (has_own_executor<Handler>) {
        detail::submit_at_once(immediate,
                               posted_by_another{own(std::move(rest)), work_.get_executor()});
      } else {
        detail::submit_at_once(immediate, own(std::move(rest)));
      }
    }
  }

  void complete(Outcome outcome) override {
    const auto work = std::move(work_);
    bound_handler<Handler, Outcome> bound{take(), std::move(outcome)};
    bound();
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
  /// The same by way of another executor, which passes it on to the handler's.
  struct posted_by_another : posted {
    using executor_type = handler_executor;

    posted_by_another(posted&& what, const executor_type& to) : posted(std::move(what)), on(to) {}
    executor_type get_executor() const noexcept { return on; }

    executor_type on;
  };

  posted own(continuation rest) const {
    return {std::move(rest), asio::get_associated_allocator(handler_)};
  }

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

// This specialization is named in full, because a namespace can not be opened by an alias.
template <template <class, class> class Associator, class Handler, class Outcome, class Default>
struct coramfs::asio::associator<Associator, coramfs::detail::bound_handler<Handler, Outcome>,
                                 Default> : Associator<Handler, Default> {
  using bound = coramfs::detail::bound_handler<Handler, Outcome>;

  static auto get(const bound& b) noexcept { return Associator<Handler, Default>::get(b.handler); }
  static auto get(const bound& b, const Default& fallback) noexcept {
    return Associator<Handler, Default>::get(b.handler, fallback);
  }
};
