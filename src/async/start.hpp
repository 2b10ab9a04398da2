// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/completion.hpp>

#include "async/token_operation.hpp"
#include "core/operation.hpp"

#include <exception>
#include <utility>

namespace coramfs::detail {

/// A `token_operation` of one type, guarded as that.
template <operation Operation, class Outcome>
class started final : public token_operation {
 public:
  started(completion<Outcome>& to, Operation op) noexcept
      : token_operation(to), to_(to), op_(std::move(op)) {}

 private:
  progress advance() noexcept override { return op_.advance(); }
  void refuse(const error& why) noexcept override { op_.refuse(why); }
  wanted awaited() noexcept override {
    if constexpr (waiting_operation<Operation>) {
      return {&op_.awaited(), op_.patience(), op_.waiting(), wait_reason(op_)};
    } else {
      std::terminate();  // it never says that it waits
    }
  }
  void complete() override {
    Outcome outcome = op_.outcome();
    to_.complete(std::move(outcome));
  }

  completion<Outcome>& to_;
  Operation op_;
};

/// Begins an operation that ends with the handler of `to`. Called in the initiation.
template <class Outcome, operation Operation>
void start(completion<Outcome>& to, Operation op) {
  to.template emplace<started<Operation, Outcome>>(to, std::move(op)).begin();
}

}  // namespace coramfs::detail
