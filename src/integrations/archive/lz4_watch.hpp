// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/archive/stream_watch.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace coramfs::detail {

/// Goes through frames of lz4, and their blocks. Frames of the old kind are no part of it.
class lz4_watch final : public stream_watch {
 public:
  lz4_watch(archive_input& in, std::uint64_t begin) noexcept : in_(in), at_(begin) {}

  result<void> look(std::uint64_t end) override;

 private:
  void pass(std::span<const std::byte> head) noexcept;

  archive_input& in_;
  std::uint64_t at_;
  unsigned flags_ = 0;
  bool is_in_frame_ = false, is_lost_ = false;
};

}  // namespace coramfs::detail
