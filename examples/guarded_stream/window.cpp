// SPDX-License-Identifier: BSL-1.0
#include "window.hpp"

#include <coramfs/asio.hpp>

#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <utility>

namespace guarded_stream {

window::window(const asio::any_io_executor& executor)
    : changed_(executor, asio::steady_timer::time_point::max()) {}

void window::hand_over(std::string segment) {
  waiting_.push_back(std::move(segment));
  handed_over_ += 1;
  changed_.cancel();
}

void window::close() {
  closed_ = true;
  changed_.cancel();
}

asio::awaitable<std::optional<std::string>> window::next() {
  while (waiting_.empty() && !closed_ && !abandoned_) co_await change();
  if (waiting_.empty() || abandoned_) co_return std::nullopt;
  std::optional<std::string> segment(std::move(waiting_.front()));
  waiting_.pop_front();
  co_return segment;
}

void window::finish_one() {
  finished_ += 1;
  changed_.cancel();
}

asio::awaitable<void> window::one_more_finished() {
  const std::uint64_t finished_before = finished_;
  while (finished_ == finished_before && !abandoned_) co_await change();
}

void window::abandon() {
  abandoned_ = true;
  changed_.cancel();
}

asio::awaitable<void> window::change() {
  coramfs::asio_error_code woken;
  co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

}  // namespace guarded_stream
