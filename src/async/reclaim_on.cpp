// SPDX-License-Identifier: BSL-1.0
#include <coramfs/reclaim_on.hpp>

#include <coramfs/detail/asio_compat.hpp>

#include "async/asio_spawn.hpp"
#include "async/context_waits.hpp"
#include "async/freeing_operation.hpp"
#include "async/run.hpp"
#include "async/scoped_executor.hpp"
#include "core/reclaim_access.hpp"
#include "operations/eviction.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <utility>

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
  auto answered = (*by)(file_system(on, task.of()), missing);
  co_await std::move(answered);
}

asio::awaitable<void> evict(std::shared_ptr<detail::eviction_queues> by, kept_task task) {
  co_await asio::post(detail::suspend);
  const shortage missing = task.begin();
  if (missing.bytes == 0 && missing.nodes == 0) co_return;
  auto evicting = detail::run(detail::freeing_operation(
      detail::evict(detail::volume_access::state(task.of()), std::move(by), missing)));
  static_cast<void>(co_await std::move(evicting));
}

// Where the coroutines of a callback run, as long as the context is there.
class place {
 public:
  explicit place(asio::any_io_executor on)
      : on_(std::move(on)),
        waits_(detail::context_waits::of(asio::query(on_, asio::execution::context))) {}

  void spawn(const void* scope, asio::awaitable<void> begun) const {
    if (waits_->is_closed()) return;
    const asio::any_io_executor on = detail::scoped_executor(on_, scope);
    asio::co_spawn(on, std::move(begun), [](std::exception_ptr) {});
  }

 private:
  asio::any_io_executor on_;
  std::shared_ptr<detail::context_waits> waits_;
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
