// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <cstddef>
#include <exception>
#include <utility>

namespace coramfs::bench {

/// Runs one coroutine to its end; what it throws is thrown here.
template <class Body>
void run(asio::io_context& context, Body body) {
  std::exception_ptr failure;
  asio::co_spawn(context, std::move(body), [&](std::exception_ptr e) { failure = e; });
  context.restart();
  context.run();
  if (failure) std::rethrow_exception(failure);
}

/// What a `co_await` costs by itself: a child that returns at once, compiled elsewhere as an
/// operation of the library is.
asio::awaitable<result<std::size_t>> ready_coroutine();

/// What a turn of the loop costs by itself.
inline asio::awaitable<void> bare_post() {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
}

}  // namespace coramfs::bench
