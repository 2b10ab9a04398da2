// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <latch>
#include <thread>

namespace coramfs::tests {

namespace {

using names = std::vector<std::string>;

}  // namespace

TEST_CASE("create_directory: it makes one directory in one that exists", "[api][directory]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->create_directory("/d/e").value();
  CHECK(fs->is_directory("/d/e").value());
  CHECK(fs->list("/d/e").value().empty());
  CHECK(fs.stats().directory_count == 3);
  CHECK(fs.refusal([&] { return fs->create_directory("/x/y"); }) == errc::not_found);
}

TEST_CASE("create_directory: anything at the path is in the way", "[api][directory]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/f", "").value();
  for (const char* path : {"/", "/d", "/f"}) {
    INFO(path);
    CHECK(fs.refusal([&] { return fs->create_directory(path); }) == errc::already_exists);
  }
}

TEST_CASE("create_directories: it makes what is missing, and tells if it did", "[api][directory]") {
  const scenario fs;
  CHECK(fs->create_directories("/a/b/c").value());
  CHECK(!fs->create_directories("/a/b/c").value());
  CHECK(!fs->create_directories("/a/b").value());
  CHECK(!fs->create_directories("/").value());
  CHECK(fs->create_directories("/a/b/d").value());
  CHECK(fs->list("/a/b").value() == names{"c", "d"});
  CHECK(fs.stats().directory_count == 5);
}

TEST_CASE("create_directories: a file at the path exists, one above it is no directory",
          "[api][directory]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/d/f", "").value();
  CHECK(fs.refusal([&] { return fs->create_directories("/d/f"); }) == errc::already_exists);
  CHECK(fs.refusal([&] { return fs->create_directories("/d/f/x"); }) == errc::not_a_directory);
  CHECK(fs.refusal([&] { return fs->create_directories("/d/f/x/y"); }) == errc::not_a_directory);
}

TEST_CASE("create_directories: of concurrent calls for one path one is told that it made it",
          "[api][directory][waiting]") {
  const scenario fs;
  constexpr int callers = 8;
  for (int round = 0; round < 20; ++round) {
    const std::string path = "/r" + std::to_string(round) + "/a/b/c";
    std::latch start(callers);
    std::vector<std::future<bool>> all;
    for (int i = 0; i < callers; ++i) {
      all.push_back(std::async(std::launch::async, [&, own = i % 2 ? fs.twin() : fs.other()] {
        start.arrive_and_wait();
        return own->create_directories(path).value();
      }));
    }
    int made = 0;
    for (auto& one : all) made += one.get();
    CHECK(made == 1);
    CHECK(fs->is_directory(path).value());
  }
}

TEST_CASE("list: it gives the names of both kinds, sorted", "[api][directory]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/d/b", "").value();
  fs->create_directory("/d/a").value();
  fs->write_file("/d/c", "").value();
  fs->write_file("/d/a/hidden", "").value();
  CHECK(fs->list("/d").value() == names{"a", "b", "c"});
  CHECK(fs->list("").value() == names{"d"});
  CHECK(error_of(fs->list("/d/b")) == errc::not_a_directory);
  CHECK(error_of(fs->list("/d/x")) == errc::not_found);
}

TEST_CASE("list: a thousand entries come and go", "[api][directory]") {
  const scenario fs;
  names expected;
  for (int i = 0; i < 1000; ++i) expected.push_back("f" + std::to_string(i));
  for (const std::string& name : expected) fs->write_file(name, "").value();
  std::sort(expected.begin(), expected.end());
  CHECK(fs->list("/").value() == expected);
  for (int i = 0; i < 1000; i += 2) fs->remove("f" + std::to_string(i)).value();
  std::erase_if(expected, [](const std::string& n) { return (n.back() - '0') % 2 == 0; });
  CHECK(fs->list("/").value() == expected);
  for (const std::string& name : expected) CHECK(fs->is_file(name).value());
  CHECK(!fs->exists("f0").value());
}

TEST_CASE("questions: what is missing, below a file or no valid path is just not there",
          "[api][directory]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/f", "").value();
  const std::string nul("/\0", 2), too_long(256, 'x');
  const struct {
    std::string path;
    bool exists, is_file, is_directory;
  } cases[] = {
      {"", true, false, true},       {"/", true, false, true},       {"/d", true, false, true},
      {"/f", true, true, false},     {"/f/", true, true, false},     {"/x", false, false, false},
      {"/f/x", false, false, false}, {"/x/y", false, false, false},  {"/..", false, false, false},
      {nul, false, false, false},    {too_long, false, false, false}};
  for (const auto& c : cases) {
    INFO(c.path);
    CHECK(fs->exists(c.path).value() == c.exists);
    CHECK(fs->is_file(c.path).value() == c.is_file);
    CHECK(fs->is_directory(c.path).value() == c.is_directory);
  }
}

TEST_CASE("file_size: it is that of a file alone", "[api][directory]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/f", "abc").value();
  CHECK(fs->file_size("/f").value() == 3);
  CHECK(error_of(fs->file_size("/d")) == errc::is_a_directory);
  CHECK(error_of(fs->file_size("/")) == errc::is_a_directory);
  CHECK(error_of(fs->file_size("/x")) == errc::not_found);
  CHECK(error_of(fs->file_size("/f/x")) == errc::not_a_directory);
}

