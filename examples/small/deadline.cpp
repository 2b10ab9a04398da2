// SPDX-License-Identifier: BSL-1.0
//
// An open waits for the file's lock no longer than it is told: what is not free in time is an
// error, and nothing is left behind.
#include <coramfs/file_system.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <chrono>
#include <exception>
#include <iostream>

using namespace coramfs;

asio::awaitable<result<void>> use(file_system fs) {
  BOOST_OUTCOME_CO_TRY(auto writer, co_await fs.open("/log", open_mode::append));

  open_options in_time;
  in_time.timeout = std::chrono::milliseconds(20);
  const auto late = co_await fs.open("/log", open_mode::read, in_time);
  if (!late) std::cout << "after 20 ms: " << late.error().message() << '\n';
  in_time.timeout = lock_timeout::immediate();
  const auto refused = co_await fs.open("/log", open_mode::read, in_time);
  if (!refused) std::cout << "at once: " << refused.error().message() << '\n';

  BOOST_OUTCOME_CO_TRY(writer.close());
  BOOST_OUTCOME_CO_TRY(auto reader, co_await fs.open("/log", open_mode::read, in_time));
  std::cout << "after the close: " << reader.path() << " is open\n";
  co_return success();
}

int main() try {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  auto done = asio::co_spawn(context, use(fs), asio::use_future);
  context.run();
  done.get().value();
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
