// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

namespace coramfs::tests {

namespace {

std::string zeros(std::size_t n) { return std::string(n, '\0'); }

}  // namespace

TEST_CASE("preallocation: a new file is extended with zeros at open", "[api][preallocation]") {
  const scenario fs;
  for (const open_mode mode : {open_mode::write, open_mode::append, open_mode::create}) {
    const auto f = fs->open("/a", mode, {.preallocate = 5}).value();
    CHECK(f->size().value() == 5);
    CHECK(f->tell().value() == 0);
    f->close().value();
    CHECK(fs->read_file("/a").value() == zeros(5));
    fs->remove("/a").value();
  }
}

TEST_CASE("preallocation: an existing file is extended, never cut", "[api][preallocation]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  for (const std::uint64_t n : {0u, 2u, 3u}) {
    INFO(n);
    CHECK(fs->open("/a", open_mode::update, {.preallocate = n}).value()->size().value() == 3);
    CHECK(fs->stat("/a").value().generation == 1);
  }
  const auto f = fs->open("/a", open_mode::update, {.preallocate = 6}).value();
  CHECK(f->tell().value() == 0);
  CHECK(f->read_all().value() == "abc" + zeros(3));
}

TEST_CASE("preallocation: write mode with four, then two bytes, makes a file of four",
          "[api][preallocation]") {
  const scenario fs;
  fs->write_file("/a", "old content").value();
  const auto f = fs->open("/a", open_mode::write, {.preallocate = 4}).value();
  CHECK(f->tell().value() == 0);
  CHECK(f->write("ab").value() == 2);
  f->close().value();
  CHECK(fs->read_file("/a").value() == "ab" + zeros(2));
}

TEST_CASE("preallocation: an append goes behind the zeros", "[api][preallocation]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::append, {.preallocate = 6}).value();
  CHECK(f->tell().value() == 3);
  CHECK(f->write("X").value() == 1);
  CHECK(f->tell().value() == 7);
  f->close().value();
  CHECK(fs->read_file("/a").value() == "abc" + zeros(3) + "X");
}

TEST_CASE("preallocation: writes inside it pass when the quota is full otherwise",
          "[api][preallocation][quota]") {
  const scenario fs({.max_quota = 100'000});
  const auto f = fs->open("/a", open_mode::create, {.preallocate = 50'000}).value();
  if (fs.counting() == accounting::payload) CHECK(fs.stats().free_bytes == 50'000);
  fill_up(*fs, "/filler");
  const std::uint64_t used = fs.used();
  for (int i = 0; i < 50; ++i) CHECK(f->write(std::string(1000, 'a')).value() == 1000);
  CHECK(f->write_at(777, "inside").value() == 6);
  CHECK(fs.used() == used);
  f->close().value();
  fs->remove("/filler").value();
}

TEST_CASE("preallocation: it can not be asked for with read", "[api][preallocation]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  for (const char* path : {"/a", "/missing", "/", "/../x"}) {
    INFO(path);
    CHECK(fs.refusal([&] { return fs->open(path, open_mode::read, {.preallocate = 1}); }) ==
          errc::invalid_argument);
  }
}

TEST_CASE("preallocation: refused, it leaves no new file and no emptied old one",
          "[api][preallocation][quota]") {
  const scenario fs({.max_quota = 4000});
  fs->write_file("/old", "abc").value();
  for (const open_mode mode : {open_mode::write, open_mode::append, open_mode::update}) {
    CHECK(fs.refusal([&] { return fs->open("/old", mode, {.preallocate = 4001}); }) ==
          errc::quota_exceeded);
  }
  for (const open_mode mode : {open_mode::write, open_mode::append, open_mode::create}) {
    CHECK(fs.refusal([&] { return fs->open("/new", mode, {.preallocate = 4001}); }) ==
          errc::quota_exceeded);
  }
  CHECK(fs->read_file("/old").value() == "abc");
  CHECK(!fs->exists("/new").value());
}

TEST_CASE("preallocation: write mode is judged by what it takes beyond the old content",
          "[api][preallocation][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 100});
  fs->write_file("/a", std::string(60, 'a')).value();
  fs->write_file("/b", std::string(40, 'b')).value();
  CHECK(fs.refusal([&] {
            return fs->open("/a", open_mode::write, {.preallocate = 61});
          }).message() == "quota exceeded: open \"/a\": requested 1 bytes, 0 available");
  const auto f = fs->open("/a", open_mode::write, {.preallocate = 60}).value();
  CHECK(f->size().value() == 60);
  CHECK(fs.used() == 100);
  f->close().value();
  CHECK(fs->read_file("/a").value() == zeros(60));
}

TEST_CASE("preallocation: of a file that is there, too, the largest is refused at once",
          "[api][preallocation][quota]") {
  const scenario fs({.max_quota = 4000});
  const std::uint64_t largest = (std::uint64_t{1} << 63) - 1;
  fs->write_file("/a", "abc").value();
  for (const auto mode : {open_mode::write, open_mode::append, open_mode::update})
    CHECK(fs.refusal([&] { return fs->open("/a", mode, {.preallocate = largest}); }) ==
          errc::quota_exceeded);
}

TEST_CASE("preallocation: one beyond any file is refused", "[api][preallocation]") {
  const scenario fs({.max_quota = ~std::uint64_t{0}});
  const std::uint64_t beyond = std::uint64_t{1} << 63;
  CHECK(fs.refusal([&] { return fs->open("/a", open_mode::create, {.preallocate = beyond}); }) ==
        errc::too_large);
}

}  // namespace coramfs::tests
