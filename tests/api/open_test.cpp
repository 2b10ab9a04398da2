// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

namespace coramfs::tests {

namespace {

constexpr std::array all_modes{open_mode::read,        open_mode::write,      open_mode::append,
                               open_mode::update,      open_mode::create,     open_mode::write_read,
                               open_mode::append_read, open_mode::create_read};

const char* name(open_mode mode) {
  constexpr std::array names{"read",   "write",      "append",      "update",
                             "create", "write_read", "append_read", "create_read"};
  return names[static_cast<std::size_t>(mode)];
}

}  // namespace

TEST_CASE("open: eight modes can be parsed, and nothing else", "[api][open]") {
  CHECK(parse_open_mode("rb").value() == open_mode::read);
  CHECK(parse_open_mode("wb").value() == open_mode::write);
  CHECK(parse_open_mode("ab").value() == open_mode::append);
  CHECK(parse_open_mode("r+b").value() == open_mode::update);
  CHECK(parse_open_mode("xb").value() == open_mode::create);
  CHECK(parse_open_mode("w+b").value() == open_mode::write_read);
  CHECK(parse_open_mode("a+b").value() == open_mode::append_read);
  CHECK(parse_open_mode("x+b").value() == open_mode::create_read);
  for (const std::string_view text : {"", "r", "w", "a", "x", "wb+", "w+", "a+", "x+", "rb+", "br",
                                      "RB", " rb", "rb ", "rbb", "r+", "rt", "b"}) {
    INFO(text);
    CHECK(error_of(parse_open_mode(text)) == errc::invalid_argument);
  }
  CHECK(error_of(parse_open_mode(std::string_view("rb\0", 3))) == errc::invalid_argument);
}

TEST_CASE("open: a directory is refused in any mode", "[api][open]") {
  const scenario fs;
  fs->create_directory("/d").value();
  for (const open_mode mode : all_modes) {
    INFO(name(mode));
    CHECK(fs.refusal([&] { return fs->open("/d", mode); }) == errc::is_a_directory);
    CHECK(fs.refusal([&] { return fs->open("/", mode); }) == errc::is_a_directory);
  }
}

TEST_CASE("open: read and update need a file, the others make one", "[api][open]") {
  const scenario fs;
  for (const open_mode mode : {open_mode::read, open_mode::update}) {
    INFO(name(mode));
    CHECK(fs.refusal([&] { return fs->open("/a", mode); }) == errc::not_found);
  }
  for (const open_mode mode :
       {open_mode::write, open_mode::append, open_mode::create, open_mode::write_read,
        open_mode::append_read, open_mode::create_read}) {
    INFO(name(mode));
    const auto f = fs->open("/a", mode).value();
    CHECK(f->size().value() == 0);
    CHECK(fs->is_file("/a").value());
    f->close().value();
    fs->remove("/a").value();
  }
}

TEST_CASE("open: an existing file is kept, emptied or refused by mode", "[api][open]") {
  const scenario fs;
  const struct {
    open_mode mode;
    std::string_view left;
  } cases[] = {{open_mode::read, "abc"},    {open_mode::update, "abc"},
               {open_mode::append, "abc"},  {open_mode::append_read, "abc"},
               {open_mode::write_read, ""}, {open_mode::write, ""}};
  for (const auto& [mode, left] : cases) {
    INFO(name(mode));
    fs->write_file("/a", "abc").value();
    CHECK(fs->open("/a", mode).value()->size().value() == left.size());
    CHECK(fs->read_file("/a").value() == left);
  }
  fs->write_file("/a", "abc").value();
  for (const open_mode mode : {open_mode::create, open_mode::create_read})
    CHECK(fs.refusal([&] { return fs->open("/a", mode); }) == errc::already_exists);
}

TEST_CASE("open: the parent must be a directory that exists", "[api][open]") {
  const scenario fs;
  fs->write_file("/f", "").value();
  for (const open_mode mode : all_modes) {
    INFO(name(mode));
    CHECK(fs.refusal([&] { return fs->open("/missing/a", mode); }) == errc::not_found);
    CHECK(fs.refusal([&] { return fs->open("/f/a", mode); }) == errc::not_a_directory);
  }
}

TEST_CASE("open: the mode decides what a handle may do and where it starts", "[api][open]") {
  const scenario fs;
  const struct {
    open_mode mode;
    bool readable, writable;
    std::uint64_t cursor;
  } cases[] = {{open_mode::read, true, false, 0},       {open_mode::update, true, true, 0},
               {open_mode::append, false, true, 3},     {open_mode::write, false, true, 0},
               {open_mode::create, false, true, 0},     {open_mode::write_read, true, true, 0},
               {open_mode::append_read, true, true, 0}, {open_mode::create_read, true, true, 0}};
  for (const auto& expected : cases) {
    INFO(name(expected.mode));
    fs->write_file("/a", "abc").value();
    if (expected.mode == open_mode::create || expected.mode == open_mode::create_read)
      fs->remove("/a").value();
    const auto f = fs->open("/a", expected.mode).value();
    CHECK(f->mode() == expected.mode);
    CHECK(f->is_open());
    CHECK(f->readable() == expected.readable);
    CHECK(f->writable() == expected.writable);
    CHECK(f->seekable());
    CHECK(f->tell().value() == expected.cursor);
    CHECK(fs.stats().open_handles == 1);
  }
  CHECK(fs.stats().open_handles == 0);
}

TEST_CASE("open: what a handle may not do fails, and the handle stays usable", "[api][open]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  char buffer[4];
  const auto reading = fs->open("/a", open_mode::read).value();
  CHECK(fs.refusal([&] { return reading->write("x"); }) == errc::not_writable);
  CHECK(fs.refusal([&] { return reading->write(bytes_of("x")); }) == errc::not_writable);
  CHECK(fs.refusal([&] { return reading->write_at(0, "x"); }) == errc::not_writable);
  CHECK(fs.refusal([&] { return reading->truncate(0); }) == errc::not_writable);
  CHECK(fs.refusal([&] { return reading->truncate(); }) == errc::not_writable);
  CHECK(reading->is_open());
  CHECK(reading->read_all().value() == "abc");
  reading->close().value();

  for (const open_mode mode : {open_mode::append, open_mode::write}) {
    INFO(name(mode));
    const auto writing = fs->open("/a", mode).value();
    CHECK(fs.refusal([&] { return writing->read(buffer); }) == errc::not_readable);
    CHECK(fs.refusal([&] { return writing->read_at(0, buffer); }) == errc::not_readable);
    CHECK(fs.refusal([&] { return writing->read_all(); }) == errc::not_readable);
    CHECK(writing->write("def").value() == 3);
  }
  CHECK(fs->read_file("/a").value() == "def");
}

TEST_CASE("open: write mode gives the old bytes back from the open on", "[api][open][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", std::string(1000, 'a')).value();
  const auto f = fs->open("/a", open_mode::write).value();
  CHECK(fs.stats().free_bytes == 1000);
  fs->write_file("/b", std::string(1000, 'b')).value();
}

