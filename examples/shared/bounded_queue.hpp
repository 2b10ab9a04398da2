// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/condition.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

namespace shared {

/// Hands items from one stage of a pipeline to the next, in order, on one thread. A stage that
/// is faster than the next one waits for it.
template <class T>
class bounded_queue {
 public:
  bounded_queue(const asio::any_io_executor& executor, std::size_t capacity)
      : capacity_(capacity), has_room_(executor), has_items_(executor) {}

  /// Waits for room. Drops the item if the queue is closed.
  asio::awaitable<void> push(T item) {
    while (items_.size() >= capacity_ && !closed_) co_await has_room_.wait();
    if (closed_) co_return;
    items_.push_back(std::move(item));
    has_items_.notify_all();
  }

  /// Waits for an item. Nothing: the queue is closed, and all that was in it is taken.
  asio::awaitable<std::optional<T>> pop() {
    while (items_.empty() && !closed_) co_await has_items_.wait();
    if (items_.empty()) co_return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    has_room_.notify_all();
    co_return item;
  }

  /// No item comes any more.
  void close() {
    closed_ = true;
    has_room_.notify_all();
    has_items_.notify_all();
  }

  /// As `close`, and what is in the queue is dropped.
  void abandon() {
    items_.clear();
    close();
  }

 private:
  const std::size_t capacity_;
  bool closed_ = false;
  std::deque<T> items_;
  condition has_room_, has_items_;
};

}  // namespace shared
