// SPDX-License-Identifier: BSL-1.0
//
// Runs a target of libFuzzer's on files, without that.
//
// usage: fuzz_NAME FILE_OR_DIRECTORY...
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace disk = std::filesystem;

void run(const disk::path& file) {
  std::ifstream from(file, std::ios::binary);
  const std::string content(std::istreambuf_iterator<char>(from), {});
  // The last line is that of the file that ends the process.
  std::cout << file.filename().native() << std::endl;
  const std::vector<std::uint8_t> bytes(content.begin(), content.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::size_t count = 0;
    for (int i = 1; i < argc; ++i) {
      if (!disk::is_directory(argv[i])) {
        run(argv[i]);
        ++count;
        continue;
      }
      for (const auto& file : disk::directory_iterator(argv[i])) {
        run(file.path());
        ++count;
      }
    }
    std::cout << count << " files\n";
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
