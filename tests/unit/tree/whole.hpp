// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/lifetime.hpp"

namespace coramfs::tests {

/// What a tree is part of, without a volume: nothing ends with it.
class whole final : public detail::lifetime {
 private:
  void end() noexcept override {}
};

}  // namespace coramfs::tests
