// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace guarded_stream {

/// The segments between a producer and a consumer, in order, on one thread. It says when there is
/// a segment and when one is finished; how many there may be is up to who pays for them.
class window {
 public:
  explicit window(const asio::any_io_executor& executor);

  /// For the producer: the file at this path is complete, and closed.
  void hand_over(std::string segment);
  /// No segment comes any more.
  void close();

  /// For the consumer. Nothing: the window is closed and all are taken, or it is abandoned.
  asio::awaitable<std::optional<std::string>> next();
  /// The segment that was taken last is removed.
  void finish_one();

  std::uint64_t handed_over() const { return handed_over_; }
  bool has_unfinished() const { return finished_ < handed_over_; }
  /// Completes when the consumer next finishes a segment, or when the window is abandoned.
  asio::awaitable<void> one_more_finished();

  /// One side has failed: the other one does not wait for it any more.
  void abandon();
  bool is_abandoned() const { return abandoned_; }

 private:
  asio::awaitable<void> change();

  std::deque<std::string> waiting_;
  std::uint64_t handed_over_ = 0, finished_ = 0;
  bool closed_ = false, abandoned_ = false;
  // Never fires. Its cancellation wakes who waits, as notify_all does with threads.
  asio::steady_timer changed_;
};

}  // namespace guarded_stream
