// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "integrations/archive/archive_input.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coramfs::detail {

/// The record at the end of a zip.
struct zip_end {
  std::uint64_t at;       ///< its offset; what comes behind its first 22 bytes is a comment
  std::uint64_t entries;  ///< that it says there are, as far as 16 bits can
  std::uint64_t size;     ///< of the directory before it, likewise
};

/// Finds it: the last one whose comment fits into the file. None: it is no zip, or has lost its
/// end. Errors: the input's. Throws `std::bad_alloc`.
result<std::optional<zip_end>> find_zip_end(archive_input& in);

/// Where the members of a zip begin, sorted, each offset once: that is the order in which
/// libarchive reads them, so it is known what comes before it is read. Errors: `corrupt_archive`;
/// the input's. Throws `std::bad_alloc`.
result<std::vector<std::uint64_t>> zip_members(archive_input& in, const zip_end& end);

/// What stands before the bytes of a member.
struct zip_member {
  unsigned method;
  bool is_encrypted;
  std::string name;    ///< bytes, with what libarchive would cut: all behind a NUL
  std::uint64_t data;  ///< the offset of its bytes
};
/// Errors: `corrupt_archive`; the input's. Throws `std::bad_alloc`.
result<zip_member> zip_member_at(archive_input& in, std::uint64_t offset);

}  // namespace coramfs::detail
