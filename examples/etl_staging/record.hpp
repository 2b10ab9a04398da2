// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace etl_staging {

/// A line of a list as md5sum(1) writes it: the digest of a file's content, and the file's name.
/// It shows a part of the text that it was parsed from.
struct record {
  std::string_view digest, path;
};

/// Nothing: the line is no record.
std::optional<record> parse_record(std::string_view line);

/// Where a record belongs. All files of one content have one digest, so they are in one partition.
std::size_t partition_of(const record& r, std::size_t partitions);

/// The first line of `rest`, without its end; `rest` is then what comes behind it.
std::string_view take_line(std::string_view& rest);

}  // namespace etl_staging
