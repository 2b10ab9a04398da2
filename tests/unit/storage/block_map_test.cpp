// SPDX-License-Identifier: BSL-1.0
#include "storage/block_map.hpp"

#include "support/catch.hpp"
#include "support/dice.hpp"
#include "unit/storage/bench.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace coramfs::detail {

namespace {

std::uint64_t spare(const block& b) {
  return b.footprint() - std::min(b.footprint(), block::footprint(b.used));
}

std::uint64_t spare_in(const block_map& m, block_map::range kept = block_map::none) {
  std::uint64_t bytes = 0;
  m.for_each([&](std::uint64_t number, const block& b) {
    if (!kept.has(number)) bytes += spare(b);
  });
  return bytes;
}

std::size_t blocks_with_slack_in(const block_map& m) {
  std::size_t blocks = 0;
  m.for_each([&](std::uint64_t, const block& b) { blocks += spare(b) > 0 ? 1 : 0; });
  return blocks;
}

}  // namespace

TEST_CASE("block map: how much slack there is, it knows after each change", "[storage][table]") {
  tests::dice random(7);
  bench b(storage_layout::random_access);
  for (int round = 0; round < 20; ++round) {
    block_map m;
    const std::vector<std::uint64_t> far{1, 64, 4'096, 300'000, std::uint64_t{1} << 40};
    const auto any_number = [&] { return random.roll() % far[random.below(far.size())]; };
    for (int i = 0; i < 400; ++i) {
      const std::uint64_t number = any_number();
      switch (random.below(10)) {
        case 0: m.remove_from(random.one_in(3) ? number : number + (std::uint64_t{1} << 39)); break;
        case 9: {
          const std::uint64_t last = number + random.below(random.one_in(2) ? 10 : 100'000);
          m.remove(number, last);
          const auto left = m.next(number);
          CHECK((!left || *left > last));
          break;
        }
        case 1: {
          const block_map::range kept{number, number + random.below(1'000)};
          CHECK(m.settle_slack(kept) == spare_in(m, kept));
          m.shrink(kept);
          CHECK(spare_in(m, kept) == 0);
          break;
        }
        case 2: {
          const std::uint64_t before = spare_in(m), enough = random.below(200'000);
          const std::uint64_t found = m.settle_slack(block_map::none, enough);
          CHECK(found >= std::min(before, enough));
          m.shrink(block_map::none, enough);
          CHECK(spare_in(m) == before - found);
          // The last block that it looked at had less than a block has at most.
          CHECK(found < enough + 2 * block_table::block_size);
          break;
        }
        case 3: m.take(number); break;
        case 4:
          if (block* const found = m.find(number))
            m.set_used(number, *found,
                       static_cast<std::uint32_t>(random.below(found->capacity() + 1)));
          break;
        default: {
          REQUIRE(m.make_pages(b.blocks, number, number));
          block_ref fresh(block::allocate(b.blocks, nullptr, random.below(70'000)));
          fresh->used = static_cast<std::uint32_t>(random.below(fresh->capacity() + 1));
          m.set(number, std::move(fresh));
        }
      }
      REQUIRE(m.slack_bound() == spare_in(m));
      REQUIRE(m.blocks_with_slack() == blocks_with_slack_in(m));
      if (random.one_in(4)) {
        block_map moved(std::move(m));
        m = std::move(moved);
        REQUIRE(m.slack_bound() == spare_in(m));
        REQUIRE(m.blocks_with_slack() == blocks_with_slack_in(m));
      }
    }
    CHECK(m.settle_slack() == spare_in(m));
    m.shrink();
    CHECK(m.slack_bound() == 0);
  }
}

}  // namespace coramfs::detail
