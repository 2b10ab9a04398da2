// SPDX-License-Identifier: BSL-1.0
//
// A text file is read line by line, from any encoding that iconv knows, in UTF-8 for the program.
// A byte that is no text of the encoding is an error that says so, and not a wrong letter.
//
// usage: lines [ENCODING] < FILE   without one, utf-8
#include <coramfs/sync/file_system.hpp>
#include <coramfs/sync/text_file.hpp>

#include <exception>
#include <iostream>
#include <iterator>
#include <string>

using namespace coramfs;

int main(int argc, char** argv) try {
  auto fs = sync::file_system::create().value();
  fs.write_text("/text", std::string(std::istreambuf_iterator<char>(std::cin), {})).value();

  auto f = fs.open("/text", open_mode::read).value();
  sync::text_file text(f, argc > 1 ? argv[1] : "utf-8");
  std::size_t count = 0;
  std::string longest;
  for (;;) {
    std::string line = text.read_line().value();
    if (line.empty()) break;  // the end: an empty line still has its line break
    ++count;
    if (line.size() > longest.size()) longest = line;
  }
  std::cout << count << " lines, the longest is " << longest << '\n';
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
