// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

#include <limits>

namespace coramfs::tests {

namespace {

constexpr auto last_position = std::numeric_limits<std::int64_t>::max();

}  // namespace

TEST_CASE("write: it stores the whole buffer at the cursor and moves it", "[api][write]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::create).value();
  CHECK(f->write("hello").value() == 5);
  CHECK(f->tell().value() == 5);
  CHECK(f->write(", world").value() == 7);
  CHECK(f->size().value() == 12);
  f->close().value();
  CHECK(fs->read_file("/a").value() == "hello, world");
}

TEST_CASE("write: across the end it overwrites and grows", "[api][write]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->seek(3).value();
  CHECK(f->write("XYZ12").value() == 5);
  CHECK(f->size().value() == 8);
  CHECK(f->tell().value() == 8);
  f->seek(0).value();
  CHECK(f->read_all().value() == "abcXYZ12");
}

TEST_CASE("write: write_at leaves the cursor", "[api][write]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->seek(2).value();
  CHECK(f->write_at(0, "XY").value() == 2);
  CHECK(f->write_at(5, "Z12").value() == 3);
  CHECK(f->write_at(8, "3").value() == 1);
  CHECK(f->tell().value() == 2);
  CHECK(f->size().value() == 9);
  CHECK(f->read_all().value() == "cdeZ123");
}

TEST_CASE("write: an empty one changes nothing, in any form at any cursor", "[api][write]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  for (const open_mode mode : {open_mode::update, open_mode::append}) {
    const auto f = fs->open("/a", mode).value();
    for (const std::int64_t cursor : {std::int64_t{0}, std::int64_t{7}, last_position}) {
      INFO(cursor);
      f->seek(cursor).value();
      const std::string before = fs.picture();
      CHECK(f->write("").value() == 0);
      CHECK(f->write(bytes()).value() == 0);
      CHECK(f->write_at(0, "").value() == 0);
      CHECK(f->write_at(9, "").value() == 0);
      CHECK(f->write_at(~std::uint64_t{0}, "").value() == 0);
      CHECK(fs.picture() == before);
      CHECK(f->tell().value() == static_cast<std::uint64_t>(cursor));
    }
  }
}

TEST_CASE("write: an empty one still fails on a closed or read-only handle", "[api][write]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::read).value();
  CHECK(error_of(f->write("")) == errc::not_writable);
  CHECK(error_of(f->write(bytes())) == errc::not_writable);
  CHECK(error_of(f->write_at(0, "")) == errc::not_writable);
  f->close().value();
  CHECK(error_of(f->write("")) == errc::not_open);
  CHECK(error_of(f->write(bytes())) == errc::not_open);
  CHECK(error_of(f->write_at(0, "")) == errc::not_open);
}

TEST_CASE("write: later changes of the caller's buffer do not show", "[api][write]") {
  const scenario fs;
  std::string buffer = "abc";
  const auto f = fs->open("/a", open_mode::create).value();
  f->write(buffer).value();
  f->write_at(3, buffer).value();
  buffer = "XYZ";
  f->close().value();
  CHECK(fs->read_file("/a").value() == "abcabc");
  fs->write_file("/b", buffer).value();
  buffer = "123";
  CHECK(fs->read_file("/b").value() == "XYZ");
}

TEST_CASE("write: a moved-in buffer is taken over", "[api][write]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::create).value();
  bytes content = bytes_of(std::string(5000, 'x'));
  CHECK(f->write(std::move(content)).value() == 5000);
  CHECK(content.empty());
  content = bytes_of("end");
  CHECK(f->write(std::move(content)).value() == 3);
  CHECK(content.empty());
  CHECK(f->tell().value() == 5003);
  f->close().value();
  CHECK(fs->read_file("/a").value() == std::string(5000, 'x') + "end");
}

TEST_CASE("write: a moved-in buffer overwrites too, across the end as well", "[api][write]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->seek(1).value();
  bytes content = bytes_of("XY");
  CHECK(f->write(std::move(content)).value() == 2);
  CHECK(content.empty());
  f->seek(5).value();
  content = bytes_of("123");
  CHECK(f->write(std::move(content)).value() == 3);
  f->seek(0).value();
  CHECK(f->read_all().value() == "aXYde123");
}

