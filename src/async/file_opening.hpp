// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/file.hpp>

#include "core/operation.hpp"
#include "tree/opening.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace coramfs::detail {

/// An `open` that ends with a file of the asynchronous facade.
class file_opening {
 public:
  using executor_ptr = std::shared_ptr<const file::executor_type>;

  file_opening(opening o, executor_ptr executor) noexcept
      : opening_(std::move(o)), executor_(std::move(executor)) {}

  progress advance() noexcept { return opening_.advance(); }
  claim& awaited() noexcept { return opening_.awaited(); }
  lock_timeout patience() const noexcept { return opening_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return opening_.waiting(); }
  void refuse(const error& why) noexcept { opening_.refuse(why); }
  result<file> outcome() noexcept {
    BOOST_OUTCOME_TRY(auto opened, opening_.outcome());
    return file(std::move(opened), std::move(executor_));
  }

 private:
  opening opening_;
  executor_ptr executor_;
};

}  // namespace coramfs::detail
