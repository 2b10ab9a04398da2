// SPDX-License-Identifier: BSL-1.0
//
// What a pipe or a socket gives goes straight into a file: `prepare` pays for room and hands it
// out, `commit` makes what has come part of the file. There is no buffer beside it, and no copy.
//
// usage: ls -R /usr/include | receive
#include <coramfs/asio.hpp>
#include <coramfs/file_system.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <exception>
#include <iostream>

using namespace coramfs;

asio::awaitable<result<void>> receive(file_system fs, asio::posix::stream_descriptor& from) {
  BOOST_OUTCOME_CO_TRY(auto f, co_await fs.open("/received", open_mode::write));
  for (asio_error_code ended; !ended;) {
    BOOST_OUTCOME_CO_TRY(auto room, co_await f.prepare(64 * 1024));
    const std::size_t n =
        co_await from.async_read_some(room, asio::redirect_error(asio::use_awaitable, ended));
    BOOST_OUTCOME_CO_TRY(f.commit(n));
    if (ended && ended != asio::error::eof) co_return error(ended);
  }
  std::cout << f.size().value() << " bytes received, " << fs.get_volume().stats().used_bytes
            << " charged\n";
  co_return success();
}

int main() try {
  asio::io_context context;
  asio::posix::stream_descriptor input(context, 0);
  auto fs = file_system::create(context.get_executor()).value();
  auto done = asio::co_spawn(context, receive(fs, input), asio::use_future);
  context.run();
  done.get().value();
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
