// SPDX-License-Identifier: BSL-1.0
//
// No coroutine is needed: each operation takes any completion token of Asio's, and so do the reads
// and writes of a stream; here they are futures and a function that is called at the end.
//
// usage: completion_token [FILE]   which is read; without one, this program itself
#include <coramfs/asio.hpp>
#include <coramfs/file_system.hpp>

#include <asio/read.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>

#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

using namespace coramfs;

int main(int argc, char** argv) try {
  std::ifstream input(argv[argc > 1 ? 1 : 0], std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(input), {}};
  asio::thread_pool pool(2);
  auto fs = file_system::create(pool.get_executor()).value();
  fs.write_file("/data", content, asio::use_future).get().value();

  auto opened = fs.open("/data", open_mode::read, asio::use_future);
  file f = opened.get().value();
  std::string read(content.size(), '\0');
  asio::async_read(f, asio::buffer(read), [&](asio_error_code error, std::size_t n) {
    std::cout << "read: " << n << " bytes, " << (error ? error.message() : "no error") << '\n';
  });
  pool.join();
  std::cout << (read == content ? "they are those of the file\n" : "they are others\n");
  return read == content ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
