// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "integrations/archive/archive_input.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace coramfs::detail {

/// The container that an archive is, and how the whole of it is compressed.
enum class container_format { tar, zip, seven_zip, other };
enum class stream_filter { none, gzip, bzip2, xz, lzip, zstd, lz4 };

struct archive_kind {
  container_format container = container_format::other;  ///< of a filtered stream: not known yet
  stream_filter filter = stream_filter::none;
  std::uint64_t begin = 0;  ///< where a filtered stream begins, behind what it skips
};

/// What an archive is by its content. That is found here and not left to libarchive, so that there
/// is one filter at most, whose needs are known before it is given a byte. Errors: the input's.
result<archive_kind> kind_of(archive_input& in);

/// Bytes of a block of a tar.
inline constexpr std::size_t tar_block = 512;

/// Whether a block is the header of a tar, by its checksum, or the zeros that end one.
bool is_tar_block(std::span<const std::byte> block) noexcept;

}  // namespace coramfs::detail
