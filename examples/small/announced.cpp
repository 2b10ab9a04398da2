// SPDX-License-Identifier: BSL-1.0
//
// A length that is announced, as by HTTP's Content-Length, is paid for before the first byte comes:
// `reserve`. What does not fit is refused at once, and what fits can not fail for space any more,
// whoever else takes the quota meanwhile.
//
// usage: cat FILE | announced BYTES
#include <coramfs/file_system.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>

using namespace coramfs;

asio::awaitable<result<void>> receive(file_system fs, asio::posix::stream_descriptor& from,
                                      std::uint64_t announced) {
  BOOST_OUTCOME_CO_TRY(auto f, co_await fs.open("/received", open_mode::write));
  BOOST_OUTCOME_CO_TRY(co_await f.reserve(announced));
  for (std::uint64_t left = announced; left > 0;) {
    BOOST_OUTCOME_CO_TRY(auto room, co_await f.prepare(std::min<std::uint64_t>(left, 64 * 1024)));
    const std::size_t n = co_await from.async_read_some(room, asio::use_awaitable);
    BOOST_OUTCOME_CO_TRY(f.commit(n));
    left -= n;
  }
  std::cout << f.size().value() << " bytes received\n";
  co_return success();
}

int main(int argc, char** argv) try {
  if (argc != 2) throw std::invalid_argument("usage: announced BYTES");
  asio::io_context context;
  asio::posix::stream_descriptor input(context, 0);
  auto fs = file_system::create(context.get_executor(), {.max_quota = 1 << 20}).value();
  auto done = asio::co_spawn(context, receive(fs, input, std::strtoull(argv[1], nullptr, 10)),
                             asio::use_future);
  context.run();
  done.get().value();
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
