// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>

#include <future>
#include <string>
#include <utility>
#include <vector>

namespace etl_staging {

/// How a task has ended, and what its failure says. An error's text has to be taken soon: what it
/// is about is known until 32 others have failed in its thread.
struct ending {
  coramfs::result<void> done;
  std::string message;
};

inline asio::awaitable<ending> described(asio::awaitable<coramfs::result<void>> task) {
  const coramfs::result<void> done = co_await std::move(task);
  co_return ending{done, done ? std::string() : done.error().message()};
}

/// Runs coroutines side by side and blocks until all have ended. Returns the first failure, in the
/// order of the tasks, with its text in `message`.
inline coramfs::result<void> gather(const asio::any_io_executor& executor,
                                    std::vector<asio::awaitable<coramfs::result<void>>> tasks,
                                    std::string& message) {
  std::vector<std::future<ending>> running;
  running.reserve(tasks.size());
  for (auto& task : tasks)
    running.push_back(asio::co_spawn(executor, described(std::move(task)), asio::use_future));
  // No way out before all have ended: they use what the caller owns.
  for (auto& one : running) one.wait();
  for (auto& one : running) {
    ending e = one.get();
    if (e.done) continue;
    message = std::move(e.message);
    return e.done;
  }
  return boost::outcome_v2::success();
}

}  // namespace etl_staging
