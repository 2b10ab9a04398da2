// SPDX-License-Identifier: BSL-1.0

// The least test of a coroutine: an hour's timeout that takes no time.
#include <coramfs/file_system.hpp>
#include <coramfs/testing.hpp>

int main() {
  coramfs::testing::simulation sim(coramfs::testing::schedule::uniform(1));
  auto fs =
      coramfs::file_system(sim.get_executor(), coramfs::volume::create(sim.options()).value());
  const auto begin = sim.now();
  const auto held = sim.run(fs.open("/f", coramfs::open_mode::create)).value();
  const auto again =
      sim.run(fs.open("/f", coramfs::open_mode::read, {.timeout = std::chrono::hours(1)}));
  return again.error() == coramfs::errc::timed_out && sim.now() - begin == std::chrono::hours(1)
             ? 0
             : 1;
}
