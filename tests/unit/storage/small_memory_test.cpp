// SPDX-License-Identifier: BSL-1.0
#include "storage/small_memory.hpp"

#include "core/quota.hpp"
#include "storage/block_memory.hpp"
#include "support/catch.hpp"
#include "support/dice.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <latch>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::detail {

namespace {

using use = small_memory::use;

/// The small memory of no volume.
struct fixture {
  explicit fixture(std::uint64_t max_bytes = std::uint64_t{1} << 30) : limits(max_bytes, {}) {}

  small_memory& small() noexcept { return blocks.small(); }

  quota limits;
  block_memory blocks{limits, accounting::memory, std::uint64_t{1} << 30};
};

struct piece {
  std::byte* at;
  std::size_t bytes;
  std::byte mark;
};

piece take(small_memory& from, std::size_t bytes, std::byte mark, use what = use::fixed) {
  auto* const at = static_cast<std::byte*>(from.take(bytes, what));
  REQUIRE(at != nullptr);
  std::memset(at, static_cast<int>(mark), bytes);
  return {at, bytes, mark};
}

bool is_intact(const piece& p) {
  return std::all_of(p.at, p.at + p.bytes, [&](std::byte b) { return b == p.mark; });
}

/// The owner of some pieces: it moves those that are told it, but for one that it keeps.
class owner final : public piece_mover {
 public:
  std::vector<piece> pieces;
  const std::byte* kept = nullptr;

  bool may_move(use what) const noexcept override { return what == use::content; }
  bool move(use, void* from, void* to) noexcept override {
    const auto found =
        std::find_if(pieces.begin(), pieces.end(), [&](const piece& p) { return p.at == from; });
    if (found == pieces.end() || from == kept) return false;
    std::memcpy(to, from, found->bytes);
    found->at = static_cast<std::byte*>(to);
    return true;
  }
};

}  // namespace

TEST_CASE("small memory: a piece is as large as asked for, and is charged little more",
          "[storage][slabs]") {
  for (std::size_t bytes = 1; bytes <= small_memory::largest; ++bytes) {
    const std::size_t usable = small_memory::usable(bytes);
    REQUIRE(usable >= bytes);
    REQUIRE(small_memory::usable(usable) == usable);
    REQUIRE(small_memory::footprint(bytes) >= usable);
    // Above the finest steps a piece is at most a sixteenth too large, but where few fill a slab.
    if (bytes > 512 && bytes < 3'000) REQUIRE(small_memory::footprint(bytes) <= bytes + bytes / 8);
  }
}

TEST_CASE("small memory: pieces never overlap, and what is charged and free is what is taken",
          "[storage][slabs]") {
  fixture f;
  tests::dice random(11);
  std::vector<piece> all;
  std::uint64_t charged = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random.below(5) < 3) {
      const std::size_t bytes = 1 + random.below(1 + random.below(small_memory::largest));
      all.push_back(take(f.small(), bytes, static_cast<std::byte>(step)));
      charged += small_memory::footprint(bytes);
    } else if (!all.empty()) {
      std::swap(all[random.below(all.size())], all.back());
      REQUIRE(is_intact(all.back()));
      charged -= small_memory::footprint(all.back().bytes);
      small_memory::give(all.back().at);
      all.pop_back();
    }
  }
  // The pages of all slabs, and of runs that are kept for more of them.
  CHECK(charged <= f.blocks.resident_bytes());
  for (const piece& p : all) {
    REQUIRE(is_intact(p));
    small_memory::give(p.at);
  }
  f.small().remove_empty_slabs();
  f.blocks.keep_at_most(0);
  CHECK(f.blocks.resident_bytes() == 0);
}

TEST_CASE("small memory: memory is found again by any of its pieces", "[storage][slabs]") {
  fixture one, other;
  const piece a = take(one.small(), 100, std::byte{1}), b = take(other.small(), 100, std::byte{2});
  CHECK(&small_memory::home_of(a.at) == &one.blocks);
  CHECK(&small_memory::home_of(b.at) == &other.blocks);
  small_memory::give(b.at);
  small_memory::give(a.at);
}

