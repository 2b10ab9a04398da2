// SPDX-License-Identifier: BSL-1.0
// Files that are followed, where memory is refused.
#include <coramfs/sync/file_system.hpp>
#include <coramfs/testing/faults.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

/// Refuses nothing, and knows the largest allocation that it was asked about.
class largest_allocation final : public testing::fault_policy {
 public:
  std::optional<error> at(testing::fault_point, std::string_view, std::uint64_t bytes) override {
    largest_ = std::max(largest_, bytes);
    return std::nullopt;
  }
  std::uint64_t bytes() const { return largest_; }

 private:
  std::uint64_t largest_ = 0;
};

// Writes pieces that are pinned at once, so that each is in a chunk of its own.
std::string write_in_many_chunks(sync::file_system& fs, const std::string& path) {
  std::string all;
  std::vector<pinned> pins;
  auto f = fs.open(path, open_mode::write_read).value();
  for (int i = 0; i < 300; ++i) {
    const std::string piece(40, static_cast<char>('a' + i % 26));
    f.write(piece).value();
    pins.push_back(f.pin(all.size(), piece.size()).value());
    all += piece;
  }
  return all;
}

std::string read_to_end(sync::follower& f) {
  std::string all;
  for (;;) {
    const pinned p = f.next().value();
    if (p.size() == 0) return all;
    std::string piece(p.size(), '\0');
    asio::buffer_copy(asio::buffer(piece), p);
    all += piece;
  }
}

}  // namespace

TEST_CASE("follow and allocations: to go on with a file of many chunks succeeds, or is refused",
          "[allocation][follow]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential,
                               storage_layout::random_access);
  const bool for_ever = GENERATE(false, true);
  for (std::size_t nth = 1;; ++nth) {
    CAPTURE(nth, for_ever, layout);
    sync::file_system fs(volume::create({.default_storage = layout}).value());
    std::string all = write_in_many_chunks(fs, "/f");
    auto w = [&] {
      const malloc_faults failing(nth_allocation(nth, for_ever));
      return fs.open("/f", open_mode::append, {.followable = true, .abandoned = on_abandon::keep});
    }();
    if (!w) {
      REQUIRE(w.error() == errc::out_of_memory);
      REQUIRE(text_of(fs.read_file("/f").value()) == all);
      continue;
    }
    auto f = fs.follow("/f").value();
    w.value().write(std::string(100'000, 'z')).value();
    all += std::string(100'000, 'z');
    w.value().finish().value();
    REQUIRE(read_to_end(f) == all);
    CHECK(nth > 1);
    break;
  }
}

TEST_CASE("follow and allocations: what a write can not show to followers it does not write",
          "[allocation][follow]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential,
                               storage_layout::random_access);
  const bool for_ever = GENERATE(false, true);
  const std::size_t size = GENERATE(10, 5000, 300'000);
  const bool prepares = GENERATE(false, true);
  std::size_t failures = 0;
  for (std::size_t nth = 1;; ++nth) {
    CAPTURE(nth, for_ever, layout, size, prepares);
    sync::file_system fs(volume::create({.default_storage = layout}).value());
    auto w = fs.open("/f", open_mode::write, {.followable = true}).value();
    const std::string first(1000, 'a'), second(size, 'b');
    w.write(first).value();
    auto f = fs.follow("/f").value();
    const std::uint64_t used = fs.stats().value().used_bytes;
    bool failed = false;
    error e{std::error_code()};
    {
      const malloc_faults failing(nth_allocation(nth, for_ever));
      if (prepares) {
        const auto room = w.prepare(size);
        e = error_of(room);
        if (room) {
          asio::buffer_copy(room.value(), asio::buffer(second));
          w.commit(size).value();
        }
      } else {
        e = error_of(w.write(asio::buffer(second)));
      }
      failed = failing.has_failed();
    }
    if (e.code()) {
      REQUIRE(e == errc::out_of_memory);
      REQUIRE(f.committed() == first.size());
      REQUIRE(fs.stats().value().used_bytes <= used);
      ++failures;
      w.write(asio::buffer(second)).value();
    }
    w.finish().value();
    REQUIRE(read_to_end(f) == first + second);
    w.close().value();
    f = sync::follower();
    fs.remove("/f").value();
    REQUIRE(fs.stats().value().used_bytes == 0);
    if (!failed) break;
  }
  CHECK((failures > 0 || size == 10));
}

TEST_CASE("follow and allocations: room that the quota refuses takes no memory before",
          "[allocation][follow]") {
  sync::file_system fs(volume::create({.max_quota = 1 << 20}).value());
  auto w = fs.open("/f", open_mode::write, {.followable = true}).value();
  w.write(std::string(1000, 'x')).value();
  largest_allocation seen;
  error e{std::error_code()};
  {
    const malloc_faults watching(seen);
    e = error_of(w.prepare(std::size_t{1} << 36));
  }
  CHECK(e == errc::quota_exceeded);
  CHECK(seen.bytes() < 100'000);
  CHECK(w.prepare(100'000).has_value());
}

}  // namespace coramfs::tests
