// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "core/operation.hpp"
#include "core/path.hpp"
#include "tree/creation.hpp"
#include "tree/opening.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

namespace coramfs::detail {

/// A `copy`, as an operation: holds the source shared, makes the copy where nobody sees it, and
/// puts it into its place at the end.
class copying {
 public:
  copying(const std::shared_ptr<volume_state>& v, path_argument from, path_argument to,
          if_exists existing) noexcept;

  progress advance() noexcept;
  claim& awaited() noexcept { return source_->awaited(); }
  lock_timeout patience() const noexcept { return source_->patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return &volume_->waiting; }
  void refuse(const error& why) noexcept;
  result<void> outcome() noexcept { return status_; }

 private:
  result<void> check() noexcept;
  result<entry> find_target(normal_path to) const noexcept;
  result<void> make_draft() noexcept;
  bool copy_slice() noexcept;
  result<void> link() noexcept;
  progress end_with(result<void> status) noexcept;

  std::shared_ptr<volume_state> volume_;
  path_argument from_, to_;
  const if_exists existing_;
  std::optional<opening> source_;
  std::optional<file_draft> draft_;
  std::uint64_t copied_ = 0;  // bytes
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
