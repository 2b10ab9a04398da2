// SPDX-License-Identifier: BSL-1.0
#include "storage/block_memory.hpp"

#include "storage/long_copy.hpp"
#include "storage/page_set.hpp"
#include "support/catch.hpp"
#include "unit/storage/bench.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

namespace coramfs::detail {

namespace {

constexpr std::size_t kib = 1024, mib = 1024 * kib;

struct taken {
  block_memory::run run;
  std::size_t bytes;
  std::byte mark;
};

bool is_intact(const taken& t) {
  return t.run.data[0] == t.mark && t.run.data[t.bytes - 1] == t.mark;
}

}  // namespace

TEST_CASE("block memory: runs never overlap, and what is kept is bounded", "[storage][blocks]") {
  const std::uint64_t max_bytes = GENERATE(1 * mib, 9 * mib, 200 * mib);
  const std::uint64_t max_recycled = GENERATE(0, 3 * mib, 500 * mib);
  CAPTURE(max_bytes, max_recycled);
  quota limits(max_bytes, std::nullopt);
  block_memory blocks(limits, accounting::memory, max_recycled);
  std::mt19937_64 random(7);
  std::vector<taken> all;
  int extended = 0;
  for (int step = 0; step < 4000; ++step) {
    const std::size_t pages = random() % 3 == 0 ? 1 : 16 + random() % 241;
    const std::size_t bytes = pages * block_memory::page_size;
    auto paid = limits.reserve({.bytes = bytes});
    if (paid && random() % 5 < 3) {
      const taken t{blocks.take(bytes), bytes, static_cast<std::byte>(step)};
      REQUIRE(t.run.data != nullptr);
      t.run.data[0] = t.run.data[bytes - 1] = t.mark;
      paid.value().commit();
      all.push_back(t);
    } else if (!all.empty()) {
      std::swap(all[random() % all.size()], all.back());
      taken& t = all.back();
      REQUIRE(is_intact(t));
      if (paid && blocks.extend(t.run, t.bytes, t.bytes + bytes)) {
        paid.value().commit();
        t.bytes += bytes;
        t.run.data[t.bytes - 1] = t.mark;
        ++extended;
        continue;
      }
      if (random() % 4 == 0 && t.bytes > 20 * block_memory::page_size) {
        const std::size_t kept = t.bytes / 2 / block_memory::page_size * block_memory::page_size;
        blocks.put_tail(t.run, t.bytes, kept);
        limits.release({.bytes = t.bytes - kept});
        t.bytes = kept;
        t.run.data[kept - 1] = t.mark;
      } else {
        blocks.put(t.run, t.bytes);
        limits.release({.bytes = t.bytes});
        all.pop_back();
      }
    }
    REQUIRE(blocks.kept_bytes() <= max_recycled);
    REQUIRE(limits.read().committed.bytes + blocks.kept_bytes() <= max_bytes);
    REQUIRE(blocks.resident_bytes() <= blocks.most_resident());
  }
  CHECK(extended > 10);
  for (const taken& t : all) {
    REQUIRE(is_intact(t));
    blocks.put(t.run, t.bytes);
  }
}

TEST_CASE("block memory: what was freed is used again", "[storage][blocks]") {
  quota limits(64 * mib, std::nullopt);
  block_memory blocks(limits, accounting::memory, 64 * mib);
  const auto first = blocks.take(mib);
  CHECK_FALSE(first.is_warm);
  CHECK(blocks.kept_bytes() == block_memory::region_size - mib);
  blocks.put(first, mib);
  CHECK(blocks.kept_bytes() == block_memory::region_size);
  const auto second = blocks.take(mib);
  CHECK(second.data == first.data);
  CHECK(second.is_warm);
  blocks.put(second, mib);
  blocks.keep_at_most(0);
  CHECK(blocks.kept_bytes() == 0);
}

TEST_CASE("block memory: single pages that were freed make room for longer runs",
          "[storage][blocks]") {
  quota limits(64 * mib, std::nullopt);
  block_memory blocks(limits, accounting::memory, 64 * mib);
  constexpr std::size_t page = block_memory::page_size;
  std::vector<block_memory::run> all;
  for (std::size_t i = 0; i < block_memory::region_size / page; ++i)
    all.push_back(blocks.take(page));
  for (const auto& r : all) blocks.put(r, page);
  CHECK(blocks.kept_bytes() == block_memory::region_size);
  const auto whole = blocks.take(block_memory::region_size);
  CHECK(whole.is_warm);
  CHECK(blocks.resident_bytes() == block_memory::region_size);
  blocks.put(whole, block_memory::region_size);
}

TEST_CASE("block memory: a run becomes longer where it is, as far as nobody has what is behind it",
          "[storage][blocks]") {
  quota limits(64 * mib, std::nullopt);
  block_memory blocks(limits, accounting::memory, 64 * mib);
  constexpr std::size_t page = block_memory::page_size;
  auto first = blocks.take(4 * page);
  REQUIRE(first.data != nullptr);
  std::byte* const begin = first.data;
  CHECK(blocks.extend(first, 4 * page, 6 * page));
  CHECK(first.data == begin);
  CHECK(blocks.kept_bytes() == block_memory::region_size - 6 * page);
  const auto behind = blocks.take(10 * page);
  REQUIRE(behind.data == begin + 6 * page);
  CHECK_FALSE(blocks.extend(first, 6 * page, 7 * page));

  SECTION("pages that wait to be taken one by one are free") {
    // The region is full but for three single pages, two of them behind the run.
    auto rest = blocks.take(block_memory::region_size - 16 * page);
    blocks.put(behind, 10 * page);
    auto filler = blocks.take(7 * page);
    REQUIRE(filler.data == begin + 6 * page);
    const block_memory::run pages[] = {blocks.take(page), blocks.take(page), blocks.take(page)};
    for (const auto& r : pages) blocks.put(r, page);
    CHECK(blocks.kept_bytes() == 3 * page);
    CHECK(blocks.extend(filler, 7 * page, 9 * page));
    CHECK(filler.is_warm);
    CHECK(blocks.kept_bytes() == page);
    CHECK(blocks.extend(filler, 9 * page, 10 * page));
    CHECK(blocks.kept_bytes() == 0);
    CHECK_FALSE(blocks.extend(filler, 10 * page, 11 * page));
    blocks.put(filler, 10 * page);
    // Where the region ends there is nothing behind a run.
    CHECK_FALSE(blocks.extend(rest, block_memory::region_size - 16 * page,
                              block_memory::region_size - 15 * page));
    blocks.put(rest, block_memory::region_size - 16 * page);
  }
  SECTION("a run is warm as long as all of it is") {
    const auto warm = blocks.take(page);
    CHECK_FALSE(warm.is_warm);
    blocks.put(behind, 10 * page);
    CHECK(blocks.extend(first, 6 * page, 7 * page));
    CHECK_FALSE(first.is_warm);
    blocks.put(warm, page);
  }
}

TEST_CASE("block memory: pages behind a run that grows again and again are there for all others",
          "[storage][blocks]") {
  quota limits(64 * mib, std::nullopt);
  block_memory blocks(limits, accounting::memory, 64 * mib);
  constexpr std::size_t page = block_memory::page_size, region = block_memory::region_size;
  // More of them than have pages at hand, each with a gap behind it.
  std::array<block_memory::run, 5> runs;
  std::array<block_memory::run, 5> gaps;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i] = blocks.take(2 * page);
    gaps[i] = blocks.take(38 * page);
    REQUIRE(gaps[i].data == runs[i].data + 2 * page);
  }
  for (const auto& r : gaps) blocks.put(r, 38 * page);
  for (auto& r : runs)
    for (std::size_t pages = 2; pages < 30; ++pages) {
      REQUIRE(blocks.extend(r, pages * page, (pages + 1) * page));
      r.data[pages * page] = std::byte{1};
    }
  const std::size_t used = runs.size() * 30 * page;
  CHECK(blocks.kept_bytes() == region - used);

  SECTION("who needs room has them") {
    auto& last = runs.back();
    const std::size_t rest =
        static_cast<std::size_t>(runs[0].data + region - last.data) - 30 * page;
    const auto behind = blocks.take(rest);
    CHECK(behind.data == last.data + 30 * page);
    CHECK(blocks.resident_bytes() == region);
    CHECK_FALSE(blocks.extend(last, 30 * page, 31 * page));
    CHECK(blocks.kept_bytes() == region - used - rest);
    blocks.put(behind, rest);
  }
  SECTION("they are released as all that is kept") {
    blocks.keep_at_most(0);
    CHECK(blocks.kept_bytes() == 0);
  }
  SECTION("they go with the region") {
    for (const auto& r : runs) blocks.put(r, 30 * page);
    runs = {};
    blocks.keep_at_most(0);
    CHECK(blocks.resident_bytes() == 0);
  }
  for (const auto& r : runs)
    if (r.data != nullptr) blocks.put(r, 30 * page);
}

