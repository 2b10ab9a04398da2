// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/decoder_budget.hpp"
#include "integrations/archive/zip_directory.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>

namespace coramfs::detail {

/// What a zip, which is read by the headers of its members, was found to be, to be compared with
/// its directory, which comes behind them.
class zip_comparison {
 public:
  /// Notes a member, which begins at an offset, with the sizes and the checksum that it has. They
  /// come in their order. Errors: `unsupported_archive` for more than there may be kept of; those
  /// of the budget. Throws `std::bad_alloc`.
  result<void> add(std::uint64_t at, const zip_member& found, entry_kind taken_as,
                   decoder_budget& budget);
  /// Reads the directory, which begins at an offset, and the record behind it. Errors:
  /// `corrupt_archive` for what is said there in another way, or not at all;
  /// `unsafe_archive_entry` for what is neither a file nor a directory, which only the directory
  /// says; `unsupported_archive` for an encrypted directory; the input's. Throws `std::bad_alloc`.
  result<void> compare(archive_input& in, std::uint64_t begin);
  /// When all has come: who begins to read at the end has to find the same record. Precondition:
  /// `compare` has succeeded. Errors: `corrupt_archive`; the input's. Throws `std::bad_alloc`.
  result<void> compare_last(archive_input& in) const;

 private:
  struct member {
    std::uint64_t at, packed_size, size;
    std::uint32_t name_crc, crc;
    std::uint16_t method;
    entry_kind taken_as;
    bool is_listed;
  };

  result<void> find(const zip_entry& listed);
  result<void> compare_end(archive_input& in, std::uint64_t begin, std::uint64_t end);

  std::deque<member> members_;  // it grows bit by bit, as it is paid for
  std::size_t next_ = 0;        // mostly the directory is in the same order
  std::uint64_t end_ = 0;       // where the last record was found
};

}  // namespace coramfs::detail
