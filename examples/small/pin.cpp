// SPDX-License-Identifier: BSL-1.0
//
// A pin is a view of a file that never changes, and costs no copy: it can be sent while the file
// is rewritten or removed. What it sees stays charged until the last pin goes.
//
// usage: pin [FILE]   which is pinned; without one, this program itself
#include <coramfs/sync/file_system.hpp>

#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

using namespace coramfs;

int main(int argc, char** argv) try {
  std::ifstream input(argv[argc > 1 ? 1 : 0], std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(input), {}};
  auto fs = sync::file_system::create().value();
  const auto charged = [&fs] { return fs.stats().value().used_bytes; };
  fs.write_file("/page", content).value();
  const auto before = charged();

  auto f = fs.open("/page", open_mode::update).value();
  pinned seen = f.pin(0, content.size()).value();
  std::cout << "the pin costs " << charged() - before << " bytes\n";

  f.write(std::string(content.size(), '\0')).value();
  f.close().value();
  fs.remove("/page").value();

  // It is a sequence of buffers: a socket takes it as it is.
  std::string sent;
  for (const asio::const_buffer& b : seen)
    sent.append(static_cast<const char*>(b.data()), b.size());
  std::cout << sent.size() << " pinned bytes are " << (sent == content ? "as they were" : "wrong")
            << '\n';
  seen = pinned();
  std::cout << (charged() < before ? "without it they are given back\n" : "they are kept\n");
  return sent == content ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
