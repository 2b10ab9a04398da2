// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/archive/stream_watch.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace coramfs::detail {

/// What the header of a frame of zstd says; none if it is none, or cut off.
struct zstd_frame {
  std::uint64_t window;  ///< bytes
  std::size_t size;      ///< of the header
  bool has_checksum;
};
std::optional<zstd_frame> zstd_frame_of(std::span<const std::byte> header) noexcept;

/// Goes through frames of zstd, and their blocks.
class zstd_watch final : public stream_watch {
 public:
  zstd_watch(archive_input& in, std::uint64_t begin) noexcept : in_(in), at_(begin) {}

  result<void> look(std::uint64_t end) override;

 private:
  void pass(std::span<const std::byte> head) noexcept;

  archive_input& in_;
  std::uint64_t at_;
  bool is_in_frame_ = false, has_checksum_ = false, is_lost_ = false;
};

}  // namespace coramfs::detail
