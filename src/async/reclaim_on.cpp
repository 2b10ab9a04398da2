// SPDX-License-Identifier: BSL-1.0
#include <coramfs/reclaim_on.hpp>

#include <coramfs/detail/asio_compat.hpp>

#include "async/asio_spawn.hpp"
#include "async/freeing_operation.hpp"
#include "async/run.hpp"
#include "async/scoped_executor.hpp"
#include "core/reclaim_access.hpp"
#include "operations/eviction.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace coramfs {

namespace {

using coroutine_function = std::function<asio::awaitable<void>(file_system, shortage)>;

// A task and the volume that it needs to its end. One object, since the order in which the
// parameters of a coroutine are destroyed is the compiler's.
class kept_task {
 public:
  kept_task(volume of, detail::reclaim_task task) : of_(std::move(of)), task_(std::move(task)) {}

  const volume& of() const noexcept { return of_; }
  shortage begin() noexcept { return task_.begin(); }
  void note_failure() noexcept { task_.note_failure(); }

 private:
  volume of_;
  detail::reclaim_task task_;
};

// Begins with a turn, so that all who are short by then share it.
asio::awaitable<void> answer(std::shared_ptr<const coroutine_function> by, kept_task task) {
  co_await asio::post(detail::suspend);
  const shortage missing = task.begin();
  if (missing.bytes == 0 && missing.nodes == 0) co_return;
  const asio::any_io_executor on = co_await asio::this_coro::executor;
  try {
    auto answered = (*by)(file_system(on, task.of()), missing);
    co_await std::move(answered);
  } catch (...) {
    task.note_failure();
  }
}

asio::awaitable<void> evict(std::shared_ptr<detail::eviction_queues> by, kept_task task) {
  co_await asio::post(detail::suspend);
  const shortage missing = task.begin();
  if (missing.bytes == 0 && missing.nodes == 0) co_return;
  auto evicting = detail::run(detail::freeing_operation(
      detail::evict(detail::volume_access::state(task.of()), std::move(by), missing)));
  const auto evicted = co_await std::move(evicting);
  if (!evicted) task.note_failure();
}

// An executor, until its context goes: one that needs the context to be let go of, as a strand
// does, is let go of by then. Its users may come later.
class lasting_executor {
 public:
  explicit lasting_executor(asio::any_io_executor on) noexcept : on_(std::move(on)) {}

  // Empty where the context has gone.
  asio::any_io_executor get() const {
    const std::lock_guard lock(mutex_);
    return on_;
  }
  void let_go() noexcept {
    const std::lock_guard lock(mutex_);
    on_ = asio::any_io_executor();
  }

 private:
  mutable std::mutex mutex_;
  asio::any_io_executor on_;
};

// Asio tells it when the context is destroyed.
class executor_service : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  explicit executor_service(asio::execution_context& context)
      : asio::execution_context::service(context) {}

  void add(const std::shared_ptr<lasting_executor>& one) {
    const std::lock_guard lock(mutex_);
    std::erase_if(all_, [](const auto& e) { return e.expired(); });
    all_.push_back(one);
  }

 private:
  void shutdown() override {
    const std::lock_guard lock(mutex_);
    for (const auto& e : all_)
      if (const auto one = e.lock()) one->let_go();
    all_.clear();
  }

  std::mutex mutex_;
  std::vector<std::weak_ptr<lasting_executor>> all_;  // guarded by mutex_
};

// Where the coroutines of a callback run, as long as the context is there.
class place {
 public:
  explicit place(asio::any_io_executor on)
      : on_(std::make_shared<lasting_executor>(std::move(on))) {
    auto& context = asio::query(on_->get(), asio::execution::context);
    asio::use_service<executor_service>(context).add(on_);
  }

  void spawn(const void* scope, asio::awaitable<void> begun) const {
    const asio::any_io_executor inner = on_->get();
    if (!inner) return;
    const asio::any_io_executor on = detail::scoped_executor(inner, scope);
    asio::co_spawn(on, std::move(begun), [](std::exception_ptr) {});
  }

 private:
  std::shared_ptr<lasting_executor> on_;
};

}  // namespace

reclaim_callback reclaim_on(asio::any_io_executor executor, coroutine_function coroutine) {
  auto by = std::make_shared<const coroutine_function>(std::move(coroutine));
  return detail::reclaim_access::started_by(
      [there = place(std::move(executor)), by = std::move(by)](const volume& of,
                                                               detail::reclaim_task task) {
        const void* const scope = task.scope();
        there.spawn(scope, answer(by, kept_task(of, std::move(task))));
      });
}

reclaim_callback least_recently_used_on(asio::any_io_executor executor,
                                        least_recently_used_options options) {
  auto by = std::make_shared<detail::eviction_queues>(std::move(options));
  return detail::reclaim_access::started_by(
      [there = place(std::move(executor)), by = std::move(by)](const volume& of,
                                                               detail::reclaim_task task) {
        const void* const scope = task.scope();
        there.spawn(scope, evict(by, kept_task(of, std::move(task))));
      });
}

}  // namespace coramfs