TEST_CASE("block memory: pages behind where a run has ended stand in nobody's way",
          "[storage][blocks]") {
  quota limits(64 * mib, std::nullopt);
  block_memory blocks(limits, accounting::memory, 64 * mib);
  constexpr std::size_t page = block_memory::page_size;
  auto first = blocks.take(2 * page);
  const auto gap = blocks.take(60 * page);
  REQUIRE(gap.data == first.data + 2 * page);
  blocks.put(gap, 60 * page);
  // The second time some are kept at hand behind it.
  REQUIRE(blocks.extend(first, 2 * page, 3 * page));
  REQUIRE(blocks.extend(first, 3 * page, 4 * page));

  SECTION("of the run itself, where it was cut") {
    blocks.put_tail(first, 4 * page, 2 * page);
    CHECK(blocks.extend(first, 2 * page, 8 * page));
  }
  SECTION("of another one that begins where it did") {
    blocks.put(first, 4 * page);
    auto other = blocks.take(2 * page);
    REQUIRE(other.data == first.data);
    CHECK(blocks.extend(other, 2 * page, 8 * page));
  }
  SECTION("of one that ends where another one did") {
    const auto kept = blocks.kept_bytes();
    blocks.put_tail(first, 4 * page, 2 * page);
    const auto behind = blocks.take(4 * page, 6 * page);
    CHECK(behind.data == first.data + 2 * page);
    CHECK(blocks.kept_bytes() == kept - 2 * page);
    blocks.put(behind, 4 * page);
    CHECK(blocks.extend(first, 2 * page, 8 * page));
  }
  CHECK(blocks.kept_bytes() == block_memory::region_size - 8 * page);
}

