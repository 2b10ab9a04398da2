// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "tree/opening.hpp"
#include "tree/volume_state.hpp"

#include <memory>

namespace coramfs::detail {

/// A `copy` in its steps: `begin`, wait for the lock of `source()`, `finish`.
class copying {
 public:
  static result<copying> begin(const std::shared_ptr<volume_state>& v, const path_argument& from,
                               const path_argument& to, if_exists existing) noexcept;

  opening& source() noexcept { return source_; }

  /// Makes the copy, and puts it into its place. `to` is what `begin` was given.
  /// Precondition: the source is locked.
  result<void> finish(const path_argument& to) noexcept;

 private:
  copying(opening source, if_exists existing) noexcept
      : source_(std::move(source)), existing_(existing) {}

  opening source_;
  if_exists existing_;
};

}  // namespace coramfs::detail
