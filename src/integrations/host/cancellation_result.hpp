// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/host_error.hpp>
#include <coramfs/error.hpp>
#include <coramfs/result.hpp>

#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>

namespace coramfs::detail {

/// Awaits an operation with the host in which cancellations do not throw: each call of it asks for
/// them, and says `canceled`. Where memory is refused the result is `out_of_memory`, and what else
/// is thrown passes through. A failure is one of the whole call, `by`, and of its path; what is
/// known better of it stays.
template <class T>
asio::awaitable<result<T>> with_cancellation_as_result(std::string path, host_call by,
                                                       asio::awaitable<result<T>> operation) {
  const bool would_throw = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  std::exception_ptr thrown;
  std::optional<result<T>> made;
  try {
    made.emplace(co_await std::move(operation));
  } catch (const std::bad_alloc&) {
    made.emplace(errc::out_of_memory);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (would_throw) co_await asio::this_coro::throw_if_cancelled(true);
  if (thrown) std::rethrow_exception(thrown);
  if (!*made) co_return about_host_call(path, made->error(), by);
  co_return std::move(made->value());
}

}  // namespace coramfs::detail
