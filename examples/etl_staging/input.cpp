// SPDX-License-Identifier: BSL-1.0
#include "input.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

namespace etl_staging {

std::vector<std::filesystem::path> find_lists(const std::vector<std::filesystem::path>& places) {
  std::vector<std::filesystem::path> lists;
  for (const std::filesystem::path& place : places) {
    if (!std::filesystem::is_directory(place)) {
      lists.push_back(place);
      continue;
    }
    const auto first_of_place = std::ssize(lists);
    for (const auto& entry : std::filesystem::directory_iterator(place))
      if (entry.path().extension() == ".md5sums") lists.push_back(entry.path());
    std::sort(lists.begin() + first_of_place, lists.end());
  }
  return lists;
}

coramfs::result<std::string> read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (in.bad() || !in.is_open()) return coramfs::error({errno, std::generic_category()});
  return text;
}

}  // namespace etl_staging
