// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

namespace coramfs::tests {

namespace {

constexpr open_options at_once{.timeout = lock_timeout::immediate()};

}  // namespace

TEST_CASE("close: a second one succeeds", "[api][close]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::create).value();
  CHECK(fs.stats().open_handles == 1);
  CHECK(f->close().has_value());
  CHECK(fs.stats().open_handles == 0);
  CHECK(f->close().has_value());
  CHECK(fs.stats().open_handles == 0);
}

TEST_CASE("close: afterwards every other call with a result fails", "[api][close]") {
  const scenario fs;
  for (const open_mode mode : {open_mode::create, open_mode::update, open_mode::read}) {
    const auto f = fs->open("/a", mode).value();
    f->close().value();
    char buffer[2];
    CHECK(error_of(f->read(buffer)) == errc::not_open);
    CHECK(error_of(f->read_all()) == errc::not_open);
    CHECK(error_of(f->read_at(0, buffer)) == errc::not_open);
    CHECK(error_of(f->write("x")) == errc::not_open);
    CHECK(error_of(f->write(bytes_of("x"))) == errc::not_open);
    CHECK(error_of(f->write_at(0, "x")) == errc::not_open);
    CHECK(error_of(f->truncate(0)) == errc::not_open);
    CHECK(error_of(f->truncate()) == errc::not_open);
    CHECK(error_of(f->seek(0)) == errc::not_open);
    CHECK(error_of(f->tell()) == errc::not_open);
    CHECK(error_of(f->size()) == errc::not_open);
    CHECK(error_of(f->flush()) == errc::not_open);
    CHECK(!f->is_open());
    CHECK(!f->readable());
    CHECK(!f->writable());
    CHECK(!f->seekable());
    CHECK(f->path() == "/a");
    CHECK(f->mode() == mode);
  }
}

TEST_CASE("close: until then a handle is seekable, and flush has nothing to do", "[api][close]") {
  const scenario fs;
  for (const open_mode mode : {open_mode::create, open_mode::read}) {
    const auto f = fs->open("/a", mode).value();
    CHECK(f->seekable());
    const std::string before = fs.picture();
    CHECK(f->flush().has_value());
    CHECK(fs.picture() == before);
  }
}

TEST_CASE("close: the destructor closes, in stack unwinding too", "[api][close]") {
  const scenario fs;
  fs->open("/a", open_mode::create).value();
  CHECK(fs.stats().open_handles == 0);
  try {
    const auto f = fs->open("/a", open_mode::update).value();
    throw 1;
  } catch (int) {
  }
  CHECK(fs.stats().open_handles == 0);
  CHECK(fs->open("/a", open_mode::update, at_once).has_value());
}

TEST_CASE("close: a moved-from file is closed, the new one is open", "[api][close]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::create).value();
  f->write("abc").value();
  const auto g = f->moved();
  CHECK(!f->is_open());
  CHECK(error_of(f->tell()) == errc::not_open);
  CHECK(f->close().has_value());
  CHECK(g->is_open());
  CHECK(g->tell().value() == 3);
  CHECK(g->path() == "/a");
  CHECK(g->mode() == open_mode::create);
  CHECK(fs.stats().open_handles == 1);
  CHECK(g->write("def").value() == 3);
}

TEST_CASE("close: move assignment closes its old target", "[api][close]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::create).value();
  const auto g = fs->open("/b", open_mode::create).value();
  f->assign(std::move(*g));
  CHECK(fs.stats().open_handles == 1);
  CHECK(f->path() == "/b");
  CHECK(!g->is_open());
  CHECK(fs->open("/a", open_mode::update, at_once).has_value());
  CHECK(error_of(fs->open("/b", open_mode::update, at_once)) == errc::would_block);
  f->assign(std::move(*g));
  CHECK(!f->is_open());
  CHECK(fs.stats().open_handles == 0);
}

TEST_CASE("close: a file outlives its file system object", "[api][close][sharing]") {
  const scenario fs;
  auto other = fs.twin();
  const auto f = other->open("/a", open_mode::create).value();
  other.reset();
  CHECK(f->write("abc").value() == 3);
  CHECK(f->truncate(2).value() == 2);
  f->close().value();
  CHECK(fs->read_file("/a").value() == "ab");
}

TEST_CASE("close: slack is given back, so that the charge is that of a file made at once",
          "[api][close][quota]") {
  const scenario fs;
  const std::string content(100'000, 'x');
  fs->write_file("/a", content).value();
  const std::uint64_t at_once_charge = fs.used();
  fs->remove("/a").value();
  const auto f = fs->open("/a", open_mode::create).value();
  for (int i = 0; i < 1000; ++i) f->write(content.substr(0, 100)).value();
  f->close().value();
  // Growing in steps leaves some more chunks, but no room that nothing is in.
  // A large chunk is whole pages, several chunks may do without.
  CHECK(fs.used() + 4096 >= at_once_charge);
  CHECK(fs.used() <= at_once_charge + at_once_charge / 20);
}

TEST_CASE("close: the slack of a moved-in buffer is given back", "[api][close][quota]") {
  const scenario fs(accounting::memory, {.max_quota = 64 << 20});
  fs.expect_slices();
  const auto roomy = [](std::size_t size, std::size_t capacity) {
    bytes b;
    b.reserve(capacity);
    b.resize(size, std::byte{'x'});
    return b;
  };
  constexpr std::size_t mib = 1 << 20, size = mib + 100;
  const auto f = fs->open("/a", open_mode::create).value();
  f->write(roomy(size, 2 * mib)).value();
  f->close().value();
  CHECK(fs.used() < size + mib / 16);
  fs->remove("/a").value();
  // And where another comes behind it: the slack of 40 is more than there is.
  const auto g = fs->open("/b", open_mode::create).value();
  for (int i = 0; i < 40; ++i) g->write(roomy(size, 2 * mib)).value();
  g->close().value();
  CHECK(fs.used() < 40 * (size + mib / 16));
}

}  // namespace coramfs::tests
