// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/open_file.hpp>
#include <coramfs/result.hpp>

#include "core/operation.hpp"
#include "tree/opening.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace coramfs::detail {

/// A `read` or a `read_at`, in slices. A cancellation ends it between two of them, and leaves the
/// cursor. The handle must stay where it is until it is done.
class reading {
 public:
  /// `offset`: none for the cursor, which then moves.
  reading(open_file& file, std::optional<std::uint64_t> offset, std::span<std::byte> to) noexcept
      : file_(file), offset_(offset), to_(to) {}

  progress advance() noexcept;
  void refuse(const error& why) noexcept { status_ = why; }
  result<std::size_t> outcome() noexcept;

 private:
  open_file& file_;
  const std::optional<std::uint64_t> offset_;
  const std::span<std::byte> to_;
  std::size_t count_ = 0;
  result<void> status_ = boost::outcome_v2::success();
};

/// A `read_all`, likewise.
class reading_all {
 public:
  /// Refuses more than `max_size` bytes before anything is allocated.
  explicit reading_all(open_file& file, std::optional<std::uint64_t> max_size = {}) noexcept
      : file_(file), max_size_(max_size) {}

  progress advance() noexcept;
  void refuse(const error& why) noexcept { status_ = why; }
  result<bytes> outcome() noexcept;

 private:
  result<void> begin() noexcept;

  open_file& file_;
  const std::optional<std::uint64_t> max_size_;
  bool has_begun_ = false;
  std::uint64_t begin_ = 0, size_ = 0;
  bytes all_;
  result<void> status_ = boost::outcome_v2::success();
};

/// A `read_file`: opens, reads all, and closes.
class file_reading {
 public:
  explicit file_reading(opening source, std::optional<std::uint64_t> max_size = {}) noexcept
      : opening_(std::move(source)), max_size_(max_size) {}
  file_reading(file_reading&& unbegun) noexcept
      : opening_(std::move(unbegun.opening_)), max_size_(unbegun.max_size_) {}

  progress advance() noexcept;
  claim& awaited() noexcept { return opening_.awaited(); }
  lock_timeout patience() const noexcept { return opening_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return opening_.waiting(); }
  void refuse(const error& why) noexcept;
  result<bytes> outcome() noexcept;

 private:
  opening opening_;
  const std::optional<std::uint64_t> max_size_;
  open_file file_;
  std::optional<reading_all> reading_;
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
