// SPDX-License-Identifier: BSL-1.0
// Space for files that are followed while they are written.
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

/// Takes all of the quota that is left, but for less than anything needs that is made anew.
sync::file fill_up(sync::file_system& fs) {
  auto f = fs.open("/filler", open_mode::write).value();
  for (std::size_t step = 1 << 18; step > 200;)
    if (!f.write(std::string(step, 'z'))) step /= 2;
  return f;
}

}  // namespace

TEST_CASE("follow: what is paid for ahead can be written, whatever others take",
          "[follow][space]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential,
                               storage_layout::random_access);
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  const std::size_t piece = GENERATE(100, 5000, 70'000);
  const std::size_t before = GENERATE(0, 10, 30'000, 70'000);
  const bool is_pinned = GENERATE(false, true);
  CAPTURE(layout, counting, piece, before, is_pinned);
  constexpr std::size_t size = 200'000;
  sync::file_system fs(
      volume::create({.max_quota = 1 << 20, .default_storage = layout, .accounting = counting})
          .value());
  auto w = fs.open("/f", open_mode::write, {.followable = true}).value();
  if (before > 0) w.write(std::string(before, 'a')).value();
  auto f = fs.follow("/f", {.patience = lock_timeout::immediate()}).value();
  std::vector<pinned> pins;
  w.announce(size, true).value();
  const auto others = fill_up(fs);
  for (std::size_t done = before; done < size;) {
    if (is_pinned) pins.push_back(f.next().value_or(pinned()));
    const std::size_t n = std::min(piece, size - done);
    const auto written = w.write(std::string(n, 'b'));
    CAPTURE(done);
    REQUIRE(written.has_value());
    done += n;
  }
  w.finish().value();
  CHECK(w.size().value() == size);
}

}  // namespace coramfs::tests
