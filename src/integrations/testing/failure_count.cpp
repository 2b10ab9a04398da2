// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/detail/failure_count.hpp>

#include "integrations/testing/running_test.hpp"

#include <atomic>

namespace coramfs::testing::detail {

namespace {

constinit std::atomic<unsigned long (*)()> counted_by{nullptr};
constinit std::atomic<unsigned long> without_framework{0};

}  // namespace

void count_failures_by(unsigned long (*counter)()) noexcept { counted_by = counter; }

unsigned long failure_count() {
  const auto counter = counted_by.load();
  return (counter != nullptr ? counter() : 0) + without_framework;
}

}  // namespace coramfs::testing::detail

namespace coramfs::detail {

void count_failure_without_framework() noexcept { ++testing::detail::without_framework; }

}  // namespace coramfs::detail