TEST_CASE("open: write mode leaves the old content after a refused lock", "[api][open][lock]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto reader = fs->open("/a", open_mode::read).value();
  const auto now = lock_timeout::immediate();
  CHECK(fs.refusal([&] { return fs->open("/a", open_mode::write, {.timeout = now}); }) ==
        errc::would_block);
  const auto soon = std::chrono::milliseconds(5);
  const auto twin = fs.twin();
  CHECK(fs.refusal([&] { return twin->open("/a", open_mode::write, {.timeout = soon}); }) ==
        errc::timed_out);
  CHECK(reader->read_all().value() == "abc");
}

TEST_CASE("open: append writes at the end, whatever was sought", "[api][open][append]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::append).value();
  CHECK(f->write("de").value() == 2);
  CHECK(f->tell().value() == 5);
  f->seek(1).value();
  CHECK(f->tell().value() == 1);
  CHECK(f->write("f").value() == 1);
  CHECK(f->tell().value() == 6);
  f->seek(100).value();
  CHECK(f->write(bytes_of("g")).value() == 1);
  CHECK(f->tell().value() == 7);
  f->close().value();
  CHECK(fs->read_file("/a").value() == "abcdefg");
}

TEST_CASE("open: what makes a file reads it, too, where the mode says so", "[api][open]") {
  const scenario fs;
  for (const open_mode mode : {open_mode::create_read, open_mode::write_read}) {
    INFO(name(mode));
    const auto f = fs->open("/a", mode).value();
    CHECK(f->write("abcdef").value() == 6);
    CHECK(f->read_all().value().empty());
    f->seek(1).value();
    CHECK(f->write("X").value() == 1);
    CHECK(f->read_all().value() == "cdef");
    CHECK(f->pin(0, 2).value().size() == 2);
  }
  CHECK(fs->read_file("/a").value() == "aXcdef");
}

TEST_CASE("open: append that reads begins at the start, and writes at the end",
          "[api][open][append]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::append_read, {.preallocate = 4}).value();
  CHECK(f->tell().value() == 0);
  char one[1];
  CHECK(f->read(one).value() == 1);
  CHECK(one[0] == 'a');
  CHECK(f->write("de").value() == 2);
  CHECK(f->tell().value() == 6);
  CHECK(f->read_all().value().empty());
  f->seek(2).value();
  CHECK(f->read_all().value() == std::string("c\0de", 4));
  CHECK(fs.refusal([&] { return f->write_at(0, "x"); }) == errc::not_supported);
}

TEST_CASE("open: append writes at an offset only if that is the end", "[api][open][append]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::append).value();
  f->seek(1).value();
  for (const std::uint64_t offset : {0u, 2u, 4u}) {
    INFO(offset);
    CHECK(fs.refusal([&] { return f->write_at(offset, "x"); }) == errc::not_supported);
  }
  CHECK(f->write_at(3, "def").value() == 3);
  CHECK(f->tell().value() == 1);
  CHECK(f->write_at(6, "g").value() == 1);
  f->close().value();
  CHECK(fs->read_file("/a").value() == "abcdefg");
}

TEST_CASE("open: append goes to the end as it is after a truncate", "[api][open][append]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  const auto f = fs->open("/a", open_mode::append).value();
  CHECK(f->truncate(2).value() == 2);
  CHECK(f->tell().value() == 2);
  CHECK(f->write("X").value() == 1);
  CHECK(f->truncate(5).value() == 5);
  CHECK(f->tell().value() == 3);
  CHECK(f->write("Y").value() == 1);
  CHECK(f->tell().value() == 6);
  f->close().value();
  CHECK(fs->read_file("/a").value() == std::string("abX\0\0Y", 6));
}

TEST_CASE("open: a mode or an option outside its type is refused", "[api][open]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  CHECK(fs.refusal([&] { return fs->open("/a", static_cast<open_mode>(8)); }) ==
        errc::invalid_argument);
  const open_options wrong{.on_full = static_cast<when_full>(2)};
  CHECK(fs.refusal([&] { return fs->open("/a", open_mode::update, wrong); }) ==
        errc::invalid_argument);
}

}  // namespace coramfs::tests
