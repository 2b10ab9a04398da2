// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/arriving.hpp>

#include "integrations/archive/archive_input.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace coramfs::detail {

/// The bytes of an archive that still arrive: those of its last part can be had, and those that
/// come next, for which it waits. Its size is the largest number until the end has come.
///
/// Thread safety: one thread at a time.
class arriving_input final : public archive_input {
 public:
  /// How much memory it takes.
  static constexpr std::size_t window_size = 384 * 1024;
  static constexpr std::size_t memory = window_size + 2 * input_piece;

  /// The source must outlive it. Throws `std::bad_alloc`.
  explicit arriving_input(arriving_bytes& from);

  result<std::span<const std::byte>> at(std::uint64_t offset) override;
  /// Errors: also `corrupt_archive` for what has gone: only a malformed archive leads there.
  result<std::size_t> copy(std::uint64_t offset, std::span<std::byte> to) override;
  bool arrives() const noexcept override { return true; }
  std::optional<std::uint64_t> second_gzip() const noexcept override { return second_gzip_; }
  result<bool> pass_rest() override;

 private:
  // As much stays of what was asked for before: a decoder is given less in advance.
  static constexpr std::size_t kept_behind = 256 * 1024;

  std::uint64_t arrived() const noexcept { return window_at_ + filled_; }
  result<void> fetch(std::uint64_t end);
  void look_for_gzip(std::size_t more) noexcept;

  arriving_bytes& from_;
  std::vector<std::byte> window_;
  std::uint64_t window_at_ = 0;
  std::size_t filled_ = 0;
  bool has_ended_ = false;
  std::array<std::vector<std::byte>, 2> given_;  // what libarchive may still have
  unsigned turn_ = 0;
  std::optional<std::uint64_t> second_gzip_;
};

}  // namespace coramfs::detail
