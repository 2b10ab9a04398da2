// SPDX-License-Identifier: BSL-1.0
#include "totals.hpp"

#include "input.hpp"

#include <boost/crc.hpp>

#include <string>
#include <unordered_map>

namespace etl_staging {

void totals::add(std::string_view list, const record& r) {
  boost::crc_32_type crc;
  for (const std::string_view part : {list, r.digest, r.path}) {
    crc.process_bytes(part.data(), part.size());
    crc.process_byte('\n');
  }
  records += 1;
  checksum += crc.checksum();
}

void totals::add(const totals& other) {
  records += other.records;
  checksum += other.checksum;
  distinct_contents += other.distinct_contents;
  repeated_contents += other.repeated_contents;
}

coramfs::result<totals> count_directly(const std::vector<std::filesystem::path>& lists) {
  totals all;
  std::unordered_map<std::string, std::uint64_t> copies;
  for (const std::filesystem::path& list : lists) {
    BOOST_OUTCOME_TRY(const std::string text, read_text(list));
    for (std::string_view rest = text; !rest.empty();) {
      const auto r = parse_record(take_line(rest));
      if (!r) continue;
      all.add(list.stem().string(), *r);
      if (++copies[std::string(r->digest)] == 2) all.repeated_contents += 1;
    }
  }
  all.distinct_contents = copies.size();
  return all;
}

}  // namespace etl_staging
