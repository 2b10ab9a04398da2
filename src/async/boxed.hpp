// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "core/operation.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace coramfs::detail {

/// An operation in memory of its own, for one that is so large that with it a coroutine's frame
/// would be larger than Asio keeps. Where that memory is refused, it ends with `out_of_memory`.
template <operation Operation>
class boxed {
 public:
  explicit boxed(Operation&& unbegun) noexcept
      : op_(new (std::nothrow) Operation(std::move(unbegun))) {}

  progress advance() noexcept { return op_ != nullptr ? op_->advance() : progress::done; }
  void refuse(const error& why) noexcept { op_->refuse(why); }
  auto outcome() noexcept -> decltype(std::declval<Operation&>().outcome()) {
    if (op_ == nullptr) return errc::out_of_memory;
    return op_->outcome();
  }

  claim& awaited() noexcept requires waiting_operation<Operation> { return op_->awaited(); }
  lock_timeout patience() const noexcept requires waiting_operation<Operation> {
    return op_->patience();
  }
  std::atomic<std::uint64_t>* waiting() const noexcept requires waiting_operation<Operation> {
    return op_->waiting();
  }

 private:
  std::unique_ptr<Operation> op_;
};

}  // namespace coramfs::detail
