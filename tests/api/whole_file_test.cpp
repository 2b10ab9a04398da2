// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

namespace coramfs::tests {

TEST_CASE("read_file: it gives the whole content", "[api][whole_file]") {
  const scenario fs;
  for (const std::size_t size : {0u, 1u, 100u, 100'000u}) {
    INFO(size);
    fs->write_file("/a", std::string(size, 'x')).value();
    CHECK(fs->read_file("/a").value() == std::string(size, 'x'));
  }
}

TEST_CASE("read_file: beyond max_size it is refused, with both sizes", "[api][whole_file]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  CHECK(fs->read_file("/a", 6).value() == "abcdef");
  CHECK(fs->read_file("/a", 7).value() == "abcdef");
  for (const std::uint64_t max_size : {5u, 0u}) {
    const error e = fs.refusal([&] { return fs->read_file("/a", max_size); });
    CHECK(e == errc::too_large);
    CHECK(e.requested() == 6);
    CHECK(e.available() == max_size);
  }
  fs->write_file("/a", "").value();
  CHECK(fs->read_file("/a", 0).value().empty());
}

TEST_CASE("read_file: it needs a file", "[api][whole_file]") {
  const scenario fs;
  fs->create_directory("/d").value();
  CHECK(error_of(fs->read_file("/d")) == errc::is_a_directory);
  CHECK(error_of(fs->read_file("/")) == errc::is_a_directory);
  CHECK(error_of(fs->read_file("/x")) == errc::not_found);
}

TEST_CASE("write_file: it makes a file, or replaces the content of one", "[api][whole_file]") {
  const scenario fs;
  fs->create_directory("/d").value();
  for (const std::string_view content : {"abc", "longer than before", "", "x"}) {
    INFO(content);
    fs->write_file("/d/a", content).value();
    CHECK(fs->read_file("/d/a").value() == content);
    CHECK(fs->file_size("/d/a").value() == content.size());
    CHECK(fs.stats().file_count == 1);
  }
}

TEST_CASE("write_file: the parent must be a directory, the target none", "[api][whole_file]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/f", "").value();
  CHECK(fs.refusal([&] { return fs->write_file("/d", "x"); }) == errc::is_a_directory);
  CHECK(fs.refusal([&] { return fs->write_file("/", "x"); }) == errc::is_a_directory);
  CHECK(fs.refusal([&] { return fs->write_file("/x/a", "x"); }) == errc::not_found);
  CHECK(fs.refusal([&] { return fs->write_file("/f/a", "x"); }) == errc::not_a_directory);
}

TEST_CASE("write_file: what does not fit leaves the old content, or no file",
          "[api][whole_file][quota]") {
  const scenario fs({.max_quota = 4000});
  fs->write_file("/a", "abc").value();
  const std::string large(4001, 'x');
  CHECK(fs.refusal([&] { return fs->write_file("/a", large); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] { return fs->write_file("/b", large); }) == errc::quota_exceeded);
  CHECK(fs->read_file("/a").value() == "abc");
}

TEST_CASE("write_file: it is judged by what it costs beyond the old content",
          "[api][whole_file][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 100});
  fs->write_file("/a", std::string(60, 'a')).value();
  fs->write_file("/b", std::string(40, 'b')).value();
  CHECK(fs.refusal([&] { return fs->write_file("/a", std::string(62, 'x')); }).message() ==
        "quota exceeded: write_file \"/a\": requested 2 bytes, 0 available");
  fs->write_file("/a", std::string(60, 'x')).value();
  fs->write_file("/b", std::string(39, 'y')).value();
  CHECK(fs.used() == 99);
  CHECK(fs->read_file("/a").value() == std::string(60, 'x'));
}

TEST_CASE("write_file: rewriting passes in a volume that is full by memory",
          "[api][whole_file][quota]") {
  const scenario fs(accounting::memory, {.max_quota = 200'000});
  fs->write_file("/a", std::string(100'000, 'a')).value();
  fill_up(*fs, "/filler");
  const std::uint64_t used = fs.used();
  fs->write_file("/a", std::string(100'000, 'b')).value();
  CHECK(fs.used() == used);
  fs->write_file("/a", std::string(50'000, 'c')).value();
  CHECK(fs.used() < used);
  fs->write_file("/a", std::string(100'000, 'd')).value();
  CHECK(fs->read_file("/a").value() == std::string(100'000, 'd'));
}

}  // namespace coramfs::tests
