// SPDX-License-Identifier: BSL-1.0
#include "tree/node.hpp"

#include "support/catch.hpp"
#include "unit/tree/memory.hpp"

#include <atomic>
#include <cstdint>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

using detail::node_name;

std::string name_of(std::size_t size) {
  return std::string(size, static_cast<char>('a' + size % 26));
}

}  // namespace

// Short ones stand in the name itself, long ones elsewhere; both turn into each other.
TEST_CASE("node: a name of any length is kept, moved and replaced by any other", "[tree][node]") {
  constexpr std::size_t at_most = node_name::inline_size;
  memory m;
  for (const std::size_t size :
       {std::size_t{1}, at_most - 1, at_most, at_most + 1, std::size_t{255}}) {
    for (const std::size_t other : {std::size_t{1}, at_most, at_most + 1, std::size_t{255}}) {
      node_name name, second;
      REQUIRE(name.assign(m.small(), name_of(size)));
      CHECK(name.view() == name_of(size));
      REQUIRE(second.assign(m.small(), name_of(other)));
      second = std::move(name);
      CHECK(second.view() == name_of(size));
      CHECK(name.view().empty());
      REQUIRE(second.assign(m.small(), name_of(other)));
      const node_name third = std::move(second);
      CHECK(third.view() == name_of(other));
      CHECK(second.view().empty());
    }
  }
}

TEST_CASE("node: its id is drawn at the first question, and moves with it", "[tree][node]") {
  memory m;
  std::atomic<std::uint64_t> last = 7;
  const std::unique_ptr<detail::file_node> file(
      new (m.small()) detail::file_node(storage_layout::automatic, detail::time_point()));
  const std::unique_ptr<detail::file_node> other(
      new (m.small()) detail::file_node(storage_layout::automatic, detail::time_point()));
  CHECK(other->id(last) == 8);
  CHECK(file->id(last) == 9);
  CHECK(other->id(last) == 8);
  const std::unique_ptr<detail::file_node> moved(new (m.small())
                                                     detail::file_node(std::move(*file)));
  CHECK(moved->id(last) == 9);
  CHECK(last == 9);
}

TEST_CASE("node: threads that ask for its id at once are told the same", "[tree][node][threads]") {
  memory m;
  std::atomic<std::uint64_t> last = 0;
  for (int round = 0; round < 200; ++round) {
    const std::unique_ptr<detail::file_node> file(
        new (m.small()) detail::file_node(storage_layout::automatic, detail::time_point()));
    std::latch start(2);
    const auto ask = [&] {
      start.arrive_and_wait();
      return file->id(last);
    };
    auto other = std::async(std::launch::async, ask);
    const std::uint64_t mine = ask();
    CHECK(mine == other.get());
  }
}

TEST_CASE("node: a name is charged what it takes beside the node", "[tree][node]") {
  CHECK(node_name::footprint(name_of(node_name::inline_size)) == 0);
  // And what says whose it is.
  constexpr std::size_t owner = sizeof(void*);
  CHECK(node_name::footprint(name_of(node_name::inline_size + 1)) ==
        detail::small_memory::footprint(owner + 24));
  CHECK(node_name::footprint(name_of(255)) == detail::small_memory::footprint(owner + 255));
}

}  // namespace coramfs::tests
