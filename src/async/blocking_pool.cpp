// SPDX-License-Identifier: BSL-1.0
#include <coramfs/blocking_pool.hpp>

#include <coramfs/asio.hpp>

#include "async/coroutine_waiter.hpp"
#include "async/pool_state.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

namespace coramfs {

namespace detail {

namespace {

/// The end of a job, as something to wait for: to queue for it begins the job.
class job_claim final : public claim {
 public:
  job_claim(pool_state& pool, const pool_state::job_ptr& job) noexcept : pool_(pool), job_(job) {}
  job_claim(const job_claim&) = delete;
  job_claim& operator=(const job_claim&) = delete;
  // The coroutine may be destroyed in the middle of its wait: then nobody needs the job any more.
  ~job_claim() { pool_.cancel(*job_); }

  bool enqueue(waiter& w) noexcept override { return pool_.begin(job_, w); }
  bool withdraw(waiter& w, admission&) noexcept override { return pool_.forget(*job_, w); }
  void give_back() noexcept override {}

  error unmet() const noexcept { return errc::timed_out; }

 private:
  pool_state& pool_;
  const pool_state::job_ptr& job_;
};

/// Has a cancellation end the job. What the slot keeps owns nothing: it may stay there after the
/// coroutine, and the job does not live for it. Throws `std::bad_alloc`.
void hear(asio::cancellation_slot slot, const std::shared_ptr<pool_state>& pool,
          const pool_state::job_ptr& job) {
  if (!slot.is_connected()) return;
  slot.assign([pool = std::weak_ptr(pool), job = std::weak_ptr(job)](asio::cancellation_type type) {
    const auto to = pool.lock();
    const auto of = job.lock();
    if (to && of && type != asio::cancellation_type::none) to->cancel(*of);
  });
}

/// To be called only while the coroutine runs. One that is destroyed with its context must leave
/// the slot alone: the signal that the slot belongs to may have gone first.
void forget(asio::cancellation_slot slot) noexcept {
  if (slot.is_connected()) slot.clear();
}

}  // namespace

result<void> pool_state::make_ready() noexcept {
  const std::lock_guard lock(mutex_);
  if (is_stopped_) return errc::canceled;
  ++promised_;
  if (idle_ >= queued_.size() + promised_ || threads_.size() == most_threads_) return success();
  error why = errc::canceled;
  try {
    threads_.emplace_back([self = shared_from_this()] { self->serve(); });
  } catch (const std::bad_alloc&) {
    why = errc::out_of_memory;
  } catch (const std::system_error& e) {
    why = error(e.code());
  }
  if (!threads_.empty()) return success();
  --promised_;
  return why;
}

bool pool_state::begin(const job_ptr& job, waiter& w) noexcept {
  const std::lock_guard lock(mutex_);
  if (!enqueue(job)) return true;
  job->waiter_.append(w, 0);
  return false;
}

void pool_state::begin(job_ptr job) noexcept {
  const std::lock_guard lock(mutex_);
  enqueue(job);
}

// Under the mutex. Returns false if the job is not to run.
bool pool_state::enqueue(const job_ptr& job) noexcept {
  if (job->state_ != blocking_job::state::fresh) return false;
  --promised_;
  if (is_stopped_) {
    job->state_ = blocking_job::state::dropped;
    return false;
  }
  job->state_ = blocking_job::state::queued;
  *job->at_ = job;
  queued_.splice(queued_.end(), job->place_);
  wake_.notify_one();
  return true;
}

bool pool_state::forget(blocking_job& job, waiter& w) noexcept {
  const std::lock_guard lock(mutex_);
  return job.waiter_.remove(w);
}

void pool_state::cancel(blocking_job& job) noexcept {
  job_ptr last;
  admission told;
  std::unique_lock lock(mutex_);
  if (job.state_ == blocking_job::state::queued) {
    job.place_.splice(job.place_.end(), queued_, job.at_);
    last = std::move(*job.at_);
    end(job, blocking_job::state::dropped, told);
  } else if (job.state_ == blocking_job::state::fresh) {
    job.state_ = blocking_job::state::dropped;
    --promised_;
  } else if (job.state_ == blocking_job::state::running) {
    lock.unlock();
    job.stop_.request_stop();
  }
}

bool pool_state::has_run(const blocking_job& job) noexcept {
  const std::lock_guard lock(mutex_);
  return job.state_ == blocking_job::state::done;
}

// Under the mutex: `told` is announced when that is free.
void pool_state::end(blocking_job& job, blocking_job::state how, admission& told) noexcept {
  job.state_ = how;
  if (!job.waiter_.empty()) job.waiter_.admit_head(told);
}

void pool_state::serve() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return !queued_.empty() || is_stopped_; });
    --idle_;
    if (queued_.empty()) return;
    blocking_job& job = *queued_.front();
    running_.splice(running_.end(), queued_, job.at_);
    job.state_ = blocking_job::state::running;
    lock.unlock();
    job.run();
    {
      job_ptr last;
      admission told;
      lock.lock();
      job.place_.splice(job.place_.end(), running_, job.at_);
      last = std::move(*job.at_);
      end(job, blocking_job::state::done, told);
      lock.unlock();
    }
    lock.lock();
  }
}

