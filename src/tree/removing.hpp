// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/result.hpp>

#include "core/operation.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace coramfs::detail {

/// A `remove_tree`: takes the tree out with one move of a pointer, and frees it slice by slice. If
/// it is dropped meanwhile it frees the rest at once. It needs no memory, and never waits.
///
/// Guarded by whoever runs it: one thread at a time. The tree's lock is held only to take the tree
/// out.
class removing {
 public:
  removing(const std::shared_ptr<volume_state>& v, path_argument path) noexcept
      : volume_(v), path_(std::move(path)) {}
  removing(removing&& unbegun) noexcept = default;
  ~removing();

  progress advance() noexcept;
  void refuse(const error&) noexcept {}
  result<void> outcome() noexcept { return status_; }

 private:
  result<void> take_out() noexcept;
  bool free_slice() noexcept;

  std::shared_ptr<volume_state> volume_;
  path_argument path_;
  std::optional<disposal> rest_;
  std::uint64_t entry_bytes_ = 0;  // the charge of its entry, until it is given back
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