TEST_CASE("remove: it takes a file away, and no directory", "[api][directory][remove]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/d/f", "abc").value();
  for (const char* path : {"/d", "/"}) {
    INFO(path);
    CHECK(fs.refusal([&] { return fs->remove(path); }) == errc::is_a_directory);
  }
  fs->remove("/d/f").value();
  CHECK(!fs->exists("/d/f").value());
  CHECK(fs.stats().file_count == 0);
  CHECK(fs.refusal([&] { return fs->remove("/d/f"); }) == errc::not_found);
}

TEST_CASE("remove_directory: it takes an empty directory away, and gives back its charge",
          "[api][directory][remove]") {
  const scenario fs;
  fs->create_directory("/d").value();
  const std::uint64_t before = fs.used();
  for (const char* path : {"/d/e", "/d/e/", "/d/a-name-too-long-to-stand-in-the-node-itself"}) {
    fs->create_directory(path).value();
    fs->remove_directory(path).value();
    CHECK(!fs->exists(path).value());
    CHECK(fs.used() == before);
  }
  CHECK(fs.stats().directory_count == 2);
}

TEST_CASE("remove_directory: nothing but an empty directory", "[api][directory][remove]") {
  const scenario fs;
  fs->create_directories("/d/e").value();
  fs->write_file("/d/f", "abc").value();
  CHECK(fs.refusal([&] { return fs->remove_directory("/d"); }) == errc::directory_not_empty);
  CHECK(fs.refusal([&] { return fs->remove_directory("/d/f"); }) == errc::not_a_directory);
  CHECK(fs.refusal([&] { return fs->remove_directory("/d/f/"); }) == errc::not_a_directory);
  CHECK(fs.refusal([&] { return fs->remove_directory("/d/f/x"); }) == errc::not_a_directory);
  CHECK(fs.refusal([&] { return fs->remove_directory("/x"); }) == errc::not_found);
  CHECK(fs.refusal([&] { return fs->remove_directory("/"); }) == errc::invalid_argument);
  fs->remove("/d/f").value();
  CHECK(fs.refusal([&] { return fs->remove_directory("/d"); }) == errc::directory_not_empty);
  fs->remove_directory("/d/e").value();
  fs->remove_directory("/d").value();
  CHECK(fs.refusal([&] { return fs->remove_directory("/"); }) == errc::invalid_argument);
}

TEST_CASE("remove_directory: who waits for room to create in it finds it gone",
          "[api][directory][remove][waiting]") {
  const scenario fs(accounting::memory, {.max_quota = 60'000});
  fs->create_directory("/d").value();
  fill_up(*fs, "/filler");
  for (int i = 0; fs->write_file("/small" + std::to_string(i), "").has_value(); ++i) continue;
  auto creating = std::async(std::launch::async, [own = fs.twin()] {
    return error_of(own->open("/d/f", open_mode::create, {.on_full = when_full::wait}));
  });
  while (fs.stats().waiting == 0) std::this_thread::yield();
  fs->remove_directory("/d").value();
  fs->remove("/filler").value();
  CHECK(creating.get() == errc::not_found);
  fs.expect_slices();
}

TEST_CASE("remove_directory: what others create in it is there, or was never",
          "[api][directory][remove][threads]") {
  const scenario fs;
  constexpr int creators = 3, files = 20;
  std::atomic<int> lost = 0, left = creators;
  std::vector<std::future<void>> all;
  for (int i = 0; i < creators; ++i) {
    all.push_back(std::async(std::launch::async, [&, own = i % 2 ? fs.twin() : fs.other(), i] {
      const std::string path = "/d/" + std::to_string(i);
      for (int created = 0; created < files;) {
        own->create_directories("/d").value();
        if (!own->write_file(path, "content")) continue;
        ++created;
        if (!own->remove(path)) ++lost;
      }
      --left;
    }));
  }
  while (left > 0) {
    const error e = error_of(fs->remove_directory("/d"));
    if (e.code() && e != errc::not_found && e != errc::directory_not_empty) ++lost;
    std::this_thread::yield();  // who creates needs two steps between two of these
  }
  for (auto& one : all) one.get();
  CHECK(lost == 0);
}

TEST_CASE("remove_tree: it takes a directory away with all below it", "[api][directory][remove]") {
  const scenario fs;
  fs->create_directories("/d/e/f").value();
  fs->write_file("/d/e/a", "abc").value();
  fs->write_file("/d/e/f/b", "abc").value();
  fs->create_directory("/empty").value();
  fs->write_file("/keep", "abc").value();
  fs->remove_tree("/d").value();
  CHECK(fs->list("/").value() == names{"empty", "keep"});
  fs->remove_tree("/empty").value();
  CHECK(fs->list("/").value() == names{"keep"});
  CHECK(fs.stats().directory_count == 1);
  CHECK(fs.stats().file_count == 1);
}

TEST_CASE("remove_tree: neither a file nor the root", "[api][directory][remove]") {
  const scenario fs;
  fs->write_file("/f", "abc").value();
  CHECK(fs.refusal([&] { return fs->remove_tree("/f"); }) == errc::not_a_directory);
  CHECK(fs.refusal([&] { return fs->remove_tree("/x"); }) == errc::not_found);
  CHECK(fs.refusal([&] { return fs->remove_tree("/"); }) == errc::invalid_argument);
}

TEST_CASE("remove: the name is free at once for a file or a directory",
          "[api][directory][remove]") {
  const scenario fs;
  for (int i = 0; i < 3; ++i) {
    fs->write_file("/a", "abc").value();
    fs->remove("/a").value();
    fs->create_directory("/a").value();
    fs->write_file("/a/b", "abc").value();
    fs->remove_tree("/a").value();
  }
  CHECK(fs->list("/").value().empty());
}

}  // namespace coramfs::tests
