// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sync/file_system.hpp>

#include "integrations/on_thread.hpp"

#include <stop_token>
#include <utility>

namespace coramfs::detail {

/// Where a function runs that is written once for coroutines and for threads: on the awaiting
/// executor. Cancellations must not throw in it.
class archive_by_coroutine {
 public:
  using file_type = file;
  template <class T>
  using task = asio::awaitable<result<T>>;

  explicit archive_by_coroutine(const file_system& fs) noexcept : fs_(fs) {}

  const file_system& volume() noexcept { return fs_; }
  template <class T>
  static asio::awaitable<T> of(asio::awaitable<T> operation) noexcept {
    return operation;
  }
  /// Gives others a turn. Errors: `canceled`.
  static task<void> turn() {
    co_await asio::post(suspend);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return errc::canceled;
    co_return success();
  }
  /// Gives others a turn where something must be carried through.
  static task<void> turn_in_any_case() {
    co_await asio::post(suspend);
    co_return success();
  }

 private:
  const file_system& fs_;
};

/// The same for a thread, which is asked to stop by a token, or never.
class archive_by_thread {
 public:
  using file_type = sync::file;
  template <class T>
  using task = on_thread<result<T>>;

  archive_by_thread(const sync::file_system& fs, std::stop_token stop) noexcept
      : fs_(fs), stop_(std::move(stop)) {}

  const sync::file_system& volume() noexcept { return fs_; }
  template <class T>
  static made<T> of(T done) noexcept {
    return made<T>(std::move(done));
  }
  made<result<void>> turn() const noexcept {
    return of(stop_.stop_requested() ? result<void>(errc::canceled) : result<void>(success()));
  }
  static made<result<void>> turn_in_any_case() noexcept { return of(result<void>(success())); }

 private:
  const sync::file_system& fs_;
  const std::stop_token stop_;
};

}  // namespace coramfs::detail