TEST_CASE("block memory: a run becomes no longer than may be resident", "[storage][blocks]") {
  quota limits(mib, std::nullopt);
  block_memory blocks(limits, accounting::memory, 64 * mib);
  if (blocks.most_resident() > 64 * mib) return;  // where the system takes no pages back
  constexpr std::size_t bytes = 256 * kib;
  std::vector<block_memory::run> all;
  for (auto r = blocks.take(bytes); r.data != nullptr; r = blocks.take(bytes)) all.push_back(r);
  const std::uint64_t resident = blocks.resident_bytes();
  const bool has_free_pages = resident % block_memory::region_size != 0;
  REQUIRE(has_free_pages);
  CHECK_FALSE(blocks.extend(all.back(), bytes, 2 * bytes));
  CHECK(blocks.resident_bytes() == resident);
  for (const auto& r : all) blocks.put(r, bytes);
}

TEST_CASE("block memory: near the quota a region is resident by the page", "[storage][blocks]") {
  quota limits(mib + 100, std::nullopt);
  block_memory blocks(limits, accounting::memory, 64 * mib);
  limits.reserve({.bytes = mib}).value().commit();
  const auto r = blocks.take(mib);
  REQUIRE(r.data != nullptr);
  CHECK(blocks.resident_bytes() <= mib);
  CHECK(blocks.kept_bytes() == 0);
  blocks.put(r, mib);
}