void pool_state::stop() noexcept {
  job_list dropped;
  {
    admission told;
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    dropped.swap(queued_);
    for (const job_ptr& job : dropped) end(*job, blocking_job::state::dropped, told);
    wake_.notify_all();
  }
  while (const job_ptr job = next_to_stop()) job->stop_.request_stop();
}

// A job that runs and has not been asked to stop, or null. Whoever is told by that runs any code,
// so no mutex is held then.
pool_state::job_ptr pool_state::next_to_stop() noexcept {
  const std::lock_guard lock(mutex_);
  for (const job_ptr& job : running_)
    if (job->stop_.stop_possible() && !job->stop_.stop_requested()) return job;
  return nullptr;
}

void pool_state::join() noexcept {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    threads.swap(threads_);
  }
  // The work of another thread may wait for what follows here.
  const bool is_one_of_them = std::any_of(threads.begin(), threads.end(), [](const std::thread& t) {
    return t.get_id() == std::this_thread::get_id();
  });
  for (std::thread& t : threads) {
    if (is_one_of_them) {
      t.detach();
    } else {
      t.join();
    }
  }
}

// Stands still once, until the job has ended: a cancellation does not end the wait but the job, so
// that nothing of the caller's is in use any more when the caller goes on.
asio::awaitable<result<void>> run_blocking(std::shared_ptr<pool_state> pool,
                                           std::shared_ptr<blocking_job> job) {
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) co_return errc::canceled;
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  BOOST_OUTCOME_CO_TRY(pool->make_ready());
  job_claim ended(*pool, job);
  const asio::cancellation_slot slot = state.slot();
  try {
    hear(slot, pool, job);
  } catch (const std::bad_alloc&) {
    co_return errc::out_of_memory;
  }
  coroutine_waiter waiter(executor);
  const auto had =
      waiter.start(ended, lock_timeout::forever(), asio::cancellation_slot(), wait_reason(ended));
  if (had && had.value() == coroutine_waiter::had::not_yet) co_await waiter.outcome();
  forget(slot);
  BOOST_OUTCOME_CO_TRYV(had);
  if (!pool->has_run(*job)) co_return errc::canceled;
  co_return success();
}

void run_detached(const std::shared_ptr<pool_state>& pool,
                  std::shared_ptr<blocking_job> job) noexcept {
  if (pool->make_ready()) pool->begin(std::move(job));
}

}  // namespace detail

blocking_pool::blocking_pool(unsigned threads)
    : state_(std::make_shared<detail::pool_state>(std::max(threads, 1u))) {}

blocking_pool::~blocking_pool() {
  stop();
  state_->join();
}

void blocking_pool::stop() noexcept { state_->stop(); }

}  // namespace coramfs
