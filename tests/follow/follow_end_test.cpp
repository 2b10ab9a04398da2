// SPDX-License-Identifier: BSL-1.0
// How a file that is followed ends, and what is left of those who do not come to its end.
#include <coramfs/asio.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/read.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr lock_timeout at_once = lock_timeout::immediate();

sync::file grow(sync::file_system& fs, std::string path, open_mode mode = open_mode::write,
                on_abandon then = on_abandon::remove) {
  return fs.open(path, mode, {.timeout = at_once, .followable = true, .abandoned = then}).value();
}

}  // namespace

// The memory checkers see what it does wrong.
TEST_CASE("follow: the last that has the volume may be a context with follows that have ended",
          "[follow][context]") {
  const bool is_written = GENERATE(false, true);
  std::optional<asio::io_context> context(std::in_place);
  std::optional<volume> v = volume::create().value();
  std::optional<sync::file_system> threads(std::in_place, *v);
  std::optional<sync::file> w;
  for (int i = 0; i < 20; ++i)
    threads->write_file("/f" + std::to_string(i), std::string(5000, 'x')).value();
  if (is_written) w = grow(*threads, "/f1");
  std::optional<file_system> fs(std::in_place, context->get_executor(), *v);
  bool is_called = false;
  for (int i = 0; i < 20; ++i)
    fs->follow("/f" + std::to_string(i), {}, [&](const result<follower>&) { is_called = true; });
  w.reset();
  fs.reset();
  threads.reset();
  v.reset();
  context.reset();
  CHECK(!is_called);
}

}  // namespace coramfs::tests
