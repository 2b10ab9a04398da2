// SPDX-License-Identifier: BSL-1.0
//
// A reader that comes while somebody writes waits in line, and sees the whole or nothing: never
// half of it. Its thread goes on meanwhile.
//
// usage: reader_and_writer [FILE]   which is written; without one, this program itself
#include <coramfs/file_system.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <exception>
#include <fstream>
#include <iostream>
#include <utility>
#include <vector>

using namespace coramfs;

asio::awaitable<result<void>> write(file_system fs, std::ifstream input) {
  BOOST_OUTCOME_CO_TRY(auto f, co_await fs.open("/data", open_mode::write));
  std::vector<char> part(4096);
  while (input.read(part.data(), 4096), input.gcount() > 0) {
    const asio::const_buffer read(part.data(), static_cast<std::size_t>(input.gcount()));
    BOOST_OUTCOME_CO_TRY(co_await f.write(read));
    co_await asio::post(asio::use_awaitable);  // here others have their turn
  }
  std::cout << "written: " << f.size().value() << ", and " << fs.get_volume().stats().waiting
            << " waits\n";
  co_return f.close();
}

asio::awaitable<result<void>> read(file_system fs) {
  BOOST_OUTCOME_CO_TRY(auto f, co_await fs.open("/data", open_mode::read));
  BOOST_OUTCOME_CO_TRY(const bytes all, co_await f.read_all());
  std::cout << "read: " << all.size() << '\n';
  co_return success();
}

int main(int argc, char** argv) try {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  std::ifstream input(argv[argc > 1 ? 1 : 0], std::ios::binary);
  auto written = asio::co_spawn(context, write(fs, std::move(input)), asio::use_future);
  auto have_read = asio::co_spawn(context, read(fs), asio::use_future);
  context.run();
  written.get().value();
  have_read.get().value();
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
