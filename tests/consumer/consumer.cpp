// SPDX-License-Identifier: BSL-1.0

// The least program that needs both facades, to be built against an installed copy.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

int main() {
  auto blocking = coramfs::sync::file_system::create().value();
  blocking.write_file("/greeting", asio::buffer("hello", 5)).value();
  asio::io_context context;
  coramfs::file_system fs(context.get_executor(), blocking.get_volume());
  auto content = asio::co_spawn(context, fs.read_file("/greeting"), asio::use_future);
  context.run();
  return content.get().value().size() == 5 ? 0 : 1;
}
