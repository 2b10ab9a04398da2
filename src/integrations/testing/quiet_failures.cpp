// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/detail/quiet_failures.hpp>

#include "integrations/testing/running_test.hpp"

#include <atomic>

namespace coramfs::testing::detail {

namespace {

constinit std::atomic<void (*)(bool)> quieted_by{nullptr};
constinit std::atomic<unsigned> living{0};

}  // namespace

void quiet_failures_by(void (*quiet)(bool)) noexcept { quieted_by = quiet; }

bool can_quiet_failures() noexcept { return quieted_by.load() != nullptr; }

quiet_failures::quiet_failures() : quiet_(quieted_by.load()) {
  ++living;
  if (quiet_ != nullptr) quiet_(true);
}

quiet_failures::~quiet_failures() {
  if (quiet_ != nullptr) quiet_(false);
  --living;
}

}  // namespace coramfs::testing::detail

namespace coramfs::detail {

bool failures_are_quiet() noexcept { return testing::detail::living > 0; }

}  // namespace coramfs::detail
