// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/blocking_job.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/result.hpp>

#include <concepts>
#include <memory>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace coramfs {

namespace detail {
struct pool_access;
}

/// A few threads for calls that block, such as those of the host's file system, so that they stall
/// no execution context. Work reaches them by `offload`, and is begun in the order in which it
/// came.
///
/// A thread is started when there is work for it and none is free. What waits for a thread waits in
/// a queue without a limit, and blocks nobody.
///
/// Lifetime: the pool must live until the awaitable of an `offload` is begun, and may go after
/// that. The destructor calls `stop`, and blocks until the work that has begun is done. On a thread
/// of the pool itself it waits for none of them: they end by themselves, each with its work, and
/// what that uses must live for so long.
///
/// Thread safety: all members, and `offload`, may be called from many threads at once, but for the
/// destructor.
///
///     coramfs::blocking_pool pool;
///     auto size = co_await coramfs::offload(pool, [] { return std::filesystem::file_size("/a");
///     });
class CORAMFS_EXPORT blocking_pool {
 public:
  /// A pool of at most `threads` threads, and of one for 0. It may throw `std::bad_alloc`.
  explicit blocking_pool(unsigned threads = 2);
  blocking_pool(const blocking_pool&) = delete;
  blocking_pool& operator=(const blocking_pool&) = delete;
  ~blocking_pool();

  /// Ends all work that has not begun with `canceled`, and asks that which has to stop. Whatever is
  /// offloaded from now on ends with `canceled`, too. It waits for nothing, and a second call does
  /// nothing.
  void stop() noexcept;

 private:
  friend struct detail::pool_access;

  std::shared_ptr<detail::pool_state> state_;
};

namespace detail {

/// The way from the public pool to what it stands for.
struct pool_access {
  static const std::shared_ptr<pool_state>& state(const blocking_pool& p) noexcept {
    return p.state_;
  }
};

}  // namespace detail

/// Runs `work()` on a thread of the pool, and gives what it returns: a `T`, or a `result<T>`. Work
/// that can be ended between its slices takes a `std::stop_token`, asks it after each of them, and
/// returns `errc::canceled`.
///
/// It begins when it is awaited, always suspends, and resumes on the awaiting coroutine's executor.
/// The work is moved or copied at the call, and destroyed on the pool's thread when it has
/// returned. g++ 12 destroys a lambda twice that is made within a `co_await` expression, so one
/// that captures what has a destructor gets a name first, as below.
///
/// Cancellation: work that has not begun never does, and the outcome is `canceled`, at once. Work
/// that has is asked to stop, and the outcome is what it returns; so whatever the work uses by
/// reference is there until it has ended. All types are heard that the coroutine's filter lets
/// through.
///
/// Lifetime: a context that is destroyed destroys the awaiting coroutine and blocks for nothing.
/// Work that has not begun never does then. Work that has is asked to stop, runs to its end, and
/// with its outcome is destroyed on the pool's thread. So where the context may go first, the work
/// must own what it uses: captures by reference lead to a frame that has gone.
///
/// Errors: those of the work; `canceled`, also where the pool is stopped; `out_of_memory` for a
/// `std::bad_alloc` of the work, or where Asio can not make the wait; the system's error where the
/// pool has no thread and none can be started. Anything else that the work throws is thrown to who
/// awaits it. Where memory for the work or for a coroutine's frame is refused the call throws
/// `std::bad_alloc`, and nothing has begun. Charges nothing.
///
///     coramfs::blocking_pool pool;
///     std::vector<std::filesystem::path> all{"/a", "/b"};
///     auto sum_up = [all](std::stop_token stop) -> coramfs::result<std::uint64_t> {
///       std::uint64_t sum = 0;
///       for (const std::filesystem::path& one : all) {
///         if (stop.stop_requested()) return coramfs::errc::canceled;
///         sum += std::filesystem::file_size(one);
///       }
///       return sum;
///     };
///     auto sum = co_await coramfs::offload(pool, std::move(sum_up));
template <detail::blocking_work Work>
asio::awaitable<result<detail::work_value<std::decay_t<Work>>>> offload(blocking_pool& pool,
                                                                        Work&& work) {
  return detail::outcome_of(
      detail::pool_access::state(pool),
      std::make_shared<detail::offloaded<std::decay_t<Work>>>(std::forward<Work>(work)));
}

}  // namespace coramfs
