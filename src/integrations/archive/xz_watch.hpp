// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/archive/stream_watch.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace coramfs::detail {

/// The dictionary that a code of LZMA2 means, in bytes; none for a code that means nothing.
std::optional<std::uint64_t> lzma2_dictionary(std::uint8_t code) noexcept;

/// What the header of a block of xz says; none if it is malformed.
struct xz_block {
  std::uint64_t dictionary;
  bool is_lzma2;  ///< the last filter is, so it is known how long its chunks are
};
std::optional<xz_block> xz_block_of(std::span<const std::byte> header) noexcept;

/// Goes through xz: streams, their blocks, and the chunks of those.
class xz_watch final : public stream_watch {
 public:
  xz_watch(archive_input& in, std::uint64_t begin) noexcept : in_(in), at_(begin) {}

  result<void> look(std::uint64_t end) override;

 private:
  enum class place { stream, block, chunk, index, records, padding, lost };

  result<void> step();
  void begin_stream(std::span<const std::byte> head) noexcept;
  void begin_block(std::span<const std::byte> head) noexcept;
  void pass_chunk(std::span<const std::byte> head) noexcept;
  void begin_index(std::span<const std::byte> head) noexcept;
  void pass_record(std::span<const std::byte> head) noexcept;
  void pass_padding(std::span<const std::byte> head) noexcept;

  archive_input& in_;
  std::uint64_t at_;
  place in_place_ = place::stream;
  unsigned check_size_ = 0;
  std::uint64_t began_ = 0;    // of the block or the index
  std::uint64_t records_ = 0;  // of the index that are left
};

}  // namespace coramfs::detail