TEST_CASE("small memory: sparse slabs are emptied by moving what is in them", "[storage][slabs]") {
  fixture f;
  owner o;
  constexpr std::size_t bytes = 1'000, many = 2'000;
  for (std::size_t i = 0; i < many; ++i)
    o.pieces.push_back(take(f.small(), bytes, static_cast<std::byte>(i), use::content));
  std::vector<piece> rest;
  for (std::size_t i = 0; i < many; ++i) {
    if (i % 8 == 0) {
      rest.push_back(o.pieces[i]);
    } else {
      small_memory::give(o.pieces[i].at);
    }
  }
  o.pieces = rest;
  const std::uint64_t before = f.small().spare_bytes();
  CHECK(before > many * bytes / 2);
  while (f.small().evacuate(o)) {
  }
  CHECK(f.small().spare_bytes() < 2 * small_memory::slab_size);
  for (const piece& p : o.pieces) {
    REQUIRE(is_intact(p));
    small_memory::give(p.at);
  }
}

TEST_CASE("small memory: a piece that may not be moved keeps its slab, and no other",
          "[storage][slabs]") {
  fixture f;
  owner o;
  constexpr std::size_t bytes = 5'000, many = 200;
  for (std::size_t i = 0; i < many; ++i)
    o.pieces.push_back(take(f.small(), bytes, static_cast<std::byte>(i), use::content));
  for (std::size_t i = 0; i < many; ++i)
    if (i % 10 != 0) small_memory::give(o.pieces[i].at);
  std::erase_if(o.pieces, [first = o.pieces.data()](const piece& p) { return (&p - first) % 10; });
  o.kept = o.pieces.front().at;
  while (f.small().evacuate(o)) {
  }
  CHECK(o.pieces.front().at == o.kept);
  CHECK(f.small().spare_bytes() < 3 * small_memory::slab_size);
  for (const piece& p : o.pieces) {
    REQUIRE(is_intact(p));
    small_memory::give(p.at);
  }
  // The place that was taken for it went back, too.
  CHECK(f.small().is_unused());
}

TEST_CASE("small memory: where no piece may be moved, it ends, and tries again the next time",
          "[storage][slabs]") {
  fixture f;
  owner o;
  constexpr std::size_t bytes = 5'000, many = 200;
  std::vector<piece> all;
  for (std::size_t i = 0; i < many; ++i)
    all.push_back(take(f.small(), bytes, static_cast<std::byte>(i), use::content));
  for (std::size_t i = 0; i < many; ++i) {
    if (i % 10 == 0) {
      o.pieces.push_back(all[i]);
    } else {
      small_memory::give(all[i].at);
    }
  }
  std::vector<piece> barred;
  barred.swap(o.pieces);
  CHECK_FALSE(f.small().evacuate(o));
  o.pieces.swap(barred);
  CHECK(f.small().evacuate(o));
  for (const piece& p : o.pieces) {
    REQUIRE(is_intact(p));
    small_memory::give(p.at);
  }
}

TEST_CASE("small memory: what threads have at hand is nobody's, and is collected",
          "[storage][slabs]") {
  fixture f;
  owner o;
  constexpr std::size_t bytes = 100, many = 20'000;
  std::vector<piece> all;
  for (std::size_t i = 0; i < many; ++i)
    all.push_back(take(f.small(), bytes, static_cast<std::byte>(i), use::content));
  // Of each slab two pieces are left to a thread of its own, which has one at hand at its end.
  std::map<std::uintptr_t, std::vector<piece>> last;
  for (std::size_t i = 0; i < many; ++i) {
    auto& of_slab = last[reinterpret_cast<std::uintptr_t>(all[i].at) / small_memory::slab_size];
    if (of_slab.size() < 2) {
      of_slab.push_back(all[i]);
    } else if (i % 8 == 0) {
      o.pieces.push_back(all[i]);
    } else {
      small_memory::give(all[i].at);
    }
  }
  REQUIRE(last.size() > 20);
  std::vector<std::thread> threads;
  {
    std::latch all_gave(static_cast<std::ptrdiff_t>(last.size()));
    for (const auto& [slab, pieces] : last)
      threads.emplace_back([&all_gave, pieces] {
        for (const piece& p : pieces) small_memory::give(p.at);
        all_gave.arrive_and_wait();  // so that each has a lane of its own
      });
    for (std::thread& t : threads) t.join();
  }
  while (f.small().evacuate(o)) {
  }
  CHECK(f.small().spare_bytes() < 2 * small_memory::slab_size);
  for (const piece& p : o.pieces) {
    REQUIRE(is_intact(p));
    small_memory::give(p.at);
  }
  CHECK(f.small().remove_empty_slabs());
  CHECK_FALSE(f.small().remove_empty_slabs());
  f.blocks.keep_at_most(0);
  CHECK(f.blocks.resident_bytes() == 0);
}

