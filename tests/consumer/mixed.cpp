// SPDX-License-Identifier: BSL-1.0

// Half a program: it begins with Asio, and is compiled with the library's flags. The other half is
// asio_alone.cpp. Handlers and frames of both go through the same memory of the context's thread.
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <coramfs/file_system.hpp>

#include <chrono>

void run_timers(asio::io_context& context);

namespace {

asio::awaitable<void> append(coramfs::file_system fs, int& count) {
  coramfs::open_options options;
  options.timeout = coramfs::lock_timeout(std::chrono::minutes(1));
  auto file = co_await fs.open("/log", coramfs::open_mode::append, options);
  const char c = 'a';
  if (co_await file.value().write(asio::buffer(&c, 1))) ++count;
  co_await asio::post(fs.get_executor(), asio::use_awaitable);
}

}  // namespace

int main() {
  asio::io_context context;
  const auto fs = coramfs::file_system::create(context.get_executor()).value();
  run_timers(context);
  int count = 0;
  for (int i = 0; i < 20; ++i) asio::co_spawn(context, append(fs, count), asio::detached);
  context.run();
  return count == 20 ? 0 : 1;
}
