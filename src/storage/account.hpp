// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "core/quota.hpp"

#include <cstdint>

namespace coramfs::detail {

/// What a file's content amounts to, in both ways of counting.
struct extent {
  std::uint64_t size = 0;       ///< bytes that a reader sees
  std::uint64_t footprint = 0;  ///< bytes taken from the machine
  std::uint64_t chunks = 0;
};

/// What a volume charges for what, and whom it asks before more is taken.
class account {
 public:
  account(quota& limits, accounting counting, std::uint64_t promotion_limit) noexcept
      : quota_(limits), counting_(counting), promotion_limit_(promotion_limit) {}

  charge of(const extent& content) const noexcept {
    return {.bytes = counting_ == accounting::payload ? content.size : content.footprint,
            .chunks = content.chunks};
  }
  /// For what is no file's content: nodes, names, directory tables.
  std::uint64_t of_metadata(std::uint64_t footprint) const noexcept {
    return counting_ == accounting::payload ? 0 : footprint;
  }

  /// Pays for a content that turns from `before` into `after`, before anything is allocated.
  ///
  /// Errors: `quota_exceeded`.
  result<reservation> reserve(const extent& after, const extent& before) const noexcept {
    return quota_.reserve(of(after), of(before));
  }

  quota& limits() const noexcept { return quota_; }
  /// Bytes: a larger chain never becomes a table.
  std::uint64_t promotion_limit() const noexcept { return promotion_limit_; }

 private:
  quota& quota_;
  const accounting counting_;
  const std::uint64_t promotion_limit_;
};

}  // namespace coramfs::detail
