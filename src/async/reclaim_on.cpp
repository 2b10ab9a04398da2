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

// Begins with a turn, so that all who are short by then share it. The task ends before the file
// system goes, which keeps the volume.
asio::awaitable<void> answer(file_system fs, std::shared_ptr<const coroutine_function> by,
                             detail::reclaim_task given) {
  co_await asio::post(detail::suspend);
  detail::reclaim_task task(std::move(given));
  const shortage missing = task.begin();
  if (missing.bytes == 0 && missing.nodes == 0) co_return;
  auto answered = (*by)(fs, missing);
  co_await std::move(answered);
}

asio::awaitable<void> evict(volume of, std::shared_ptr<detail::eviction_queues> by,
                            detail::reclaim_task given) {
  co_await asio::post(detail::suspend);
  detail::reclaim_task task(std::move(given));
  const shortage missing = task.begin();
  if (missing.bytes == 0 && missing.nodes == 0) co_return;
  auto evicting = detail::run(detail::freeing_operation(
      detail::evict(detail::volume_access::state(of), std::move(by), missing)));
  static_cast<void>(co_await std::move(evicting));
}

// Where the coroutines of a callback run, as long as the context is there.
class place {
 public:
  explicit place(asio::any_io_executor on)
      : on_(std::move(on)),
        waits_(detail::context_waits::of(asio::query(on_, asio::execution::context))) {}

  template <class Begin>
  void spawn(const void* scope, Begin begin) const {
    if (waits_->is_closed()) return;
    const asio::any_io_executor on = detail::scoped_executor(on_, scope);
    asio::co_spawn(on, begin(on), [](std::exception_ptr) {});
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
        there.spawn(task.scope(), [&](const asio::any_io_executor& on) {
          return answer(file_system(on, of), by, std::move(task));
        });
      });
}

reclaim_callback least_recently_used_on(asio::any_io_executor executor,
                                        least_recently_used_options options) {
  auto by = std::make_shared<detail::eviction_queues>(std::move(options));
  return detail::reclaim_access::started_by(
      [there = place(std::move(executor)), by = std::move(by)](const volume& of,
                                                               detail::reclaim_task task) {
        there.spawn(task.scope(),
                    [&](const asio::any_io_executor&) { return evict(of, by, std::move(task)); });
      });
}

}  // namespace coramfs
