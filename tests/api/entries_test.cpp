// SPDX-License-Identifier: BSL-1.0
// What is in a directory, with its status, at once and in pages.
#include "api/scenario.hpp"

#include "support/dice.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using names = std::vector<std::string>;
using entries = std::vector<directory_entry>;

std::string numbered(int i) { return "entry-" + std::to_string(i); }

names names_of(const entries& all) {
  names some;
  for (const directory_entry& e : all) some.push_back(e.name);
  return some;
}

bool same(const file_status& a, const file_status& b) {
  return a.size == b.size && a.created_at == b.created_at && a.modified_at == b.modified_at &&
         a.generation == b.generation && a.is_directory == b.is_directory && a.id == b.id &&
         a.allocated == b.allocated;
}

/// Takes a directory page by page, with `between` after each but the last.
template <class Between>
names in_pages(const scenario& fs, const std::string& path, std::size_t most, Between between) {
  names all;
  for (;;) {
    const auto page = fs->list_some(path, all.empty() ? "" : all.back(), most).value();
    REQUIRE(page.size() <= most);
    for (const directory_entry& e : page) all.push_back(e.name);
    if (page.size() < most) return all;
    between();
  }
}
names in_pages(const scenario& fs, const std::string& path, std::size_t most) {
  return in_pages(fs, path, most, [] {});
}

names sorted(names all) {
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

TEST_CASE("list_entries: it gives what stat gives of each, sorted by name", "[api][entries]") {
  const scenario fs;
  fs->create_directories("/d/b/deeper").value();
  fs->write_file("/d/c", "abc").value();
  fs->write_file("/d/a", "").value();
  fs->write_file("/d/c", "abcdef").value();
  const auto all = fs->list_entries("/d").value();
  REQUIRE(names_of(all) == names{"a", "b", "c"});
  for (const directory_entry& e : all) {
    INFO(e.name);
    CHECK(same(e.status, fs->stat("/d/" + e.name).value()));
  }
  CHECK(all[1].status.is_directory);
  CHECK(all[2].status.size == 6);
  CHECK(all[2].status.generation == 2);
  CHECK(names_of(fs->list_entries("/").value()) == names{"d"});
  CHECK(fs->list_entries("/d/b/deeper").value().empty());
}

TEST_CASE("list_entries: it shows what a writer has written", "[api][entries]") {
  const scenario fs;
  const auto f = fs->open("/f", open_mode::create).value();
  f->write("abc").value();
  CHECK(fs->list_entries("/").value().front().status.size == 3);
  CHECK(fs->list_some("/", "", 2).value().front().status.size == 3);
}

TEST_CASE("list_entries, list_some: a file or nothing is no directory", "[api][entries][errors]") {
  const scenario fs;
  fs->write_file("/f", "").value();
  CHECK(error_of(fs->list_entries("/f")) == errc::not_a_directory);
  CHECK(error_of(fs->list_entries("/x")) == errc::not_found);
  CHECK(error_of(fs->list_some("/f", "", 1)) == errc::not_a_directory);
  CHECK(error_of(fs->list_some("/x", "", 1)) == errc::not_found);
}

TEST_CASE("list_some: a page has at least one entry, and behind a name that there may be",
          "[api][entries][errors]") {
  const scenario fs;
  fs->write_file("/f", "").value();
  CHECK(error_of(fs->list_some("/", "", 0)) == errc::invalid_argument);
  CHECK(error_of(fs->list_some("/x", "", 0)) == errc::invalid_argument);
  CHECK(error_of(fs->list_some("/", std::string(256, 'x'), 1)) == errc::name_too_long);
  CHECK(fs->list_some("/", std::string(255, 'x'), 1).has_value());
}

TEST_CASE("list_some: the pages of any size have each entry once, whatever the number of entries",
          "[api][entries]") {
  const scenario fs(storage_layout::automatic);
  fs->create_directory("/d").value();
  names all;
  for (int i = 0; i <= 300; ++i) {
    for (const std::size_t most : {1, 2, 7, 64, 1000}) {
      if (i > 40 && i % 29 != 0) continue;
      INFO(i << " entries, " << most << " in a page");
      const names seen = in_pages(fs, "/d", most);
      REQUIRE(sorted(seen) == sorted(all));
      // The order is the same, however many are taken at a time.
      REQUIRE(seen == in_pages(fs, "/d", 1000));
    }
    fs->create_directory("/d/" + numbered(i)).value();
    all.push_back(numbered(i));
  }
}

TEST_CASE("list_some: it goes on behind a name that has gone, or that never was there",
          "[api][entries]") {
  const scenario fs;
  fs->create_directory("/d").value();
  for (int i = 0; i < 20; ++i) fs->write_file("/d/" + numbered(i), "").value();
  const names all = names_of(fs->list_some("/d", "", 20).value());
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    fs->remove("/d/" + all[i]).value();
    CHECK(fs->list_some("/d", all[i], 1).value().front().name == all[i + 1]);
  }
  fs->remove("/d/" + all.back()).value();
  CHECK(fs->list_some("/d", all.back(), 1).value().empty());
}