TEST_CASE("block memory: a page beyond what may be resident is not to be had",
          "[storage][blocks]") {
  quota limits(mib, std::nullopt);
  block_memory blocks(limits, accounting::memory, 64 * mib);
  if (blocks.most_resident() > 64 * mib) return;  // where the system takes no pages back
  constexpr std::size_t bytes = 256 * kib;
  std::vector<block_memory::run> all;
  for (auto r = blocks.take(bytes); r.data != nullptr; r = blocks.take(bytes)) {
    all.push_back(r);
    REQUIRE(blocks.resident_bytes() <= blocks.most_resident());
  }
  CHECK(all.size() == blocks.most_resident() / bytes);
  for (const auto& r : all) blocks.put(r, bytes);
}

TEST_CASE("block memory: what is reserved makes kept memory give way", "[storage][blocks]") {
  bench b(storage_layout::automatic, 10 * mib);
  REQUIRE(b.write(0, filled(8 * mib, 'x')));
  REQUIRE(b.content.resize(b.payer, 0));
  const std::uint64_t kept = b.blocks.kept_bytes();
  const auto other = b.limits.reserve({.bytes = 9 * mib}).value();
  CHECK(b.blocks.kept_bytes() <= mib);
  CHECK(b.blocks.kept_bytes() <= kept);
}

TEST_CASE("block memory: to empty a large file leaves its memory for what comes",
          "[storage][blocks]") {
  bench b(storage_layout::automatic, 12 * mib);
  REQUIRE(b.write(0, filled(8 * mib, 'x')));
  REQUIRE(b.content.resize(b.payer, 0));
  CHECK((b.blocks.kept_bytes() >= 6 * mib || b.blocks.kept_bytes() == 0));
}

TEST_CASE("block memory: threads that take and put beside others that reserve keep to the bound",
          "[storage][blocks][race]") {
  quota limits(24 * mib, std::nullopt);
  block_memory blocks(limits, accounting::memory, 500 * mib);
  const auto work = [&](unsigned seed) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < 3000; ++i) {
      const std::size_t bytes = (16 + random() % 241) * block_memory::page_size;
      auto paid = limits.reserve({.bytes = bytes});
      if (!paid || random() % 3 == 0) continue;
      const auto r = blocks.take(bytes);
      if (r.data == nullptr) std::abort();
      r.data[0] = r.data[bytes - 1] = std::byte{1};
      blocks.put(r, bytes);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 3; ++seed) threads.emplace_back(work, seed);
  for (std::thread& t : threads) t.join();
  CHECK(limits.reserve({.bytes = 24 * mib}).has_value());
  CHECK(blocks.kept_bytes() == 0);
}

TEST_CASE("page set: stretches are found across words", "[storage][blocks]") {
  page_set<512> s;
  s.set(60, 80, true);
  s.set(200, 1, true);
  CHECK(s.count(0, 512) == 81);
  CHECK(s.count(100, 50) == 40);
  const auto taken = s.next(0, true);
  CHECK(taken.first == 60);
  CHECK(taken.count == 80);
  const auto free = s.next(60, false);
  CHECK(free.first == 140);
  CHECK(free.count == 60);
  CHECK(s.next(201, true).count == 0);
  CHECK(s.next(201, false).count == 311);
}

TEST_CASE("long copy: it copies, from and to any address", "[storage][blocks]") {
  std::vector<std::byte> from(5000), to(5000);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::byte>(i * 7);
  for (const std::size_t at : {0u, 1u, 63u, 64u})
    for (const std::size_t size : {0u, 1u, 63u, 64u, 65u, 127u, 129u, 4000u}) {
      std::fill(to.begin(), to.end(), std::byte{0});
      long_copy(to.data() + at, from.data() + 3, size);
      REQUIRE(std::memcmp(to.data() + at, from.data() + 3, size) == 0);
      REQUIRE(to[at + size] == std::byte{0});
    }
}

}  // namespace coramfs::detail
