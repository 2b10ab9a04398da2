// SPDX-License-Identifier: BSL-1.0
#include "record.hpp"

#include <algorithm>
#include <charconv>

namespace etl_staging {

namespace {

constexpr std::size_t shortest_digest = 32;  // MD5; those of the newer programs are longer
constexpr char hexadecimal[] = "0123456789abcdef";

}  // namespace

std::optional<record> parse_record(std::string_view line) {
  const std::size_t end = std::min(line.find_first_not_of(hexadecimal), line.size());
  const std::string_view digest = line.substr(0, end);
  line.remove_prefix(end);
  const bool separated = line.starts_with("  ") || line.starts_with(" *");
  if (digest.size() < shortest_digest || !separated || line.size() == 2) return std::nullopt;
  return record{digest, line.substr(2)};
}

std::size_t partition_of(const record& r, std::size_t partitions) {
  unsigned first_byte = 0;
  std::from_chars(r.digest.data(), r.digest.data() + 2, first_byte, 16);
  return first_byte % partitions;
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

}  // namespace etl_staging
