// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>

#include <future>
#include <utility>
#include <vector>

namespace etl_staging {

/// Runs coroutines side by side and blocks until all have ended. The first failure, in the order
/// of the tasks.
inline coramfs::result<void> gather(const asio::any_io_executor& executor,
                                    std::vector<asio::awaitable<coramfs::result<void>>> tasks) {
  std::vector<std::future<coramfs::result<void>>> running;
  running.reserve(tasks.size());
  for (auto& task : tasks)
    running.push_back(asio::co_spawn(executor, std::move(task), asio::use_future));
  // No way out before all have ended: they use what the caller owns.
  for (auto& one : running) one.wait();
  for (auto& one : running) {
    BOOST_OUTCOME_TRY(one.get());
  }
  return boost::outcome_v2::success();
}

}  // namespace etl_staging
