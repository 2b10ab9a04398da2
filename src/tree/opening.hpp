// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/fair_lock.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/result.hpp>

#include "tree/volume_state.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace coramfs::detail {

/// An `open` in its three steps, so that a thread and a coroutine can each wait in its own way
/// between the first and the last:
///
///     begin    finds or makes the file, holds it busy, and takes its lock if it is free;
///     wait     until the lock is had: skipped if `is_locked()`;
///     finish   does what the mode does to the content, and gives the handle.
///
/// Dropped before the last, it leaves everything as it was.
class opening {
 public:
  static result<opening> begin(const std::shared_ptr<volume_state>& v, const path_argument& path,
                               open_mode mode, const open_options& options) noexcept;

  /// An open with `open_mode::write` that makes `content` the file's content in the same step:
  /// nobody sees the file empty. `content` must live until `finish`.
  static result<opening> begin_replacing(const std::shared_ptr<volume_state>& v,
                                         const path_argument& path,
                                         std::span<const std::byte> content) noexcept;

  /// An open with `open_mode::read`, by a path that the tree gave out.
  static result<opening> begin_reading(const std::shared_ptr<volume_state>& v,
                                       std::string_view path) noexcept;

  volume_state& of() const noexcept { return *volume_; }
  const file_node& node() const noexcept { return *node_; }
  bool is_locked() const noexcept { return static_cast<bool>(hold_); }
  fair_lock& lock() const noexcept { return node_->lock; }
  fair_lock::kind kind() const noexcept {
    return wanted_.mode == open_mode::read ? fair_lock::kind::shared : fair_lock::kind::exclusive;
  }
  lock_timeout timeout() const noexcept { return wanted_.timeout; }

  /// The caller has the lock, and hands it over.
  void locked(lock_hold hold) noexcept { hold_ = std::move(hold); }

  /// Precondition: `is_locked()`. `path` is what `begin` was given.
  /// Errors: `quota_exceeded`, `out_of_memory`, `too_large`.
  result<open_file> finish(path_text path) && noexcept;

 private:
  struct request {
    open_mode mode;
    lock_timeout timeout;
    std::uint64_t preallocate;           // bytes
    std::span<const std::byte> content;  // or what the file is made of at once
  };

  static result<opening> begin(const std::shared_ptr<volume_state>& v, const path_argument& path,
                               const request& wanted) noexcept;
  opening(const std::shared_ptr<volume_state>& v, const request& wanted, file_node& file,
          bool is_new) noexcept;
  result<void> prepare_content() noexcept;

  std::shared_ptr<volume_state> volume_;
  node_use node_;
  lock_hold hold_;
  request wanted_;
  bool is_new_;
};

}  // namespace coramfs::detail
