// SPDX-License-Identifier: BSL-1.0
//
// A tree can be had as a value: an export reads all of it into a map, and an import puts such a map
// into a volume whole or not at all, in one step for all who look.
//
// usage: snapshot [FILE]...   which are put into the tree; without any, this program itself
#include <coramfs/sync/file_system.hpp>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

using namespace coramfs;

int main(int argc, char** argv) try {
  auto fs = sync::file_system::create().value();
  fs.create_directories("/now").value();
  for (int i = argc > 1 ? 1 : 0; i < argc; ++i) {
    std::ifstream input(argv[i], std::ios::binary);
    const std::string name = std::filesystem::path(argv[i]).filename().string();
    fs.write_file("/now/" + name, std::string(std::istreambuf_iterator<char>(input), {})).value();
  }
  const file_map snapshot = fs.export_tree("/now").value();

  fs.remove_tree("/now").value();
  fs.import_tree(snapshot).value();
  std::cout << "back again: " << fs.list("/now").value().size() << " files\n";

  volume_options small;
  small.max_quota = 8 * 1024;
  auto other = sync::file_system::create(small).value();
  if (const auto imported = other.import_tree(snapshot); !imported)
    std::cout << "elsewhere: " << imported.error().message() << "; "
              << other.list("/").value().size() << " files\n";
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
