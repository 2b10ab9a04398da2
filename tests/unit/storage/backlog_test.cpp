// SPDX-License-Identifier: BSL-1.0
#include "storage/backlog.hpp"

#include "support/catch.hpp"
#include "unit/storage/bench.hpp"

#include <memory>
#include <optional>
#include <thread>

namespace coramfs::detail {

namespace {

constexpr std::uint64_t mib = 1024 * 1024;

/// A file of some size in a memory that keeps nothing for reuse.
struct fixture {
  explicit fixture(std::uint64_t size, std::uint64_t max_bytes = 200 * mib)
      : limits(max_bytes, std::nullopt) {
    bytes all = filled(size, 'x');
    if (is_adopted) {
      content.write(payer, 0, std::move(all)).value();
    } else {
      content.write(payer, 0, std::span<const std::byte>(all)).value();
    }
  }

  void give_up(backlog& to) {
    const backlog::collecting collected(to);
    content.resize(payer, 0).value();
  }
  std::uint64_t used() const { return limits.read().committed.bytes; }

  const storage_layout layout = GENERATE(storage_layout::automatic, storage_layout::sequential,
                                         storage_layout::random_access);
  const bool is_adopted = GENERATE(false, true);
  quota limits;
  memory_guard_options options;
  memory_guard guard{options};
  block_memory blocks{limits, accounting::memory, 0};
  account payer{limits, guard, blocks, accounting::memory, 1 << 29};
  storage content{layout};
};

}  // namespace

TEST_CASE("backlog: what is given up counts as kept, and is freed in turns", "[storage][backlog]") {
  fixture t(40 * mib);
  backlog given_up;
  t.give_up(given_up);
  CHECK(t.used() < mib);
  CHECK(t.blocks.kept_bytes() >= 39 * mib);
  CHECK(t.blocks.resident_bytes() >= 39 * mib);
  std::uint64_t before = t.blocks.kept_bytes();
  int turns = 1;
  for (; given_up.free_some(); ++turns) {
    REQUIRE(t.blocks.kept_bytes() < before);
    before = t.blocks.kept_bytes();
  }
  CHECK(turns >= 5);
  CHECK(t.blocks.kept_bytes() == 0);
  CHECK(t.blocks.resident_bytes() <= mib);
}

TEST_CASE("backlog: a few pages are freed at once", "[storage][backlog]") {
  fixture few(60 * 1024), more(300 * 1024);
  backlog of_few, of_more;
  few.give_up(of_few);
  more.give_up(of_more);
  CHECK(few.blocks.resident_bytes() < more.blocks.resident_bytes());
  CHECK(few.blocks.kept_bytes() == 0);
  CHECK_FALSE(of_few.free_some());
  CHECK(more.blocks.kept_bytes() >= 200 * 1024);
  while (of_more.free_some()) continue;
  CHECK(more.blocks.kept_bytes() == 0);
}

TEST_CASE("backlog: it gives way to what is reserved", "[storage][backlog]") {
  fixture t(40 * mib, 60 * mib);
  backlog given_up;
  t.give_up(given_up);
  const auto other = t.limits.reserve({.bytes = 40 * mib}).value();
  CHECK(t.blocks.kept_bytes() <= t.limits.left());
}

TEST_CASE("backlog: who takes memory frees as much of it", "[storage][backlog]") {
  fixture t(20 * mib, 60 * mib);
  backlog given_up;
  t.give_up(given_up);
  t.content.write(t.payer, 0, std::span<const std::byte>(filled(20 * mib, 'y'))).value();
  CHECK(t.blocks.resident_bytes() <= 22 * mib);
  CHECK(t.blocks.kept_bytes() <= 2 * mib);
}

TEST_CASE("backlog: nothing is collected when nobody does, and by other threads neither",
          "[storage][backlog]") {
  fixture t(20 * mib);
  backlog given_up, inner;
  {
    const backlog::collecting outer(given_up);
    { const backlog::collecting collected(inner); }
    std::thread([&] { t.content.resize(t.payer, 0).value(); }).join();
  }
  CHECK(t.blocks.kept_bytes() == 0);
  CHECK(!given_up.free_some());
  t.content.write(t.payer, 0, std::span<const std::byte>(filled(20 * mib, 'y'))).value();
  t.content.resize(t.payer, 0).value();
  CHECK(t.blocks.kept_bytes() == 0);
}

// The rest is for a checker of leaks to see: moved-in vectors are the only memory that is not of
// the regions, but for what is larger than one.
TEST_CASE("block memory: it ends with all that is in it, in use or given up",
          "[storage][blocks][backlog]") {
  quota limits(1 << 30, std::nullopt);
  memory_guard_options options;
  memory_guard guard(options);
  auto blocks = std::make_unique<block_memory>(limits, accounting::memory, 0);
  const account payer(limits, guard, *blocks, accounting::memory, 1 << 29);
  // Their own memory is no volume's, and they are never ended.
  alignas(storage) std::byte places[3][sizeof(storage)];
  storage* const used = new (places[0]) storage(storage_layout::automatic);
  storage* const given_up = new (places[1]) storage(storage_layout::automatic);
  storage* const sparse = new (places[2]) storage(storage_layout::random_access);
  used->write(payer, 0, filled(5 * mib, 'a')).value();
  given_up->write(payer, 0, filled(5 * mib, 'b')).value();
  sparse->write(payer, 50 * mib, std::span<const std::byte>(filled(mib, 'c'))).value();
  CHECK(blocks->take_bytes(3 * mib) != nullptr);
  backlog rest;
  {
    const backlog::collecting collected(rest);
    given_up->resize(payer, 0).value();
  }
  CHECK(blocks->resident_bytes() >= 11 * mib);
  blocks.reset();
}

}  // namespace coramfs::detail
