// SPDX-License-Identifier: BSL-1.0
//
// A cancellation ends an open that waits: its place in the line is given up, and whoever stands
// behind it is not held up. A coroutine that was cancelled goes on, and may yet clean up.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/this_coro.hpp>

#include <exception>
#include <iostream>

using namespace coramfs;

namespace {

asio::awaitable<void> change_page(file_system fs) {
  // Else each co_await of an awaitable throws once the coroutine was cancelled.
  co_await asio::this_coro::throw_if_cancelled(false);
  auto opened = co_await fs.open("/page", open_mode::update);
  std::cout << "the writer: " << (opened ? "open" : opened.error().message()) << '\n';
  auto noted = co_await fs.write_text("/log", "the page was not changed");
  noted.value();
}

asio::awaitable<void> read_page(file_system fs) {
  auto opened = co_await fs.open("/page", open_mode::read);
  std::cout << "the second reader: " << (opened ? "open" : opened.error().message()) << '\n';
}

}  // namespace

int main() try {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  sync::file_system blocking(fs.get_volume());
  blocking.write_text("/page", "content").value();
  auto held = blocking.open("/page", open_mode::read).value();

  // A reader holds the file, so a writer waits; and behind a writer that waits, so does a reader.
  asio::cancellation_signal stop;
  asio::co_spawn(context, change_page(fs),
                 asio::bind_cancellation_slot(stop.slot(), asio::detached));
  asio::co_spawn(context, read_page(fs), asio::detached);
  context.poll();
  std::cout << fs.get_volume().stats().waiting << " wait\n";

  stop.emit(asio::cancellation_type::terminal);
  context.run();
  std::cout << fs.get_volume().stats().waiting << " wait\n"
            << blocking.read_text("/log").value() << '\n';
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
