// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/blocking_job.hpp>
#include <coramfs/detail/waiting.hpp>
#include <coramfs/result.hpp>

#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace coramfs::detail {

/// The queue and the threads of a `blocking_pool`.
///
/// Locks: one mutex guards all of it, and what jobs have in it. No work runs, nobody is told and no
/// job is destroyed under it, and no other mutex is taken under it. It may be taken under that of a
/// context's waits, as the mutex of any queue.
///
/// Lifetime: shared by the pool, its threads, and whoever awaits a job, since each may be the last.
class pool_state : public std::enable_shared_from_this<pool_state> {
 public:
  using job_ptr = std::shared_ptr<blocking_job>;

  /// Throws `std::bad_alloc`.
  explicit pool_state(std::size_t most_threads) : most_threads_(most_threads) {
    threads_.reserve(most_threads);
  }

  /// Promises a job, and starts a thread if those that are idle have enough to do. The promise ends
  /// with `begin` or `cancel` of a fresh job, one of which must follow. Errors, with no promise
  /// made: `canceled` if the pool is stopped; the system's, or `out_of_memory`, if there is no
  /// thread at all.
  result<void> make_ready() noexcept;

  /// The claim's: queues the job, and whoever waits for its end. Returns whether it has ended.
  bool begin(const job_ptr& job, waiter& w) noexcept;
  bool forget(blocking_job& job, waiter& w) noexcept;
  /// Queues a job that nobody waits for, unless the pool is stopped.
  void begin(job_ptr job) noexcept;
  /// Takes the job out of the queue, or asks it to stop if it runs. One that is fresh never begins.
  void cancel(blocking_job& job) noexcept;
  /// Whether the job has run, and not been dropped.
  bool has_run(const blocking_job& job) noexcept;

  void stop() noexcept;
  /// Waits for the threads, or on one of them lets all of them end by themselves. To be called
  /// once, after `stop`.
  void join() noexcept;

 private:
  using job_list = std::list<job_ptr>;

  bool enqueue(const job_ptr& job) noexcept;
  void serve() noexcept;
  void end(blocking_job& job, blocking_job::state how, admission& told) noexcept;
  job_ptr next_to_stop() noexcept;

  const std::size_t most_threads_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::condition_variable wake_;
  job_list queued_, running_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;      // threads
  std::size_t promised_ = 0;  // jobs that are about to be queued
  bool is_stopped_ = false;
};

}  // namespace coramfs::detail
