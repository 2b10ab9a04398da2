// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/context_time.hpp>
#include <coramfs/volume.hpp>

#include "core/pace.hpp"

#include <cstdint>
#include <utility>

namespace coramfs::detail {

/// What an `open` and a file keep alive, by one shared pointer to the executor that it is.
struct executor_and_volume : asio::any_io_executor {
  executor_and_volume(asio::any_io_executor executor, volume v)
      : asio::any_io_executor(std::move(executor)),
        over(std::move(v)),
        gives_turns(is_simulated()) {}

  volume over;
  bool gives_turns;  ///< before each operation that is awaited: so a simulation wants it

 private:
  bool is_simulated() const {
    if (!*this) return false;
    const auto* const time = context_time::of(asio::query(*this, asio::execution::context));
    return time != nullptr && time->gives_turns();
  }
};

/// Whether others are to have a turn before each operation. `on` is the executor of an
/// `executor_and_volume`, or null.
inline bool gives_turns(const asio::any_io_executor* on) noexcept {
  return on != nullptr && static_cast<const executor_and_volume*>(on)->gives_turns;
}

/// How many bytes the short operations on one file read or store before others have a turn.
inline constexpr std::uint64_t most_in_turn = 4 * slice_size;
/// How many of them count as done when a turn is over, or a file has been opened.
inline std::uint64_t done_in_turn(const asio::any_io_executor* on) noexcept {
  return gives_turns(on) ? most_in_turn : 0;
}

/// Returns whether an operation of `size` bytes has to give others a turn before it begins, where
/// those before it have done so many. One that takes no more than a slice completes without
/// suspending, but a long sequence of them would keep the thread to itself. An operation counts for
/// little beside its bytes, so that many small ones are not held up.
inline bool is_turn_due(std::uint64_t& done, std::uint64_t size,
                        const asio::any_io_executor* on) noexcept {
  constexpr std::uint64_t beside_bytes = 2;
  done += size + beside_bytes;
  // A longer one gives others turns by itself.
  if (size <= slice_size && done < most_in_turn) return false;
  done = done_in_turn(on);
  return size <= slice_size;
}

/// Runs an operation that has not begun after others have had a turn. A cancellation during that
/// turn is the operation's to see.
template <class T>
asio::awaitable<T> after_turn(asio::awaitable<T> operation) {
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await asio::post(suspend);
  T outcome = co_await std::move(operation);
  co_await asio::this_coro::throw_if_cancelled(throws);
  co_return outcome;
}

/// The same where others are to have a turn, and else the operation itself.
template <class T>
asio::awaitable<T> with_turn(const std::shared_ptr<const asio::any_io_executor>& on,
                             asio::awaitable<T> operation) {
  if (gives_turns(on.get())) return after_turn(std::move(operation));
  return operation;
}

}  // namespace coramfs::detail
