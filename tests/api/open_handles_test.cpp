// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

namespace coramfs::tests {

namespace {

/// The handles, sorted by their paths.
std::vector<open_handle> handles_of(const volume& v) {
  auto all = v.open_handles().value();
  std::sort(all.begin(), all.end(),
            [](const open_handle& a, const open_handle& b) { return a.path < b.path; });
  return all;
}

}  // namespace

TEST_CASE("open handles: each tells its path, mode and label", "[api][handles]") {
  const scenario fs;
  CHECK(handles_of(fs.volume()).empty());
  fs->create_directories("/d/e").value();
  const auto a = fs->open("//d/./e/a", open_mode::create_read, {.label = "first"}).value();
  const auto b = fs->open("/d/b", open_mode::append).value();
  const auto all = handles_of(fs.volume());
  REQUIRE(all.size() == 2);
  CHECK(all[0].path == "/d/b");
  CHECK(all[0].mode == open_mode::append);
  CHECK(all[0].label.empty());
  CHECK(all[0].waiting == 0);
  CHECK(all[1].path == "/d/e/a");
  CHECK(all[1].mode == open_mode::create_read);
  CHECK(all[1].label == "first");
}

TEST_CASE("open handles: every mode is told, of files that are made and that are there",
          "[api][handles]") {
  const scenario fs;
  fs->write_file("/f", "abc").value();
  for (const open_mode mode :
       {open_mode::read, open_mode::write, open_mode::append, open_mode::update, open_mode::create,
        open_mode::write_read, open_mode::append_read, open_mode::create_read}) {
    INFO(to_string(mode));
    const bool makes = mode == open_mode::create || mode == open_mode::create_read;
    const char* const path = makes ? "/new" : "/f";
    const auto f = fs->open(path, mode, {.label = "x"}).value();
    const auto all = handles_of(fs.volume());
    REQUIRE(all.size() == 1);
    CHECK(all[0].path == path);
    CHECK(all[0].mode == mode);
    CHECK(all[0].label == "x");
    f->close().value();
    if (makes) fs->remove(path).value();
  }
}

TEST_CASE("open handles: one that moves is listed once, one that is closed is not",
          "[api][handles]") {
  const scenario fs;
  const auto a = fs->open("/a", open_mode::create, {.label = "a"}).value();
  const auto b = fs->open("/b", open_mode::create, {.label = "b"}).value();
  const auto moved = a->moved();
  CHECK(handles_of(fs.volume()).size() == 2);
  b->assign(std::move(*moved));  // which closes /b
  REQUIRE(handles_of(fs.volume()).size() == 1);
  CHECK(handles_of(fs.volume())[0].label == "a");
  b->close().value();
  b->close().value();
  CHECK(handles_of(fs.volume()).empty());
}

TEST_CASE("open handles: many of one file are listed each", "[api][handles]") {
  const scenario fs;
  fs->write_file("/f", "abc").value();
  constexpr std::size_t many = 30;  // more than a thread has marks for
  std::vector<std::unique_ptr<any_file>> open;
  for (std::size_t i = 0; i < many; ++i) open.push_back(fs->open("/f", open_mode::read).value());
  CHECK(handles_of(fs.volume()).size() == many);
  CHECK(error_of(fs->remove("/f")).details().holder_count == many);
  open.clear();
  CHECK(handles_of(fs.volume()).empty());
}

TEST_CASE("open handles: they tell since when they are open", "[api][handles]") {
  const scenario fs;
  const auto tick = std::chrono::milliseconds(20);  // the clock's may be a few of these
  const auto before = std::chrono::steady_clock::now();
  const auto f = fs->open("/f", open_mode::create).value();
  const auto after = std::chrono::steady_clock::now();
  const auto since = handles_of(fs.volume()).at(0).since;
  CHECK(since >= before - tick);
  CHECK(since <= after);
}

TEST_CASE("open handles: one that another thread closes is not listed any more", "[api][handles]") {
  const scenario fs;
  const auto f = fs->open("/f", open_mode::create).value();
  std::thread([&] { f->close().value(); }).join();
  CHECK(handles_of(fs.volume()).empty());
}

}  // namespace coramfs::tests
