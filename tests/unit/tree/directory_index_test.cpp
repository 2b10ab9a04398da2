// SPDX-License-Identifier: BSL-1.0
#include "tree/directory_index.hpp"

#include "tree/creation.hpp"

#include "support/catch.hpp"
#include "support/dice.hpp"
#include "unit/tree/memory.hpp"
#include "unit/tree/whole.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace coramfs::detail {
namespace {

std::string name_of(int i) { return "entry-" + std::to_string(i); }

struct entries {
  tests::whole all;
  tests::memory memory;
  const tree of{all, memory.small()};  // whose hashes these are
  directory_index index{of.key(), memory.small()};
  std::deque<std::unique_ptr<directory_node>> nodes;

  ~entries() { index.take_some(index.size(), nullptr); }
  void add(int i) {
    nodes.push_back(new_directory(of, name_of(i)));
    REQUIRE(index.reserve(index.size() + 1));
    index.insert(*nodes.back());
  }
  void remove(int i) {
    node* const n = index.find(name_of(i));
    REQUIRE(n != nullptr);
    index.erase(*n);
    index.release_spare();
  }
  std::set<std::string> seen() const {
    std::set<std::string> names;
    for (const node* n = index.first(); n != nullptr; n = index.next(*n))
      REQUIRE(names.emplace(n->name.view()).second);
    return names;
  }
};

}  // namespace

