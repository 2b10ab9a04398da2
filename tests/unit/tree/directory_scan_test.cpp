// SPDX-License-Identifier: BSL-1.0
#include "tree/directory_scan.hpp"

#include "tree/creation.hpp"

#include "support/catch.hpp"
#include "unit/tree/memory.hpp"
#include "unit/tree/whole.hpp"

#include <memory>
#include <set>
#include <string>

namespace coramfs::detail {
namespace {

constexpr int many = 10'000;

std::string name_of(int i) { return "entry-" + std::to_string(i); }

/// A directory of many entries, and a scan of it.
class fixture {
 public:
  tests::whole all;
  tests::memory memory;
  tree names{all, memory.small()};
  directory_scan scan;
  std::set<std::string> seen;
  int slices = 0;

  fixture() {
    for (int i = 0; i < many; ++i) add(i);
  }

  void add(int i) {
    directory_index& entries = names.root().entries;
    REQUIRE(entries.reserve(entries.size() + 1));
    const auto replaced =
        names.link(at(i), detached_node(new_directory(names, name_of(i)).release()));
    CHECK(replaced == nullptr);
  }
  void replace(int i) {
    const auto replaced =
        names.link(at(i), detached_node(new_directory(names, name_of(i)).release()));
    CHECK(replaced != nullptr);
  }
  void remove(int i) { names.unlink(*at(i).found); }
  void rename(int from, int to) {
    node_name name;
    REQUIRE(name.assign(memory.small(), name_of(to)));
    names.relocate(*at(from).found, std::move(name), at(to));
  }

  /// Under one hold of the lock. Returns whether it has begun anew.
  bool go_on() {
    const tree::shared_access access(names);
    const bool begins = scan.resume(names.root());
    if (begins) seen.clear();
    ++slices;
    scan.advance(pace_, [this](const node& n) { REQUIRE(seen.emplace(n.name.view()).second); });
    return begins;
  }

 private:
  entry at(int i) {
    names_.push_back(std::make_unique<std::string>(name_of(i)));
    return {&names.root(), *names_.back(), names.root().entries.find(*names_.back())};
  }

  std::vector<std::unique_ptr<std::string>> names_;  // that entries show
  pace pace_;
};

TEST_CASE("directory scan: all entries are shown once, about 2,048 in a hold", "[tree][scan]") {
  fixture t;
  CHECK(t.go_on());
  while (!t.scan.is_complete()) CHECK(!t.go_on());
  CHECK(t.seen.size() == many);
  CHECK(t.slices >= many / 2048);
  CHECK(t.slices <= many / 2048 + 2);
}

TEST_CASE("directory scan: whatever changes the entries begins it anew", "[tree][scan]") {
  fixture t;
  CHECK(t.go_on());
  const int number = GENERATE(0, 1, 2, 3);
  if (number == 0) t.add(many);
  if (number == 1) t.remove(0);
  if (number == 2) t.replace(0);
  if (number == 3) t.rename(0, many);
  CHECK(t.go_on());
  while (!t.scan.is_complete()) CHECK(!t.go_on());
  CHECK(t.seen.size() == t.names.root().entries.size());
}

TEST_CASE("directory scan: another directory is no way to go on", "[tree][scan]") {
  fixture t, other;
  CHECK(t.go_on());
  CHECK(t.scan.resume(other.names.root()));
}

TEST_CASE("directory scan: one that is changed again and again is seen in one hold in the end",
          "[tree][scan]") {
  fixture t;
  int holds = 0;
  for (int i = many; !t.scan.is_complete(); ++i) {
    t.go_on();
    t.add(i);
    ++holds;
  }
  CHECK(holds == 4);
  CHECK(t.seen.size() == many + 3);
}

TEST_CASE("directory scan: an empty directory is complete at once", "[tree][scan]") {
  tests::whole all;
  tests::memory memory;
  tree names{all, memory.small()};
  directory_scan scan;
  pace p;
  CHECK(scan.resume(names.root()));
  CHECK(!scan.advance(p, [](const node&) { FAIL("there is nothing to see"); }));
  CHECK(scan.is_complete());
}

}  // namespace
}  // namespace coramfs::detail
