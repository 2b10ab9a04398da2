// SPDX-License-Identifier: BSL-1.0
//
// A cancellation ends an open that waits: its place in the line is given up, and whoever stands
// behind it is not held up.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>

#include <exception>
#include <iostream>

using namespace coramfs;

int main() try {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  sync::file_system blocking(fs.get_volume());
  blocking.write_text("/page", "content").value();
  auto held = blocking.open("/page", open_mode::read).value();

  // A reader holds the file, so a writer waits; and behind a writer that waits, so does a reader.
  asio::cancellation_signal stop;
  const auto print = [](const char* who) {
    return [who](result<file> opened) {
      std::cout << who << ": " << (opened ? "open" : opened.error().message()) << '\n';
    };
  };
  fs.open("/page", open_mode::update, {},
          asio::bind_cancellation_slot(stop.slot(), print("the writer")));
  fs.open("/page", open_mode::read, {}, print("the second reader"));
  context.poll();
  std::cout << fs.get_volume().stats().waiting << " wait\n";

  stop.emit(asio::cancellation_type::all);
  context.run();
  std::cout << fs.get_volume().stats().waiting << " wait\n";
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
