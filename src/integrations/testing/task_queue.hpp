// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/simulation.hpp>

#include <memory>
#include <utility>

namespace coramfs::detail {

/// Tasks in the order in which they came. Each has room for its place in a queue, so to take one up
/// needs no memory: it is done where nobody could be told of a lack of it.
class task_queue {
 public:
  task_queue() = default;
  task_queue(const task_queue&) = delete;
  task_queue& operator=(const task_queue&) = delete;
  ~task_queue() { clear(); }

  bool is_empty() const noexcept { return first_ == nullptr; }
  void push(std::unique_ptr<simulated_task> t) noexcept {
    simulated_task* const last = t.get();
    (first_ == nullptr ? first_ : last_->next_) = std::move(t);
    last_ = last;
  }
  /// Precondition: it is not empty.
  std::unique_ptr<simulated_task> pop() noexcept {
    auto t = std::move(first_);
    first_ = std::move(t->next_);
    return t;
  }
  /// Takes all of another one, and is empty before.
  void take(task_queue& from) noexcept {
    first_ = std::move(from.first_);
    last_ = from.last_;
  }
  /// Destroys them one by one. What that adds here is destroyed, too.
  void clear() noexcept {
    while (!is_empty()) pop();
  }

 private:
  std::unique_ptr<simulated_task> first_;
  simulated_task* last_ = nullptr;  // means something while there is a first
};

}  // namespace coramfs::detail
