// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

#include <random>

namespace coramfs::tests {

TEST_CASE("sequential: a write that would leave a gap is refused", "[api][layout]") {
  const scenario fs(storage_layout::sequential);
  fs->write_file("/a", "hello").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->seek(6).value();
  CHECK(fs.refusal([&] { return f->write("x"); }) == errc::not_supported);
  CHECK(fs.refusal([&] { return f->write(bytes_of("x")); }) == errc::not_supported);
  CHECK(fs.refusal([&] { return f->write_at(6, "x"); }) == errc::not_supported);
  CHECK(fs.refusal([&] { return f->write_at(1'000'000, "x"); }) == errc::not_supported);
  CHECK(f->tell().value() == 6);
  const auto g = fs->open("/empty", open_mode::create).value();
  CHECK(fs.refusal([&] { return g->write_at(1, "x"); }) == errc::not_supported);
}

TEST_CASE("sequential: appends and overwrites in place and across the end work", "[api][layout]") {
  const scenario fs(storage_layout::sequential);
  fs->write_file("/a", "").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->write("hello").value();
  f->write_at(5, " world").value();
  f->write_at(0, "J").value();
  f->write_at(9, "LD!!").value();
  CHECK(f->size().value() == 13);
  f->seek(0).value();
  CHECK(f->read_all().value() == "Jello worLD!!");
}

TEST_CASE("sequential: truncate works both ways, with zeros that are charged",
          "[api][layout][quota]") {
  const scenario fs(storage_layout::sequential, {.max_quota = 200'000});
  fs->write_file("/a", "hello").value();
  const auto f = fs->open("/a", open_mode::update).value();
  const std::uint64_t before = fs.used();
  CHECK(f->truncate(100'000).value() == 100'000);
  CHECK(fs.used() >= before + 99'995);
  CHECK(f->write_at(50'000, "inside").value() == 6);
  CHECK(f->truncate(5).value() == 5);
  CHECK(f->read_all().value() == "hello");
  f->close().value();
  CHECK(fs.used() == before);
}

TEST_CASE("table: it is written at any offset, and holes read as zeros", "[api][layout]") {
  const scenario fs(storage_layout::random_access);
  const auto zeros = [](std::size_t n) { return std::string(n, '\0'); };
  fs->write_file("/a", "").value();
  const auto f = fs->open("/a", open_mode::update).value();
  CHECK(f->write_at(10, "world").value() == 5);
  CHECK(f->size().value() == 15);
  CHECK(f->write_at(0, "hello").value() == 5);
  CHECK(f->size().value() == 15);
  CHECK(f->read_all().value() == "hello" + zeros(5) + "world");
  f->seek(500'000).value();
  CHECK(f->write("far").value() == 3);
  CHECK(f->tell().value() == 500'003);
  std::string buffer(8, '#');
  CHECK(f->read_at(499'995, buffer).value() == 8);
  CHECK(buffer == zeros(5) + "far");
  CHECK(f->read_at(200'000, buffer).value() == 8);
  CHECK(buffer == zeros(8));
  f->truncate(12).value();
  f->truncate(20).value();
  f->seek(0).value();
  CHECK(f->read_all().value() == "hello" + zeros(5) + "wo" + zeros(8));
}

TEST_CASE("automatic: a truncate that extends an empty file makes a table with a hole",
          "[api][layout][quota]") {
  const scenario fs(accounting::memory, storage_layout::automatic, {.max_quota = 100'000});
  fs->write_file("/a", "").value();
  const auto f = fs->open("/a", open_mode::update).value();
  const std::uint64_t before = fs.used();
  CHECK(f->truncate(1'000'000'000'000).value() == 1'000'000'000'000);
  CHECK(fs.used() == before);
  CHECK(f->write_at(999'999'999'999, "x").value() == 1);
  CHECK(f->write_at(5, "inside").value() == 6);
  CHECK(fs.stats().chunk_count == 0);
  std::string buffer(8, '#');
  CHECK(f->read_at(4, buffer).value() == 8);
  CHECK(buffer == std::string("\0inside\0", 8));
  // It stays one, also where it is empty again.
  f->truncate(0).value();
  CHECK(fs.used() == before);
  f->seek(0).value();
  CHECK(f->write("abc").value() == 3);
  CHECK(fs.stats().chunk_count == 0);
  // One that is not empty stays a chain, and gets zeros.
  fs->write_file("/b", "abc").value();
  const auto g = fs->open("/b", open_mode::update).value();
  CHECK(fs.refusal([&] { return g->truncate(1'000'000'000'000); }) == errc::quota_exceeded);
  CHECK(g->truncate(1000).value() == 1000);
  CHECK(fs.stats().chunk_count > 0);
}

TEST_CASE("automatic: a truncate of an empty file that is refused leaves it a chain",
          "[api][layout][quota]") {
  const scenario fs(accounting::payload, storage_layout::automatic, {.max_quota = 1000});
  fs->write_file("/a", "").value();
  const auto f = fs->open("/a", open_mode::update).value();
  CHECK(fs.refusal([&] { return f->truncate(1001); }) == errc::quota_exceeded);
  CHECK(f->write("abc").value() == 3);
  CHECK(fs.stats().chunk_count == 1);
}

TEST_CASE("table: in memory a hole takes no block, and filling it is charged",
          "[api][layout][quota]") {
  const scenario fs(accounting::memory, storage_layout::random_access, {.max_quota = 100'000});
  fs->write_file("/a", "").value();
  const auto f = fs->open("/a", open_mode::update).value();
  const std::uint64_t before = fs.used();
  CHECK(f->truncate(1'000'000'000'000).value() == 1'000'000'000'000);
  CHECK(fs.used() == before);
  CHECK(f->write_at(500'000'000'000, "inside").value() == 6);
  CHECK(fs.used() > before);
  CHECK(fs.refusal([&] { return f->write_at(7, std::string(100'000, 'x')); }) ==
        errc::quota_exceeded);
  std::string buffer(3, '#');
  CHECK(f->read_at(7, buffer).value() == 3);
  CHECK(buffer == std::string(3, '\0'));
  f->truncate(0).value();
  f->close().value();
  CHECK(fs.used() == before);
}

TEST_CASE("table: in payload its size counts, holes or not", "[api][layout][quota]") {
  const scenario fs(accounting::payload, storage_layout::random_access, {.max_quota = 1000});
  fs->write_file("/a", "").value();
  const auto f = fs->open("/a", open_mode::update).value();
  CHECK(f->write_at(599, "x").value() == 1);
  CHECK(fs.used() == 600);
  CHECK(fs.refusal([&] { return f->truncate(1001); }).message() ==
        "quota exceeded: truncate \"/a\": requested 401 bytes, 400 available");
  CHECK(f->truncate(1000).value() == 1000);
  CHECK(f->write_at(300, "filled").value() == 6);
  CHECK(fs.used() == 1000);
}

TEST_CASE("layout: what a chain can do leaves the same content everywhere", "[api][layout]") {
  const scenario fs;
  std::mt19937 random(12345);
  const auto below = [&random](std::size_t n) { return random() % n; };
  fs->write_file("/a", "").value();
  auto f = fs->open("/a", open_mode::update).value();
  std::string expected;
  for (int step = 0; step < 400; ++step) {
    const std::string text(1 + below(3'000), static_cast<char>('a' + step % 26));
    const std::size_t offset = below(expected.size() + 1);
    switch (below(6)) {
      case 0:
        f->truncate(offset).value();
        expected.resize(offset);
        break;
      case 1:
        f->truncate(expected.size() + below(5'000)).value();
        expected.resize(f->size().value());
        break;
      case 2:
        f->seek(0, seek_from::end).value();
        f->write(bytes_of(text)).value();
        expected += text;
        break;
      default:
        f->write_at(offset, text).value();
        if (expected.size() < offset + text.size()) expected.resize(offset + text.size());
        expected.replace(offset, text.size(), text);
    }
    if (step % 50 == 0) f = nullptr, f = fs->open("/a", open_mode::update).value();
    f->seek(0).value();
    REQUIRE(f->read_all().value() == expected);
  }
}

}  // namespace coramfs::tests