TEST_CASE("directory index: all that was put in is found, and nothing else", "[tree][index]") {
  const int count = GENERATE(0, 1, 4, 5, 64, 65, 129, 4096, 4161, 10'000);
  entries e;
  for (int i = 0; i < count; ++i) e.add(i);
  REQUIRE(e.index.size() == static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) REQUIRE(e.index.find(name_of(i)) != nullptr);
  CHECK(e.index.find(name_of(count)) == nullptr);
  CHECK(e.index.find("") == nullptr);
  CHECK(e.seen().size() == static_cast<std::size_t>(count));
}

TEST_CASE("directory index: what is taken out is gone, in any order", "[tree][index]") {
  const int step = GENERATE(1, 7, 9'999);
  constexpr int count = 10'000;
  entries e;
  for (int i = 0; i < count; ++i) e.add(i);
  for (int i = 0, at = 0; i < count; ++i, at = (at + step) % count) {
    e.remove(at);
    if (i % 997 != 0) continue;
    REQUIRE(e.index.find(name_of(at)) == nullptr);
    REQUIRE(e.seen().size() == e.index.size());
  }
  CHECK(e.index.size() == 0);
}

TEST_CASE("directory index: behind each position is the next entry, while buckets come and go",
          "[tree][index]") {
  constexpr int count = 300;
  entries e;
  std::vector<std::string> before;  // the order, which only what comes or goes changes
  const auto in_order = [&e] {
    std::vector<std::string> names;
    for (directory_index::position at; const node* const n = e.index.first_behind(at);) {
      names.emplace_back(n->name.view());
      at = e.index.position_of(n->name.view());
    }
    return names;
  };
  const auto check = [&](const std::string& changed, bool has_come) {
    std::vector<std::string> now = in_order();
    REQUIRE(now.size() == e.index.size());
    std::vector<std::string>& more = has_come ? now : before;
    std::vector<std::string>& fewer = has_come ? before : now;
    std::vector<std::string> rest = more;
    REQUIRE(std::erase(rest, changed) == 1);
    REQUIRE(rest == fewer);
    before = now;
  };
  for (int i = 0; i < count; ++i) {
    e.add(i);
    check(name_of(i), true);
  }
  for (int i = 0; i < count; ++i) {
    const int at = i * 7 % count;
    e.remove(at);
    check(name_of(at), false);
  }
}

TEST_CASE("directory index: it takes nothing for few entries, and little for each of many",
          "[tree][index]") {
  CHECK(directory_index::footprint(0) == 0);
  CHECK(directory_index::footprint(4) == 0);
  CHECK(directory_index::footprint(5) > 0);
  for (std::size_t n = 1; n < 100'000; n += 97)
    REQUIRE(directory_index::footprint(n) <= directory_index::footprint(n + 97));
  CHECK(directory_index::footprint(1'000'000) < 10'000'000);
}

// A page for each 64 entries, and pages of pages above them up to a single one.
TEST_CASE("directory index: its pages are charged to the last one", "[tree][index]") {
  const auto parts_of_64 = [](std::size_t n) { return (n + 63) / 64; };
  const std::size_t entries = GENERATE(5u, 64u, 65u, 4'096u, 4'097u, 262'144u, 262'145u);
  std::size_t pages = parts_of_64(entries);
  for (std::size_t level = pages; level > 1;) pages += level = parts_of_64(level);
  CHECK(directory_index::footprint(entries) == pages * small_memory::footprint(64 * sizeof(void*)));
}

TEST_CASE("directory index: it is taken out piece by piece, and what was taken is in no directory",
          "[tree][index]") {
  const int count = GENERATE(1, 4, 5, 64, 1'000, 10'000);
  entries e;
  const auto in = new_directory(e.of, "in");
  for (int i = 0; i < count; ++i) {
    e.add(i);
    e.nodes.back()->parent = in.get();
  }
  constexpr std::size_t some = 100;
  node* taken = nullptr;
  for (std::size_t left = e.index.size(); left != 0; left = e.index.size()) {
    taken = e.index.take_some(some, taken);
    REQUIRE(left - e.index.size() >= std::min(left, some));
    REQUIRE(left - e.index.size() < 10 * some);
  }
  int seen = 0;
  for (const node* n = taken; n != nullptr; n = n->next_in_bucket, ++seen)
    REQUIRE(n->parent.get() == nullptr);
  CHECK(seen == count);
}

TEST_CASE("directory index: a node takes the place of another of its name", "[tree][index]") {
  entries e;
  for (int i = 0; i < 100; ++i) e.add(i);
  const auto fresh = new_directory(e.of, name_of(42));
  node* const old = e.index.find(name_of(42));
  e.index.replace(*old, *fresh);
  CHECK(e.index.find(name_of(42)) == fresh.get());
  CHECK(e.seen().size() == 100);
  e.index.replace(*fresh, *old);
}

// As the first hash of this table could be foreseen: the second word of each name was chosen so
// that what had become of the first was taken back.
std::vector<std::string> names_chosen_to_collide(int count) {
  const auto mix = [](std::uint64_t h) {
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
    return h ^ (h >> 27);
  };
  std::vector<std::string> names;
  tests::dice random(1);
  while (names.size() < static_cast<std::size_t>(count)) {
    std::string name(16, '0');
    for (int i = 0; i < 8; ++i) name[i] = static_cast<char>('0' + random.below(43));
    std::uint64_t first;
    std::memcpy(&first, name.data(), sizeof first);
    const std::uint64_t second = mix(16 ^ first) ^ 0x123456789abcdef0;
    std::memcpy(name.data() + 8, &second, sizeof second);
    if (name.find_first_of(std::string_view("/\\\0", 3)) == name.npos) names.push_back(name);
  }
  return names;
}

TEST_CASE("directory index: chosen names share no hash, and no names' hashes can be foreseen",
          "[tree][index][security]") {
  const auto chosen = names_chosen_to_collide(2'000);
  std::set<std::uint64_t> hashes, others;
  for (auto* const seen : {&hashes, &others}) {
    entries e;  // of a tree of its own
    for (const std::string& name : chosen) {
      e.nodes.push_back(new_directory(e.of, name));
      REQUIRE(e.index.reserve(e.index.size() + 1));
      e.index.insert(*e.nodes.back());
      seen->insert(e.nodes.back()->hash);
    }
    REQUIRE(e.index.size() == chosen.size());
    CHECK(seen->size() == chosen.size());
    // The longest chain of nodes: as by chance, of as many as there are buckets.
    std::size_t longest = 0;
    for (const node* n = e.index.first(); n != nullptr;) {
      std::size_t chain = 1;
      while (n->next_in_bucket != nullptr) n = n->next_in_bucket, ++chain;
      longest = std::max(longest, chain);
      n = e.index.next(*n);
    }
    CHECK(longest <= 20);
  }
  for (const std::uint64_t h : hashes) REQUIRE(!others.contains(h));
}

TEST_CASE("directory index: no two states of any directories have the same version",
          "[tree][index]") {
  constexpr int directories = 4, changes = 3'000;
  std::array<std::vector<std::uint64_t>, directories> versions;
  std::vector<std::thread> threads;
  for (auto& mine : versions)
    threads.emplace_back([&mine] {
      entries e;
      std::unique_ptr<directory_node> one = new_directory(e.of, "1");
      for (int i = 0; i < changes && e.index.reserve(1); ++i) {
        i % 2 == 0 ? e.index.insert(*one) : e.index.erase(*one);
        mine.push_back(e.index.version());
      }
      if (e.index.size() != 0) e.index.erase(*one);
    });
  for (std::thread& t : threads) t.join();
  std::set<std::uint64_t> all;
  for (const auto& mine : versions) all.insert(mine.begin(), mine.end());
  CHECK(all.size() == directories * changes);
}

}  // namespace coramfs::detail
