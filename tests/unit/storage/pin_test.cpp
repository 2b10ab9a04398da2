// SPDX-License-Identifier: BSL-1.0
#include "storage/storage.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/storage/bench.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <random>
#include <thread>
#include <vector>

namespace coramfs::detail {

namespace {

/// A pin beside what it has to show.
struct witness {
  piece_list pin;
  bytes content;
};

bytes part(const bytes& of, std::uint64_t offset, std::uint64_t size) {
  const auto first = of.begin() + static_cast<std::ptrdiff_t>(offset);
  return bytes(first, first + static_cast<std::ptrdiff_t>(size));
}

// Both begin at once, as nearly as two threads can.
void race(const std::function<void()>& one, const std::function<void()>& other) {
  std::atomic<int> ready{0};
  const auto meet = [&] {
    ++ready;
    // Spins, for an encounter that is close; but not for long, on a machine that has other work.
    for (int i = 0; ready.load() < 2; ++i)
      if (i > 1000) std::this_thread::yield();
  };
  std::thread beside([&] {
    meet();
    other();
  });
  meet();
  one();
  beside.join();
}

}  // namespace

TEST_CASE("pin: whatever becomes of the file, a pin shows what it showed, and the charge is exact",
          "[storage][pin][property]") {
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(static_cast<int>(layout), static_cast<int>(counting), seed);
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    const auto scale = [&] { return below(std::uint64_t{1} << below(20)); };
    bench b(layout, 300'000 + below(3'000'000), counting);
    bytes model;
    std::vector<witness> pins;
    for (int step = 0; step < 150; ++step) {
      const bytes piece = filled(scale() + 1, step % 255 + 1);
      const std::uint64_t used = b.used();
      result<void> done = errc::busy;
      switch (below(8)) {
        case 0:
        case 1: {
          const std::uint64_t offset = below(4) == 0 ? scale() : below(model.size() + 1);
          done = b.write(offset, piece);
          if (!done) break;
          model.resize(std::max<std::size_t>(model.size(), offset + piece.size()));
          std::copy(piece.begin(), piece.end(),
                    model.begin() + static_cast<std::ptrdiff_t>(offset));
          break;
        }
        case 2: {
          bytes taken = piece;
          done = b.content.write(b.payer, b.content.size(), std::move(taken));
          if (done) model.insert(model.end(), piece.begin(), piece.end());
          break;
        }
        case 3:
          done = b.content.resize(b.payer, piece.size());
          if (done) model.resize(piece.size());
          break;
        case 4:
          done = b.content.assign(b.payer, piece);
          if (done) model = piece;
          break;
        case 5: b.content.trim(b.payer); continue;
        case 6: {
          if (model.empty()) continue;
          const std::uint64_t offset = below(model.size());
          const std::uint64_t size = std::min(scale() + 1, model.size() - offset);
          pins.push_back({b.pin(offset, size), part(model, offset, size)});
          CHECK(b.used() == used);
          continue;
        }
        default:
          if (!pins.empty())
            pins.erase(pins.begin() + static_cast<std::ptrdiff_t>(below(pins.size())));
          continue;
      }
      if (!done) REQUIRE(b.used() == used);
      REQUIRE(b.content.size() == model.size());
      REQUIRE(b.used() >= b.payer.of(b.content.totals_now()).bytes);
    }
    REQUIRE(b.all() == model);
    for (const witness& w : pins) REQUIRE(bytes_of(w.pin) == w.content);
    REQUIRE(b.content.resize(b.payer, 0));
    if (counting == accounting::payload) CHECK(b.used() == 0);
    for (const witness& w : pins) REQUIRE(bytes_of(w.pin) == w.content);
    pins.clear();
    CHECK(b.used() == 0);
  }
}

TEST_CASE("pin: what a writer copies is charged beside what the pin holds", "[storage][pin]") {
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  // Of a size that is one chunk.
  bench b(layout, 20'000);
  REQUIRE(b.write(0, filled(8'192, 'a')));
  const std::uint64_t one = b.used();
  {
    const piece_list p = b.pin(0, 8'192);
    CHECK(b.used() == one);
    REQUIRE(b.write(5000, filled(1, 'b')));
    CHECK(b.used() == 2 * one);
    REQUIRE(b.write(6000, filled(1, 'b')));
    CHECK(b.used() == 2 * one);
    const piece_list second = b.pin(0, 1);
    CHECK(tests::error_of(b.write(0, filled(1, 'c'))) == errc::quota_exceeded);
    CHECK(b.used() == 2 * one);
    CHECK(bytes_of(p) == filled(8'192, 'a'));
  }
  CHECK(b.used() == one);
  b.content.trim(b.payer);
  CHECK(b.used() == b.content.totals_now().footprint);
}

TEST_CASE("pin: what was copied beside a pin is moved in its own place", "[storage][pin][slabs]") {
  bench b(storage_layout::sequential);
  bytes model;
  {
    std::vector<piece_list> pins;  // what is pinned is not merged
    for (const std::size_t size : {3'000u, 5'100u, 6'000u, 2'100u}) {
      const bytes piece = filled(size, static_cast<int>(size / 1'000));
      REQUIRE(b.write(b.content.size(), piece));
      b.content.trim(b.payer);
      pins.push_back(b.pin(b.content.size() - size, size));
      model.insert(model.end(), piece.begin(), piece.end());
    }
    for (const std::uint64_t at : {10u, 4'000u, 9'000u}) {
      REQUIRE(b.write(at, filled(1, 'x')));
      model[at] = std::byte{'x'};
    }
  }
  b.content.settle_pins();
  pieces all;
  b.content.expose(0, model.size(), all);
  CHECK(all.size() > 1);
  for (const piece& p : all) {
    REQUIRE(p.owner->sole_owner() == &b.content);
    void* const to =
        b.blocks.small().take(sizeof(block) + p.owner->capacity(), small_memory::use::content);
    REQUIRE(to != nullptr);
    b.content.move(*p.owner, to);
    small_memory::give(p.owner);
  }
  CHECK(b.all() == model);
  REQUIRE(b.content.resize(b.payer, 0));
  CHECK(b.used() == 0);
}

TEST_CASE("pin: an append behind what is pinned copies nothing", "[storage][pin][chain]") {
  bench b(storage_layout::sequential);
  REQUIRE(b.write(0, filled(1000, 'a')));
  REQUIRE(b.write(1000, filled(10, 'b')));
  const std::uint64_t used = b.used();
  const piece_list p = b.pin(1000, 10);
  REQUIRE(b.write(1010, filled(10, 'c')));
  CHECK(b.used() == used);
  REQUIRE(b.content.resize(b.payer, 1005));
  REQUIRE(b.write(1005, filled(10, 'd')));
  CHECK(b.used() > used);
  CHECK(bytes_of(p) == filled(10, 'b'));
}

TEST_CASE("pin: a write beside all pins of a block copies nothing, and one between them does",
          "[storage][pin]") {
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  const bool first_is_in_front = GENERATE(true, false);
  bench b(layout);
  REQUIRE(b.write(0, filled(2'000, 'a')));
  const std::uint64_t used = b.used();
  const std::uint64_t at = first_is_in_front ? 100 : 500;
  const piece_list one = b.pin(at, 10), other = b.pin(600 - at, 10);
  REQUIRE(b.write(0, filled(100, 'b')));
  REQUIRE(b.write(510, filled(1'490, 'b')));
  CHECK(b.used() == used);
  REQUIRE(b.write(105, filled(400, 'c')));
  CHECK(b.used() > used);
  CHECK(bytes_of(one) == filled(10, 'a'));
  CHECK(bytes_of(other) == filled(10, 'a'));
  bytes model = filled(2'000, 'b');
  std::fill_n(model.begin() + 100, 5, std::byte{'a'});
  std::fill_n(model.begin() + 105, 400, std::byte{'c'});
  std::fill_n(model.begin() + 505, 5, std::byte{'a'});
  CHECK(b.all() == model);
}

TEST_CASE("pin: a hole is zeros that cost nothing, however large", "[storage][pin][table]") {
  bench b(storage_layout::random_access, 100'000);
  constexpr std::uint64_t tebibyte = std::uint64_t{1} << 40;
  REQUIRE(b.content.resize(b.payer, tebibyte));
  const piece_list all = b.pin(0, tebibyte);
  CHECK(all.size() == tebibyte);
  CHECK(b.used() == 0);
  REQUIRE(b.write(100'000, filled(3, 'x')));
  const piece_list p = b.pin(1, 200'000);
  bytes expected(200'000);
  std::fill_n(expected.begin() + 99'999, 3, std::byte{'x'});
  CHECK(bytes_of(p) == expected);
  std::vector<std::size_t> sizes, backwards;
  for (auto at = p.begin(); at != p.end(); at.advance()) sizes.push_back(at.size());
  for (auto at = p.end(); at != p.begin();) {
    at.retreat();
    backwards.insert(backwards.begin(), at.size());
  }
  CHECK(sizes == backwards);
}

TEST_CASE("pin: a file that is filled again beside a pin costs its new content",
          "[storage][pin][quota]") {
  // 100,000 bytes at the front stay charged, as they are pinned; the rest pays for what comes.
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  bench b(layout, 360'000);
  REQUIRE(b.write(0, filled(100'000, 'a')));
  REQUIRE(b.write(100'000, filled(200'000, 'a')));
  const piece_list p = b.pin(0, 10);
  REQUIRE(b.content.assign(b.payer, filled(50'000, 'b')));
  CHECK(b.all() == filled(50'000, 'b'));
  CHECK(bytes_of(p) == filled(10, 'a'));
}

TEST_CASE("pin: of the file and the last pin, the later one gives back the charge",
          "[storage][pin][race]") {
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  bench b(layout);
  for (int i = 0; i < 3000; ++i) {
    REQUIRE(b.write(0, filled(70'000, 'a')));
    piece_list p = b.pin(0, 70'000);
    race([&] { REQUIRE(b.content.resize(b.payer, 0)); }, [&] { p = piece_list(); });
    REQUIRE(b.used() == 0);
  }
}

TEST_CASE("pin: a writer beside a pin that goes copies, or writes when it is gone",
          "[storage][pin][race]") {
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  bench b(layout);
  REQUIRE(b.write(0, filled(3000, 'a')));
  for (int i = 0; i < 3000; ++i) {
    const int value = i % 100 + 1;
    piece_list p = b.pin(0, 3000);
    const std::byte seen = *p.begin().data();
    bool same = false;
    race([&] { REQUIRE(b.write(0, filled(1000, value))); },
         [&] {
           same = bytes_of(p).front() == seen;
           p = piece_list();
         });
    REQUIRE(same);
  }
  b.content.trim(b.payer);
  CHECK(b.used() == b.content.totals_now().footprint);
  REQUIRE(b.content.resize(b.payer, 0));
  CHECK(b.used() == 0);
}

TEST_CASE("pin: copies of one go on many threads", "[storage][pin][race]") {
  bench b(storage_layout::automatic);
  REQUIRE(b.write(0, filled(1000, 'a')));
  for (int i = 0; i < 1000; ++i) {
    piece_list one = b.pin(0, 1000), other = one;
    race([&] { one = piece_list(); },
         [&] {
           const piece_list third = other;
           other = piece_list();
           CHECK(third.size() == 1000);
         });
  }
  REQUIRE(b.content.resize(b.payer, 0));
  CHECK(b.used() == 0);
}

}  // namespace coramfs::detail
