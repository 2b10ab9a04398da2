// SPDX-License-Identifier: BSL-1.0
#include "input.hpp"

#include "shared/url.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <tuple>

namespace tested_proxy {

namespace fs = std::filesystem;

std::vector<original> smallest_files(const fs::path& directory, std::size_t most) {
  std::vector<fs::directory_entry> all;
  for (const fs::directory_entry& e : fs::directory_iterator(directory))
    if (!e.is_symlink() && e.is_regular_file() && e.file_size() > 0) all.push_back(e);
  if (all.empty()) throw std::runtime_error(directory.string() + " has no files");
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.file_size(), a.path()) < std::tuple(b.file_size(), b.path());
  });
  all.resize(std::min(all.size(), most));
  std::vector<original> files;
  for (const fs::directory_entry& e : all) {
    std::ifstream in(e.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    files.push_back({'/' + shared::percent_encode_path(e.path().filename().string()), content});
  }
  return files;
}

}  // namespace tested_proxy
