// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive_reader.hpp>
#include <coramfs/result.hpp>

#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/decoder_budget.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coramfs::detail {

/// Bytes of the records at the end of a zip: the last one, the larger one of a zip of more than
/// 4 GiB, and the one between the two that says where that is.
inline constexpr std::size_t zip_end_size = 22, zip_end64_size = 56, zip_locator_size = 20;

/// The record at the end of a zip.
struct zip_end {
  std::uint64_t at;       ///< its offset; what comes behind it is a comment
  std::uint64_t entries;  ///< that it says there are, as far as 16 bits can
  std::uint64_t size;     ///< of the directory before it, likewise
};

/// Finds it: the last one whose comment fits into the file. None: it is no zip, or has lost its
/// end. Errors: the input's. Throws `std::bad_alloc`.
result<std::optional<zip_end>> find_zip_end(archive_input& in);

/// A member as the directory of a zip has it.
struct zip_listed {
  std::uint64_t at;           ///< where it begins
  std::uint32_t name_crc;     ///< of the name that the directory gives it
  std::uint32_t packed_size;  ///< of its bytes; all ones for so many or more
};

/// All that the directory says of a member.
struct zip_entry {
  zip_listed listed;
  unsigned method;
  std::uint32_t crc;
  std::uint64_t packed_size, size;
  std::optional<entry_kind> kind;  ///< where its attributes say one, or a slash behind its name
  std::uint64_t next;              ///< where the next entry begins
};
/// Reads the entry of the directory at an offset. None: something else stands there. Errors:
/// `corrupt_archive`; the input's. Throws `std::bad_alloc`.
result<std::optional<zip_entry>> zip_entry_at(archive_input& in, std::uint64_t at);

/// The members of a zip, sorted by where they begin, each once: that is the order in which
/// libarchive reads them, so it is known what comes before it is read. The budget pays for what
/// libarchive is going to keep of each entry, and this. Errors: `corrupt_archive`, also for entries
/// that give one member two names; those of the budget and the input. Throws `std::bad_alloc`.
result<std::vector<zip_listed>> zip_members(archive_input& in, const zip_end& end,
                                            decoder_budget& budget);

/// What stands before the bytes of a member.
struct zip_member {
  unsigned method;
  bool is_encrypted;
  bool is_masked;       ///< what is said here is not so: the directory is encrypted, and has it
  bool has_descriptor;  ///< its sizes and its checksum stand behind its bytes
  std::uint32_t crc;
  std::uint64_t packed_size, size;
  std::uint32_t name_crc;  ///< of the name in the header, as the directory has it
  std::string name;        ///< bytes, with what libarchive would cut: all behind a NUL
  std::uint64_t data;      ///< the offset of its bytes
};
/// Errors: `corrupt_archive`; the input's. Throws `std::bad_alloc`.
result<zip_member> zip_header_at(archive_input& in, std::uint64_t offset);
/// The same of a member that the directory has.
/// Errors: `corrupt_archive`, also for another name than the directory gives it: then it depends on
/// the reader what it is called. Those of the input. Throws `std::bad_alloc`.
result<zip_member> zip_member_at(archive_input& in, const zip_listed& listed);

}  // namespace coramfs::detail