TEST_CASE("list_some: what others change between two pages disturbs nothing else",
          "[api][entries]") {
  const scenario fs(storage_layout::automatic);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    dice d(seed);
    const std::string directory = "/d" + std::to_string(seed);
    fs->create_directory(directory).value();
    const int most = 1 + static_cast<int>(d.below(300));
    std::set<std::string> there, always;
    const auto change = [&] {
      const std::string name =
          numbered(static_cast<int>(d.below(static_cast<std::uint64_t>(most))));
      const std::string path = directory + "/" + name;
      always.erase(name);
      if (there.erase(name) != 0) {
        const std::string other = numbered(most + static_cast<int>(d.below(10)));
        if (d.one_in(3) && !there.contains(other)) {
          fs->rename(path, directory + "/" + other).value();
          there.insert(other);
        } else {
          fs->remove(path).value();
        }
      } else {
        fs->write_file(path, "").value();
        there.insert(name);
      }
    };
    for (int i = 0; i < most; ++i) change();
    always = there;
    // Most of what is there stays.
    const names seen = in_pages(fs, directory, 1 + d.below(9), [&] {
      for (std::uint64_t i = d.below(4); i > 0; --i) change();
    });
    const std::set<std::string> once(seen.begin(), seen.end());
    CHECK(once.size() == seen.size());
    CHECK(std::includes(once.begin(), once.end(), always.begin(), always.end()));
  }
}

TEST_CASE("id: it stays through renames and changes, and a copy has another",
          "[api][entries][id]") {
  const scenario fs;
  fs->create_directories("/d/e").value();
  fs->write_file("/a", "abc").value();
  const std::uint64_t a = fs->stat("/a").value().id, d = fs->stat("/d").value().id;
  const auto id = [&](const char* path) { return fs->stat(path).value().id; };
  CHECK(a > 0);
  CHECK(a != d);
  fs->rename("/a", "/a-name-that-is-too-long-to-stand-in-the-node").value();
  fs->move("/a-name-that-is-too-long-to-stand-in-the-node", "/m/n/a").value();
  CHECK(id("/m/n/a") == a);
  fs->write_file("/m/n/a", std::string(100'000, 'x')).value();
  fs.fill("/m/n/a", open_mode::write, "new");
  CHECK(id("/m/n/a") == a);
  fs->rename("/d", "/f").value();
  CHECK(id("/f") == d);
  CHECK(fs->list_entries("/m/n").value().front().status.id == a);
  fs->copy("/m/n/a", "/copy").value();
  fs->copy_tree("/f", "/tree").value();
  CHECK(id("/copy") != a);
  CHECK(id("/tree") != d);
  CHECK(id("/tree/e") != id("/f/e"));
  fs->rename("/m/n/a", "/copy", if_exists::replace).value();
  CHECK(id("/copy") == a);
  fs->import_tree({{"/copy", bytes_of("imported")}}).value();
  CHECK(id("/copy") != a);
}

TEST_CASE("id: no two have the same, also one after the other at the same path",
          "[api][entries][id]") {
  const scenario fs;
  std::set<std::uint64_t> seen{fs->stat("/").value().id};
  for (int i = 0; i < 100; ++i) {
    fs->write_file("/a", "").value();
    fs->create_directory("/b").value();
    CHECK(seen.insert(fs->stat("/a").value().id).second);
    const auto all = fs->list_entries("/").value();
    CHECK(seen.insert(all.back().status.id).second);
    fs->remove("/a").value();
    fs->remove_directory("/b").value();
  }
  CHECK(seen.contains(fs->stat("/").value().id));
}

}  // namespace coramfs::tests
