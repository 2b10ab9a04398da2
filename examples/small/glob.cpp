// SPDX-License-Identifier: BSL-1.0
//
// Finds files by a pattern, as a shell does, and looks at all directories in their order.
//
// usage: glob [DIRECTORY [PATTERN]]   a directory of this machine, as the volume is to have it;
//                                     without one, that of this program
#include <coramfs/sync/file_system.hpp>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

using namespace coramfs;

int main(int argc, char** argv) try {
  const std::filesystem::path top =
      argc > 1 ? std::filesystem::path(argv[1]) : std::filesystem::path(argv[0]).parent_path();
  auto fs = sync::file_system::create().value();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
    const std::string path = '/' + entry.path().lexically_relative(top).generic_string();
    if (entry.is_directory()) fs.create_directories(path).value();
    if (!entry.is_regular_file()) continue;
    std::ifstream input(entry.path(), std::ios::binary);
    fs.write_file(path, std::string(std::istreambuf_iterator<char>(input), {})).value();
  }

  for (const std::string& path : fs.glob(argc > 2 ? argv[2] : "/**/{glob,pin}*").value())
    std::cout << path << '\n';
  for (const walk_entry& d : fs.walk("/").value())
    std::cout << d.path << ": " << d.directories.size() << " directories, " << d.files.size()
              << " files\n";
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