TEST_CASE("write: a refused moved-in buffer is untouched", "[api][write][quota]") {
  const scenario fs({.max_quota = 4000});
  const auto f = fs->open("/a", open_mode::create).value();
  f->write("abc").value();
  bytes content = bytes_of(std::string(4000, 'x'));
  const std::byte* const address = content.data();
  CHECK(fs.refusal([&] { return f->write(std::move(content)); }) == errc::quota_exceeded);
  CHECK(text_of(content) == std::string(4000, 'x'));
  // With a token it is the operation's, and the facade here puts a copy into its place.
  if (fs.facade() != facade_kind::tokens) CHECK(content.data() == address);
  CHECK(f->tell().value() == 3);
  f->close().value();
  CHECK(error_of(f->write(std::move(content))) == errc::not_open);
  CHECK(content.size() == 4000);
}

TEST_CASE("write: a refused one leaves content, size and cursor", "[api][write][quota]") {
  const scenario fs({.max_quota = 4000});
  fs->write_file("/a", "abcdef").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->seek(3).value();
  CHECK(fs.refusal([&] { return f->write(std::string(4000, 'x')); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] { return f->write_at(1, std::string(4000, 'x')); }) == errc::quota_exceeded);
  CHECK(f->tell().value() == 3);
  CHECK(f->read_all().value() == "def");
  f->seek(0).value();
  CHECK(f->read_all().value() == "abcdef");
}

TEST_CASE("write: no file grows beyond the largest position", "[api][write]") {
  const scenario fs({.max_quota = ~std::uint64_t{0}});
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::update).value();
  const auto last = static_cast<std::uint64_t>(last_position);
  f->seek(last_position).value();
  CHECK(fs.refusal([&] { return f->write("x"); }) == errc::too_large);
  CHECK(fs.refusal([&] { return f->write(bytes_of("x")); }) == errc::too_large);
  CHECK(f->tell().value() == last);
  f->seek(-1, seek_from::current).value();
  CHECK(fs.refusal([&] { return f->write("xy"); }) == errc::too_large);
  CHECK(fs.refusal([&] { return f->write_at(last, "x"); }) == errc::too_large);
  CHECK(fs.refusal([&] { return f->write_at(last + 1, "x"); }) == errc::too_large);
  CHECK(fs.refusal([&] { return f->write_at(~std::uint64_t{0}, "x"); }) == errc::too_large);
  CHECK(fs.refusal([&] { return f->truncate(last + 1); }) == errc::too_large);
}

TEST_CASE("write: no sum of an offset and a size is formed that could wrap", "[api][write]") {
  const scenario fs({.max_quota = GENERATE(~std::uint64_t{0}, std::uint64_t{1'000'000})});
  fs->write_file("/a", "0123456789").value();
  const auto f = fs->open("/a", open_mode::update).value();
  const char c = 'x';
  const auto claims = [&c](std::size_t size) { return std::string_view(&c, size); };
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  for (const std::uint64_t offset : {0, 1, 5, 9, 10}) {
    for (const std::size_t size : {most, most - 4, most - 10, most / 2 + 1}) {
      INFO(offset << ", " << size);
      CHECK(fs.refusal([&] { return f->write_at(offset, claims(size)); }) == errc::too_large);
      f->seek(static_cast<std::int64_t>(offset)).value();
      CHECK(fs.refusal([&] { return f->write(claims(size)); }) == errc::too_large);
      CHECK(fs.refusal([&] { return f->prepare(size); }) == errc::too_large);
    }
  }
  CHECK(fs.refusal([&] { return f->truncate(most); }) == errc::too_large);
  CHECK(f->pin(1, most).value().size() == 9);
  CHECK(f->pin(most, most).value().size() == 0);
  std::string buffer(3, '#');
  CHECK(f->read_at(most, buffer).value() == 0);
  CHECK(f->read_at(most - 1, buffer).value() == 0);
  f->seek(0).value();
  CHECK(f->read_all().value() == "0123456789");
}

TEST_CASE("write: content of any length comes back whole", "[api][write]") {
  const scenario fs;
  std::string expected;
  const auto f = fs->open("/a", open_mode::create).value();
  for (const std::size_t piece : {1u, 7u, 100u, 4095u, 4096u, 4097u, 60'000u, 3u, 131'072u, 1u}) {
    std::string text(piece, ' ');
    for (std::size_t i = 0; i < piece; ++i)
      text[i] = static_cast<char>('a' + (expected.size() + i * 7) % 26);
    CHECK(f->write(text).value() == piece);
    expected += text;
  }
  f->close().value();
  CHECK(fs->read_file("/a").value() == expected);
  const auto g = fs->open("/a", open_mode::read).value();
  for (std::size_t offset = 0; offset < expected.size(); offset += 9'973) {
    std::string piece(20'011, '#');
    piece.resize(g->read_at(offset, piece).value());
    CHECK(piece == expected.substr(offset, 20'011));
  }
}

}  // namespace coramfs::tests
