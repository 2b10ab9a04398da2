// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

#include <limits>

namespace coramfs::tests {

TEST_CASE("read: it gives what is left, at most the buffer, and moves the cursor by that",
          "[api][read]") {
  const scenario fs;
  fs->write_file("/a", "abcdefgh").value();
  const auto f = fs->open("/a", open_mode::read).value();
  std::string buffer(5, '#');
  CHECK(f->read(buffer).value() == 5);
  CHECK(buffer == "abcde");
  CHECK(f->tell().value() == 5);
  buffer.assign(5, '#');
  CHECK(f->read(buffer).value() == 3);
  CHECK(buffer == "fgh##");
  CHECK(f->tell().value() == 8);
  CHECK(f->read(buffer).value() == 0);
  CHECK(buffer == "fgh##");
  CHECK(f->tell().value() == 8);
}

TEST_CASE("read: past the end and into an empty buffer it gives nothing", "[api][read]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::read).value();
  std::string buffer(2, '#');
  CHECK(f->read({}).value() == 0);
  CHECK(f->tell().value() == 0);
  for (const std::int64_t past : {std::int64_t{4}, std::numeric_limits<std::int64_t>::max()}) {
    f->seek(past).value();
    CHECK(f->read(buffer).value() == 0);
    CHECK(f->tell().value() == static_cast<std::uint64_t>(past));
  }
  CHECK(buffer == "##");
}

TEST_CASE("read: read_all goes from the cursor to the end", "[api][read]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  const auto f = fs->open("/a", open_mode::read).value();
  f->seek(2).value();
  CHECK(f->read_all().value() == "cdef");
  CHECK(f->tell().value() == 6);
  CHECK(f->read_all().value().empty());
  CHECK(f->tell().value() == 6);
  f->seek(100).value();
  CHECK(f->read_all().value().empty());
  CHECK(f->tell().value() == 100);
  f->seek(0).value();
  CHECK(f->read_all().value() == "abcdef");
}

TEST_CASE("read: read_at leaves the cursor", "[api][read]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  const auto f = fs->open("/a", open_mode::read).value();
  f->seek(1).value();
  std::string buffer(4, '#');
  CHECK(f->read_at(4, buffer).value() == 2);
  CHECK(buffer == "ef##");
  CHECK(f->read_at(0, buffer).value() == 4);
  CHECK(buffer == "abcd");
  CHECK(f->tell().value() == 1);
}

TEST_CASE("read: read_at at the end and behind it gives nothing", "[api][read]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::read).value();
  std::string buffer(2, '#');
  for (const std::uint64_t offset :
       {std::uint64_t{3}, std::uint64_t{4}, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    INFO(offset);
    CHECK(f->read_at(offset, buffer).value() == 0);
  }
  CHECK(f->read_at(1, {}).value() == 0);
  CHECK(buffer == "##");
}

TEST_CASE("read: an update handle reads what it wrote", "[api][read][write]") {
  const scenario fs;
  fs->write_file("/a", "").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->write("hello").value();
  CHECK(f->read_all().value().empty());
  f->seek(1).value();
  f->write("E").value();
  CHECK(f->read_all().value() == "llo");
  f->seek(0).value();
  CHECK(f->read_all().value() == "hEllo");
}

TEST_CASE("read: several handles have cursors of their own", "[api][read]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  const auto one = fs->open("/a", open_mode::read).value();
  const auto two = fs->open("/a", open_mode::read).value();
  CHECK(fs.stats().open_handles == 2);
  one->seek(3).value();
  CHECK(two->read_all().value() == "abcdef");
  CHECK(one->read_all().value() == "def");
}

}  // namespace coramfs::tests