TEST_CASE("small memory: a thread keeps few slabs for what it has at hand", "[storage][slabs]") {
  fixture f;
  tests::dice random(5);
  std::vector<piece> all;
  for (int i = 0; i < 40'000; ++i)
    all.push_back(take(f.small(), 48 * (1 + random.below(3)), std::byte{1}, use::content));
  for (std::size_t i = all.size(); i > 0; --i) {
    std::swap(all[random.below(i)], all[i - 1]);
    small_memory::give(all[i - 1].at);
  }
  // Of each of the three sizes: the slab of what is at hand, and one for those to come.
  f.blocks.keep_at_most(0);
  CHECK(f.blocks.resident_bytes() <= std::uint64_t{6} * small_memory::slab_size);
}

TEST_CASE("small memory: where nothing is kept for reuse no thread has anything at hand",
          "[storage][slabs]") {
  quota limits(std::uint64_t{1} << 30, {});
  block_memory blocks(limits, accounting::memory, 0);
  const piece p = take(blocks.small(), 48, std::byte{1});
  const piece other = take(blocks.small(), 48, std::byte{1});
  small_memory::give(p.at);
  std::thread([&] {
    const piece again = take(blocks.small(), 48, std::byte{2});
    CHECK(again.at == p.at);
    small_memory::give(again.at);
  }).join();
  small_memory::give(other.at);
}

TEST_CASE("small memory: threads that take and give find no piece of another's",
          "[storage][slabs][race]") {
  fixture f;
  owner none;
  std::atomic<int> running{3};
  const auto work = [&](unsigned seed) {
    tests::dice random(seed);
    std::vector<std::pair<std::uint64_t*, std::size_t>> mine;
    for (int i = 0; i < 20'000; ++i) {
      if (mine.size() < 40 && random.one_in(2)) {
        const std::size_t words = 2 + random.below(30);
        auto* const at = static_cast<std::uint64_t*>(f.small().take(8 * words, use::content));
        if (at == nullptr) std::abort();
        std::fill_n(at, words, seed);
        mine.emplace_back(at, words);
      } else if (!mine.empty()) {
        std::swap(mine[random.below(mine.size())], mine.back());
        const auto [at, words] = mine.back();
        if (std::count(at, at + words, seed) != static_cast<std::ptrdiff_t>(words)) std::abort();
        small_memory::give(at);
        mine.pop_back();
      }
    }
    for (const auto& [at, words] : mine) small_memory::give(at);
    --running;
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 3; ++seed) threads.emplace_back(work, seed);
  while (running != 0) f.small().evacuate(none);
  for (std::thread& t : threads) t.join();
  CHECK(f.small().is_unused());
}

TEST_CASE("small memory: what is fixed is not moved", "[storage][slabs]") {
  fixture f;
  owner o;
  std::vector<piece> all;
  for (int i = 0; i < 1'000; ++i) all.push_back(take(f.small(), 1'000, std::byte{1}));
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % 8 == 0) {
      o.pieces.push_back(all[i]);
    } else {
      small_memory::give(all[i].at);
    }
  }
  CHECK(f.small().spare_bytes() > 2 * small_memory::slab_size);
  CHECK_FALSE(f.small().evacuate(o));
  for (const piece& p : o.pieces) small_memory::give(p.at);
}

TEST_CASE("small memory: a slab may become empty while another thread takes from it",
          "[storage][slabs][race]") {
  fixture f;
  const auto work = [&f](unsigned seed) {
    tests::dice random(seed);
    std::vector<std::byte*> mine;
    for (int i = 0; i < 20'000; ++i) {
      if (mine.size() < 20 && random.one_in(2)) {
        auto* const at = static_cast<std::byte*>(f.small().take(6'000, use::fixed));
        if (at == nullptr) std::abort();
        at[0] = at[5'999] = static_cast<std::byte>(seed);
        mine.push_back(at);
      } else if (!mine.empty()) {
        if (mine.back()[0] != static_cast<std::byte>(seed)) std::abort();
        small_memory::give(mine.back());
        mine.pop_back();
      }
    }
    for (std::byte* const at : mine) small_memory::give(at);
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 3; ++seed) threads.emplace_back(work, seed);
  for (std::thread& t : threads) t.join();
  f.small().remove_empty_slabs();
  f.blocks.keep_at_most(0);
  CHECK(f.blocks.resident_bytes() == 0);
}

}  // namespace coramfs::detail
