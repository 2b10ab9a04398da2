// SPDX-License-Identifier: BSL-1.0
#include "comparison.hpp"

#include "host.hpp"

#include <coramfs/entries.hpp>

#include <set>
#include <system_error>

namespace archive_extraction {

namespace fs = std::filesystem;

std::vector<std::string> differences(coramfs::sync::file_system& files, const std::string& top,
                                     const fs::path& folder) {
  std::vector<std::string> all;
  std::set<std::string> seen;
  for (const coramfs::walk_entry& e : files.walk(top).value()) {
    for (const std::string& name : e.files) {
      const std::string path = e.path + '/' + name;
      const std::string below = path.substr(top.size() + 1);
      seen.insert(below);
      const fs::path there = folder / below;
      std::error_code missing;
      const bool is_there = fs::is_regular_file(fs::symlink_status(there, missing));
      if (!is_there || files.read_text(path).value() != content_of(there)) all.push_back(below);
    }
  }
  for (const fs::directory_entry& e : fs::recursive_directory_iterator(folder)) {
    if (!fs::is_regular_file(e.symlink_status()) || e.hard_link_count() > 1) continue;
    const std::string below = e.path().lexically_relative(folder).string();
    if (seen.find(below) == seen.end()) all.push_back(below);
  }
  return all;
}

}  // namespace archive_extraction
