// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

using names = std::vector<std::string>;

void make_tree(const scenario& fs) {
  fs->create_directories("/a/b/c").value();
  fs->create_directory("/a-b").value();
  fs->write_file("/a/x.bin", "1").value();
  fs->write_file("/a/b/c/z.bin", "2").value();
  fs->write_file("/a/b/.hidden", "3").value();
}

}  // namespace

TEST_CASE("walk: each directory comes before those in it, sorted", "[api][walk]") {
  const scenario fs;
  make_tree(fs);
  const std::vector<walk_entry> seen = fs->walk().value();
  REQUIRE(seen.size() == 5);
  CHECK(seen[0].path == "/");
  CHECK(seen[0].directories == names{"a", "a-b"});
  CHECK(seen[1].path == "/a");
  CHECK(seen[1].directories == names{"b"});
  CHECK(seen[1].files == names{"x.bin"});
  CHECK(seen[2].path == "/a/b");
  CHECK(seen[3].path == "/a/b/c");
  CHECK(seen[3].files == names{"z.bin"});
  CHECK(seen[4].path == "/a-b");
  CHECK(seen[4].directories.empty());
  CHECK(seen[4].files.empty());
  CHECK(fs->walk("/a/b/c").value().size() == 1);
}

TEST_CASE("walk: the names in a directory are sorted", "[api][walk]") {
  constexpr int count = 20;
  const scenario fs;
  names files, directories;
  for (int i = 0; i < count; ++i) {
    files.push_back("f" + std::to_string(i));
    fs->write_file("/" + files.back(), "").value();
    directories.push_back("d" + std::to_string(i));
    fs->create_directory("/" + directories.back()).value();
  }
  std::sort(files.begin(), files.end());
  std::sort(directories.begin(), directories.end());
  const std::vector<walk_entry> seen = fs->walk().value();
  CHECK((seen[0].files == files));
  CHECK((seen[0].directories == directories));
}

TEST_CASE("walk: a file and what is missing are refused", "[api][walk][errors]") {
  const scenario fs;
  make_tree(fs);
  CHECK(fs.refusal([&] { return fs->walk("/a/x.bin"); }) == errc::not_a_directory);
  CHECK(fs.refusal([&] { return fs->walk("/gone"); }) == errc::not_found);
}

TEST_CASE("glob: what matches is given once, sorted", "[api][glob]") {
  const scenario fs;
  make_tree(fs);
  struct sample {
    std::string_view pattern;
    names found;
  };
  for (const sample& s : {
           sample{"/a/**/*.bin", {"/a/b/c/z.bin", "/a/x.bin"}},
           sample{"**/*.bin", {"/a/b/c/z.bin", "/a/x.bin"}},
           sample{"/**/**/z.bin", {"/a/b/c/z.bin"}},
           sample{"/a/b/**", {"/a/b/.hidden", "/a/b/c", "/a/b/c/z.bin"}},
           sample{"/*", {"/a", "/a-b"}},
           sample{"a?b", {"/a-b"}},
           sample{"/a/b/*", {"/a/b/.hidden", "/a/b/c"}},
           sample{"//a//b/", {"/a/b"}},
           sample{"/a/b", {"/a/b"}},
           sample{"/A/b", {}},
           sample{"/a/x.bin/*", {}},
           sample{"/a/./b", {}},
           sample{"/a/../a", {}},
           sample{"", {}},
           sample{"/", {}},
           sample{"/gone/*", {}},
           sample{"/{a,gone}/{b,x.bin}", {"/a/b", "/a/x.bin"}},
           sample{"/{a/b/c,a}/*.bin", {"/a/b/c/z.bin", "/a/x.bin"}},
           sample{"/a{-b,}", {"/a", "/a-b"}},
           sample{"/a/{b", {}},
       }) {
    CAPTURE(s.pattern);
    CHECK(fs->glob(s.pattern).value() == s.found);
  }
}

TEST_CASE("glob: a pattern above 4,096 bytes is too long, one as long is not",
          "[api][glob][errors]") {
  const scenario fs;
  make_tree(fs);
  const std::string longest = "/a" + std::string(4094, '*');
  CHECK(fs->glob(longest).value() == names{"/a", "/a-b"});
  CHECK(fs.refusal([&] { return fs->glob(longest + "*"); }) == errc::name_too_long);
  const std::string unclosed(4097, '[');
  CHECK(fs.refusal([&] { return fs->glob(unclosed); }) == errc::name_too_long);
}

TEST_CASE("tree: names and depths far beyond a path argument work", "[api][walk][deep]") {
  const scenario fs(accounting::payload, storage_layout::automatic);
  const std::string name(200, 'd');
  std::string half;
  for (int i = 0; i < 15; ++i) half += "/" + name;
  fs->create_directories(half).value();
  fs->write_file(half + "/f", "deep").value();
  for (int i = 0; i < 4; ++i) {
    fs->create_directories("/next" + half).value();
    fs->rename("/" + name, "/next" + half + "/down").value();
    fs->rename("/next", "/" + name).value();
  }
  CHECK(fs->walk().value().size() > 60);
  const names files = fs->glob("/**/f").value();
  REQUIRE(files.size() == 1);
  CHECK(files[0].size() > 4096 * 3);
  CHECK(fs->export_tree().value().size() == 1);
  fs->remove_tree("/" + name).value();
}

}  // namespace coramfs::tests
