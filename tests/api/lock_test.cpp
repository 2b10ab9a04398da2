// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

#include <thread>

namespace coramfs::tests {

namespace {

constexpr open_options at_once{.timeout = lock_timeout::immediate()};

}  // namespace

TEST_CASE("lock: a handle for reading shares the file, any other has it alone", "[api][lock]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  constexpr std::array modes{open_mode::read, open_mode::write, open_mode::append,
                             open_mode::update};
  for (const open_mode held : modes) {
    for (const open_mode wanted : modes) {
      INFO(static_cast<int>(held) << " held, wanted " << static_cast<int>(wanted));
      const auto first = fs->open("/a", held).value();
      if (held == open_mode::read && wanted == open_mode::read) {
        CHECK(fs->open("/a", wanted, at_once).has_value());
      } else {
        CHECK(fs.refusal([&] { return fs->open("/a", wanted, at_once); }) == errc::would_block);
      }
    }
  }
}

TEST_CASE("lock: a new file appears already locked", "[api][lock]") {
  const scenario fs;
  for (const open_mode mode : {open_mode::write, open_mode::append, open_mode::create}) {
    const auto f = fs->open("/a", mode).value();
    CHECK(error_of(fs->open("/a", open_mode::read, at_once)) == errc::would_block);
    CHECK(fs.refusal([&] { return fs->remove("/a"); }) == errc::busy);
    f->close().value();
    fs->remove("/a").value();
  }
}

TEST_CASE("lock: create on an existing file is refused at once, even if it is locked",
          "[api][lock][open]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::create).value();
  CHECK(fs.refusal([&] { return fs->open("/a", open_mode::create); }) == errc::already_exists);
}

TEST_CASE("lock: closing lets the next one in at once", "[api][lock]") {
  const scenario fs;
  const auto first = fs->open("/a", open_mode::create).value();
  first->close().value();
  const auto second = fs->open("/a", open_mode::read, at_once).value();
  const auto third = fs->open("/a", open_mode::read, at_once).value();
  second->close().value();
  CHECK(error_of(fs->open("/a", open_mode::update, at_once)) == errc::would_block);
  third->close().value();
  CHECK(fs->open("/a", open_mode::update, at_once).has_value());
}

TEST_CASE("lock: both facades stand before one lock", "[api][lock][sharing]") {
  const scenario fs;
  const auto other = fs.other();
  const auto writer = fs->open("/a", open_mode::create).value();
  CHECK(error_of(other->open("/a", open_mode::read, at_once)) == errc::would_block);
  writer->close().value();
  const auto reader = other->open("/a", open_mode::read).value();
  CHECK(error_of(fs->open("/a", open_mode::update, at_once)) == errc::would_block);
  CHECK(fs->open("/a", open_mode::read, at_once).has_value());
}

TEST_CASE("lock: the timeout of an open wins over the volume's", "[api][lock]") {
  const scenario fs({.default_lock_timeout = lock_timeout::immediate()});
  const auto f = fs->open("/a", open_mode::create).value();
  CHECK(fs.refusal([&] { return fs->open("/a", open_mode::read); }) == errc::would_block);
  const auto twin = fs.twin();
  CHECK(error_of(twin->open("/a", open_mode::read, {.timeout = std::chrono::milliseconds(1)})) ==
        errc::timed_out);
}

TEST_CASE("lock: what takes no timeout uses the volume's", "[api][lock]") {
  const auto timeout = GENERATE(lock_timeout::immediate().is_immediate(), false)
                           ? lock_timeout::immediate()
                           : lock_timeout(std::chrono::milliseconds(2));
  const errc expected = timeout.is_immediate() ? errc::would_block : errc::timed_out;
  const scenario fs({.default_lock_timeout = timeout});
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::update).value();
  const auto twin = fs.twin();
  CHECK(fs.refusal([&] { return twin->read_file("/a"); }) == expected);
  CHECK(fs.refusal([&] { return twin->write_file("/a", "x"); }) == expected);
  CHECK(fs.refusal([&] { return twin->open("/a", open_mode::read); }) == expected);
  f->close().value();
  const auto reader = fs->open("/a", open_mode::read).value();
  CHECK(twin->read_file("/a").value() == "abc");
  CHECK(fs.refusal([&] { return twin->write_file("/a", "x"); }) == expected);
}

TEST_CASE("lock: what one has open for writing, one can not open again", "[api][lock]") {
  const scenario fs;
  const auto twin = fs.twin();
  const auto f = twin->open("/a", open_mode::create).value();
  CHECK(error_of(twin->open("/a", open_mode::update, {.timeout = std::chrono::milliseconds(2)})) ==
        errc::timed_out);
  f->close().value();
  const auto reader = twin->open("/a", open_mode::read).value();
  CHECK(error_of(twin->open("/a", open_mode::update, {.timeout = std::chrono::milliseconds(2)})) ==
        errc::timed_out);
  CHECK(reader->is_open());
}

TEST_CASE("lock: questions about a file do not ask for its lock", "[api][lock]") {
  const scenario fs({.default_lock_timeout = lock_timeout::immediate()});
  const auto f = fs->open("/a", open_mode::create).value();
  f->write("abc").value();
  CHECK(fs->stat("/a").value().size == 3);
  CHECK(fs->file_size("/a").value() == 3);
  CHECK(fs->exists("/a").value());
  CHECK(fs->is_file("/a").value());
  CHECK(!fs->is_directory("/a").value());
  CHECK(fs->list("/").value() == std::vector<std::string>{"a"});
  f->write("def").value();
  CHECK(fs->file_size("/a").value() == 6);
  f->truncate(1).value();
  CHECK(fs->file_size("/a").value() == 1);
}

TEST_CASE("lock: a wait ends never before its timeout", "[api][lock]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::create).value();
  const auto twin = fs.twin();
  for (const auto timeout : {std::chrono::microseconds(1), std::chrono::microseconds(1500),
                             std::chrono::microseconds(20'000)}) {
    const auto begin = std::chrono::steady_clock::now();
    CHECK(error_of(twin->open("/a", open_mode::read, {.timeout = timeout})) == errc::timed_out);
    CHECK(std::chrono::steady_clock::now() - begin >= timeout);
    CHECK(fs.stats().waiting == 0);
  }
}

TEST_CASE("lock: a timeout of zero or less never waits", "[api][lock]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::create).value();
  CHECK(error_of(fs->open("/a", open_mode::read, {.timeout = std::chrono::seconds(0)})) ==
        errc::would_block);
  CHECK(error_of(fs->open("/a", open_mode::read, {.timeout = std::chrono::hours(-1)})) ==
        errc::would_block);
}

TEST_CASE("lock: who is refused at once, or may not write, looks at nothing of the file",
          "[api][lock][race]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::create).value();
  fs->write_file("/b", "content").value();
  std::thread beside([twin = fs.twin()] {
    const open_options at_once{.timeout = lock_timeout::immediate()};
    for (int i = 0; i < 500; ++i) {
      if (!(error_of(twin->open("/a", open_mode::append, at_once)) == errc::would_block)) break;
      if (i % 10 == 0) error_of(twin->open("/b", open_mode::read).value()->write("x"));
    }
  });
  for (int i = 0; i < 500; ++i) f->write("some more").value();
  const auto reader = fs->open("/b", open_mode::read).value();
  for (int i = 0; i < 50; ++i) CHECK(error_of(reader->write("x")) == errc::not_writable);
  beside.join();
  reader->close().value();
  f->close().value();
}

}  // namespace coramfs::tests
