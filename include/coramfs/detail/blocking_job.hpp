// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/detail/waiting.hpp>
#include <coramfs/result.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace coramfs::detail {

class pool_state;

/// Work on its way through a `blocking_pool`. It is shared by whoever awaits it and by the pool,
/// and ends with the last of them: neither reads anything of the other.
///
/// It goes from `fresh` to `queued`, and from there to `running` or `dropped`, and from `running`
/// to `done`, only under the mutex of its pool.
class blocking_job {
 public:
  blocking_job(const blocking_job&) = delete;
  blocking_job& operator=(const blocking_job&) = delete;

  /// Called once, on a thread of the pool, or never.
  virtual void run() noexcept = 0;

 protected:
  explicit blocking_job(std::stop_source stop) : stop_(std::move(stop)) {}
  virtual ~blocking_job() = default;

  std::stop_token stop_token() const noexcept { return stop_.get_token(); }

 private:
  friend class pool_state;
  enum class state : unsigned char { fresh, queued, running, done, dropped };

  std::stop_source stop_;
  // Guarded by the mutex of the pool. The one element moves into the pool's lists and back, so that
  // nothing is allocated there, and `at_` leads to it wherever it is.
  std::list<std::shared_ptr<blocking_job>> place_{1};
  const std::list<std::shared_ptr<blocking_job>>::iterator at_ = place_.begin();
  wait_queue waiter_;  // who awaits it, if anybody does
  state state_ = state::fresh;
};

/// What work is called with.
template <class Work>
concept takes_stop_token = std::invocable<Work, std::stop_token>;
template <class Work>
concept blocking_work = takes_stop_token<std::decay_t<Work>> || std::invocable<std::decay_t<Work>>;

template <class Work>
auto call_work(Work&& work, const std::stop_token& stop) {
  if constexpr (takes_stop_token<Work>) {
    return std::invoke(std::forward<Work>(work), stop);
  } else {
    return std::invoke(std::forward<Work>(work));
  }
}

template <class T>
struct value_in {
  using type = T;
};
template <class T>
struct value_in<result<T>> {
  using type = T;
};
/// The `T` of work that returns a `T` or a `result<T>`.
template <class Work>
using work_value = typename value_in<decltype(call_work(
    std::declval<Work>(), std::declval<const std::stop_token&>()))>::type;

template <class Work>
class offloaded final : public blocking_job {
 public:
  using value_type = work_value<Work>;

  template <class From>
  explicit offloaded(From&& from)
      : blocking_job(takes_stop_token<Work> ? std::stop_source()
                                            : std::stop_source(std::nostopstate)),
        work_(std::in_place, std::forward<From>(from)) {}

  void run() noexcept override {
    try {
      call();
    } catch (const std::bad_alloc&) {
      outcome_.emplace(errc::out_of_memory);
    } catch (...) {
      thrown_ = std::current_exception();
    }
    work_.reset();
  }

  /// What the work returned, or threw. Precondition: it has run.
  result<value_type> take_outcome() {
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    return std::move(*outcome_);
  }

 private:
  void call() {
    if constexpr (std::is_void_v<decltype(call_work(std::move(*work_), stop_token()))>) {
      call_work(std::move(*work_), stop_token());
      outcome_.emplace(boost::outcome_v2::success());
    } else {
      outcome_.emplace(call_work(std::move(*work_), stop_token()));
    }
  }

  std::optional<Work> work_;
  // Constructed in place: Outcome's assignment to a failure destroys some values once too often.
  std::optional<result<value_type>> outcome_;
  std::exception_ptr thrown_;
};

/// Has the pool run a job, and waits for its end. Errors: those of `offload` that are not the
/// work's, which has not run then.
CORAMFS_EXPORT asio::awaitable<result<void>> run_blocking(std::shared_ptr<pool_state> pool,
                                                          std::shared_ptr<blocking_job> job);

/// Has the pool run a job that nobody waits for. Where the pool is stopped or has no thread, the
/// job is dropped in this call.
CORAMFS_EXPORT void run_detached(const std::shared_ptr<pool_state>& pool,
                                 std::shared_ptr<blocking_job> job) noexcept;

template <class Work>
asio::awaitable<result<work_value<Work>>> outcome_of(std::shared_ptr<pool_state> pool,
                                                     std::shared_ptr<offloaded<Work>> job) {
  BOOST_OUTCOME_CO_TRY(co_await run_blocking(std::move(pool), job));
  co_return job->take_outcome();
}

}  // namespace coramfs::detail
