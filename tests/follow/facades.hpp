// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <future>
#include <utility>

namespace coramfs::tests {

// What a scenario about following runs over. Each runs an operation that ends without help to its
// end: `on([&](auto&... last) { return f.next(last...); })`.

struct by_threads {
  using file_system = sync::file_system;
  using file = sync::file;
  using follower = sync::follower;

  explicit by_threads(volume over) : fs(std::move(over)) {}
  template <class Call>
  auto operator()(Call call) {
    return call();
  }

  file_system fs;
};

struct by_coroutines {
  using file_system = coramfs::file_system;
  using file = coramfs::file;
  using follower = coramfs::follower;

  explicit by_coroutines(volume over) : fs(context.get_executor(), std::move(over)) {}
  template <class Call>
  auto operator()(Call call) {
    context.restart();
    auto outcome = asio::co_spawn(context, call(), asio::use_future);
    context.run();
    return outcome.get();
  }

  asio::io_context context{1};
  file_system fs;
};

struct by_tokens {
  using file_system = coramfs::file_system;
  using file = coramfs::file;
  using follower = coramfs::follower;

  explicit by_tokens(volume over) : fs(context.get_executor(), std::move(over)) {}
  template <class Call>
  auto operator()(Call call) {
    context.restart();
    auto outcome = call(asio::use_future);
    context.run();
    return outcome.get();
  }

  asio::io_context context{1};
  file_system fs;
};

}  // namespace coramfs::tests
