// SPDX-License-Identifier: BSL-1.0
//
// A thread and a coroutine use one volume, each in its own way, and stand in the same line: the
// thread blocks where it waits, the coroutine suspends.
//
// usage: ls -R /usr/include | blocking_thread
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <exception>
#include <iostream>
#include <string>
#include <thread>
#include <utility>

using namespace coramfs;

// Reads what may block, and closes the file when it ends.
void copy_input(sync::file to) {
  for (std::string line; std::getline(std::cin, line);) to.write(line + '\n').value();
}

int main() try {
  auto blocking = sync::file_system::create().value();
  auto to = blocking.open("/input", open_mode::write).value();

  asio::io_context context;
  file_system fs(context.get_executor(), blocking.get_volume());
  auto read = asio::co_spawn(context, fs.read_text("/input"), asio::use_future);
  context.poll();
  std::cout << "coroutines that wait for the thread: " << fs.get_volume().stats().waiting << '\n';

  std::thread thread(copy_input, std::move(to));
  context.run();
  thread.join();
  std::cout << "bytes that the coroutine has read: " << read.get().value().size() << '\n';
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
