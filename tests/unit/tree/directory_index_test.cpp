// SPDX-License-Identifier: BSL-1.0
#include "tree/directory_index.hpp"

#include "tree/creation.hpp"

#include "support/catch.hpp"

#include <deque>
#include <memory>
#include <set>
#include <string>

namespace coramfs::detail {
namespace {

std::string name_of(int i) { return "entry-" + std::to_string(i); }

struct entries {
  directory_index index;
  std::deque<std::unique_ptr<directory_node>> nodes;

  ~entries() { index.take_all(nullptr); }
  void add(int i) {
    nodes.push_back(new_directory(name_of(i)));
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

TEST_CASE("directory index: it takes nothing for few entries, and little for each of many",
          "[tree][index]") {
  CHECK(directory_index::footprint(0) == 0);
  CHECK(directory_index::footprint(4) == 0);
  CHECK(directory_index::footprint(5) > 0);
  for (std::size_t n = 1; n < 100'000; n += 97)
    REQUIRE(directory_index::footprint(n) <= directory_index::footprint(n + 97));
  CHECK(directory_index::footprint(1'000'000) < 10'000'000);
}

TEST_CASE("directory index: a node takes the place of another of its name", "[tree][index]") {
  entries e;
  for (int i = 0; i < 100; ++i) e.add(i);
  const auto fresh = new_directory(name_of(42));
  node* const old = e.index.find(name_of(42));
  e.index.replace(*old, *fresh);
  CHECK(e.index.find(name_of(42)) == fresh.get());
  CHECK(e.seen().size() == 100);
  e.index.replace(*fresh, *old);
}

}  // namespace coramfs::detail
