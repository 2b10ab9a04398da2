// SPDX-License-Identifier: BSL-1.0
//
// A child process reads a file of a volume, and writes one: each is lent to it as a memory file of
// the system's, which it opens by a path like any other. What has to be read stays as it is, for it
// is sealed; and what was written goes into the volume, and is charged.
//
// usage: child_process [FILE]   which is given to the children; without one, this program itself
#include <coramfs/memfd.hpp>

#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>

using namespace coramfs;

void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

int main(int argc, char** argv) try {
  std::ifstream input(argv[argc > 1 ? 1 : 0], std::ios::binary);
  auto fs = sync::file_system::create().value();
  fs.write_text("/input", std::string(std::istreambuf_iterator<char>(input), {})).value();
  fs.write_text("/empty", "").value();

  const memory_file memory = to_memfd(fs, "/input").value();
  run("sha256sum " + memory.path());
  run("python3 -c 'import sys; print(len(open(sys.argv[1], \"rb\").read()))' " + memory.path());
  run("! 2> /dev/null sh -c 'echo x >> " + memory.path() + "'");

  memfd_options options;
  options.seal = false;
  const memory_file archive = to_memfd(fs, "/empty", options).value();
  run("tar --create --dereference --file=" + archive.path() + " --directory=/proc/self/fd " +
      std::to_string(memory.fd()));
  std::cout << from_memfd(fs, archive.fd(), "/input.tar").value() << " bytes from tar\n";

  const memory_file packed = to_memfd(fs, "/input.tar").value();
  run("tar --extract --to-stdout --file=" + packed.path() + " | cmp - " + memory.path());
  std::cout << "they are those of the file\n";
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
