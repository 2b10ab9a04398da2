// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "totals.hpp"

#include <coramfs/file_system.hpp>

#include <asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace etl_staging {

/// A content that several files have.
struct repeated_content {
  std::uint64_t copies;
  std::string digest, path;  ///< of the first copy by name
};

/// What one reader found in one partition.
struct findings {
  totals counted;
  std::vector<repeated_content> most_repeated;  ///< the first few, most copies first

  void add(findings&& other);
};

/// Checks that each block is in one piece, and counts the records.
///
/// Errors: beside those of coramfs, `std::errc::bad_message` for a broken block.
asio::awaitable<coramfs::result<void>> check_blocks(coramfs::file_system files,
                                                    std::string partition, findings& found);

/// Finds the contents that more than one file has, and lists them in the file `to`.
asio::awaitable<coramfs::result<void>> find_repeated(coramfs::file_system files,
                                                     std::string partition, std::string to,
                                                     findings& found);

}  // namespace etl_staging
