// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "record.hpp"

#include <coramfs/result.hpp>

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace etl_staging {

/// What is true of a set of records in whatever order they come.
struct totals {
  std::uint64_t records = 0;
  std::uint64_t checksum = 0;           ///< the sum of the CRC-32 of all records
  std::uint64_t distinct_contents = 0;  ///< digests
  std::uint64_t repeated_contents = 0;  ///< digests that more than one record has

  /// Counts what one record shows; not the contents, which take all records together.
  void add(std::string_view list, const record& r);
  void add(const totals& other);

  friend bool operator==(const totals&, const totals&) = default;
};

/// The totals straight from the lists, with one thread, a map and no volume: what the pipeline's
/// own must be equal to.
coramfs::result<totals> count_directly(const std::vector<std::filesystem::path>& lists);

}  // namespace etl_staging
