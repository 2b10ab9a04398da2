// SPDX-License-Identifier: BSL-1.0
#include "loading.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

namespace etl_staging {

namespace {

constexpr std::size_t shown_contents = 5;

struct copies {
  std::uint64_t count = 0;
  std::string_view path;
};

std::string_view as_text(const coramfs::bytes& content) {
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

coramfs::error broken_block() { return std::make_error_code(std::errc::bad_message); }

// Takes a block's head, "@list count", and as many records as it announces.
coramfs::result<totals> take_block(std::string_view& rest) {
  const std::string_view head = take_line(rest);
  const std::size_t space = head.rfind(' ');
  if (!head.starts_with('@') || space == std::string_view::npos) return broken_block();
  std::uint64_t announced = 0;
  const char* const end = head.data() + head.size();
  if (std::from_chars(head.data() + space + 1, end, announced).ptr != end) return broken_block();
  totals counted;
  while (counted.records < announced) {
    const auto r = parse_record(take_line(rest));
    if (!r) return broken_block();
    counted.add(head.substr(1, space - 1), *r);
  }
  return counted;
}

std::map<std::string_view, copies> group_by_digest(std::string_view rest) {
  std::map<std::string_view, copies> groups;
  while (!rest.empty()) {
    const auto r = parse_record(take_line(rest));
    if (!r) continue;  // the head of a block
    copies& group = groups[r->digest];
    group.path = group.count++ == 0 ? r->path : std::min(group.path, r->path);
  }
  return groups;
}

void keep_most_repeated(std::vector<repeated_content>& all) {
  std::sort(all.begin(), all.end(), [](const repeated_content& a, const repeated_content& b) {
    return std::tie(b.copies, a.digest) < std::tie(a.copies, b.digest);
  });
  if (all.size() > shown_contents) all.resize(shown_contents);
}

}  // namespace

void findings::add(findings&& other) {
  counted.add(other.counted);
  std::move(other.most_repeated.begin(), other.most_repeated.end(),
            std::back_inserter(most_repeated));
  keep_most_repeated(most_repeated);
}

asio::awaitable<coramfs::result<void>> check_blocks(coramfs::file_system files,
                                                    std::string partition, findings& found) {
  BOOST_OUTCOME_CO_TRY(const auto content, co_await files.read_file(partition));
  for (std::string_view rest = as_text(content); !rest.empty();) {
    BOOST_OUTCOME_CO_TRY(const totals block, take_block(rest));
    found.counted.add(block);
  }
  co_return boost::outcome_v2::success();
}

asio::awaitable<coramfs::result<void>> find_repeated(coramfs::file_system files,
                                                     std::string partition, std::string to,
                                                     findings& found) {
  BOOST_OUTCOME_CO_TRY(const auto content, co_await files.read_file(partition));
  std::string listing;
  const auto groups = group_by_digest(as_text(content));
  for (const auto& [digest, group] : groups) {
    if (group.count == 1) continue;
    found.most_repeated.push_back({group.count, std::string(digest), std::string(group.path)});
    listing += std::to_string(group.count) + "  " + found.most_repeated.back().digest + "  " +
               found.most_repeated.back().path + '\n';
  }
  found.counted.distinct_contents = groups.size();
  found.counted.repeated_contents = found.most_repeated.size();
  keep_most_repeated(found.most_repeated);
  co_return co_await files.write_file(to, asio::buffer(listing));
}

}  // namespace etl_staging
