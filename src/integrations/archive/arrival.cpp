// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/arrival.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace coramfs::detail {

arrival::arrival(held_charge paid) : paid_(std::move(paid)), buffer_(memory) { ended_.lock(); }

arrival::~arrival() {
  if (is_waited_for_) room_.unlock();
  if (!is_closed_) ended_.unlock();
}

asio::awaitable<result<void>> arrival::wait_for_room() {
  {
    const std::lock_guard lock(mutex_);
    if (count_ < buffer_.size() || is_closed_) co_return success();
    // Nobody else takes it, and the hold of the wait before was given back.
    room_.lock();
    is_waited_for_ = true;
  }
  auto had = co_await room_.acquire_shared();
  if (had) co_return success();
  std::unique_lock lock(mutex_);
  give_room(lock);
  co_return had.error();
}

// Ends the wait for room, if there is one, with the mutex free.
void arrival::give_room(std::unique_lock<std::mutex>& lock) noexcept {
  const bool was_waited_for = std::exchange(is_waited_for_, false);
  lock.unlock();
  if (was_waited_for) room_.unlock();
}

std::span<std::byte> arrival::room() noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t at = (begin_ + count_) % buffer_.size();
  const std::size_t end = at < begin_ ? begin_ : buffer_.size();
  return std::span(buffer_).subspan(at, std::min(end - at, buffer_.size() - count_));
}

void arrival::put(std::size_t count) noexcept {
  const std::lock_guard lock(mutex_);
  count_ += count;
  more_.notify_one();
}

void arrival::end() noexcept {
  const std::lock_guard lock(mutex_);
  is_at_end_ = true;
  more_.notify_one();
}

void arrival::fail(const error& why) noexcept {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = why;
  more_.notify_one();
}

void arrival::abandon() noexcept {
  stop_.request_stop();
  fail(errc::canceled);
}

result<std::size_t> arrival::read(std::span<std::byte> to) {
  std::unique_lock lock(mutex_);
  more_.wait(lock, [this] { return count_ > 0 || is_at_end_ || failure_; });
  if (failure_) return *failure_;
  const std::size_t count = std::min({count_, buffer_.size() - begin_, to.size()});
  std::memcpy(to.data(), buffer_.data() + begin_, count);
  begin_ = (begin_ + count) % buffer_.size();
  count_ -= count;
  give_room(lock);
  return count;
}

void arrival::close() noexcept {
  std::unique_lock lock(mutex_);
  if (std::exchange(is_closed_, true)) return;
  give_room(lock);
  ended_.unlock();
}

asio::awaitable<result<void>> arrival::wait_for_end() {
  auto had = co_await ended_.acquire_shared();
  if (!had) co_return had.error();
  co_return success();
}

bool arrival::has_ended() noexcept {
  const std::lock_guard lock(mutex_);
  return is_closed_;
}

}  // namespace coramfs::detail
