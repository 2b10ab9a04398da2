// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

namespace coramfs::tests {

namespace {

std::string zeros(std::size_t n) { return std::string(n, '\0'); }

}  // namespace

TEST_CASE("truncate: shorter cuts the file and pulls the cursor back", "[api][truncate]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->seek(5).value();
  CHECK(f->truncate(3).value() == 3);
  CHECK(f->tell().value() == 3);
  CHECK(f->size().value() == 3);
  f->seek(1).value();
  CHECK(f->truncate(2).value() == 2);
  CHECK(f->tell().value() == 1);
  CHECK(f->read_all().value() == "b");
}

TEST_CASE("truncate: longer fills with zeros and leaves the cursor", "[api][truncate]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->seek(1).value();
  CHECK(f->truncate(6).value() == 6);
  CHECK(f->tell().value() == 1);
  CHECK(f->read_all().value() == "bc" + zeros(3));
  f->close().value();
  CHECK(fs->file_size("/a").value() == 6);
}

TEST_CASE("truncate: without a size it is at the cursor", "[api][truncate]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->seek(4).value();
  CHECK(f->truncate().value() == 4);
  CHECK(f->tell().value() == 4);
  f->seek(7).value();
  CHECK(f->truncate().value() == 7);
  CHECK(f->tell().value() == 7);
  f->close().value();
  CHECK(fs->read_file("/a").value() == "abcd" + zeros(3));
}

TEST_CASE("truncate: to the same size nothing changes", "[api][truncate]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->seek(2).value();
  const std::string before = fs.picture();
  CHECK(f->truncate(3).value() == 3);
  CHECK(fs.picture() == before);
  CHECK(f->tell().value() == 2);
}

TEST_CASE("truncate: only cutting moves a cursor beyond the end", "[api][truncate]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->seek(9).value();
  CHECK(f->truncate(3).value() == 3);
  CHECK(f->tell().value() == 9);
  CHECK(f->truncate(5).value() == 5);
  CHECK(f->tell().value() == 9);
  CHECK(f->truncate(4).value() == 4);
  CHECK(f->tell().value() == 4);
}

TEST_CASE("truncate: what was cut off does not come back when the file grows again",
          "[api][truncate]") {
  const scenario fs;
  fs->write_file("/a", std::string(10'000, 'x')).value();
  const auto f = fs->open("/a", open_mode::update).value();
  for (const std::uint64_t cut : {9'999u, 5'000u, 4'096u, 100u, 1u, 0u}) {
    INFO(cut);
    f->truncate(cut).value();
    f->truncate(10'000).value();
    f->seek(0).value();
    CHECK(f->read_all().value() == std::string(cut, 'x') + zeros(10'000 - cut));
  }
  f->truncate(3).value();
  CHECK(f->write_at(3, "y").value() == 1);
  f->truncate(6).value();
  f->seek(0).value();
  CHECK(f->read_all().value() == zeros(3) + "y" + zeros(2));
}

TEST_CASE("truncate: growth is refused before anything is allocated", "[api][truncate][quota]") {
  const scenario fs(storage_layout::sequential, {.max_quota = 4000});
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::update).value();
  for (const std::uint64_t n : {4001ull, 1'000'000'000'000ull, (1ull << 63) - 1}) {
    INFO(n);
    CHECK(fs.refusal([&] { return f->truncate(n); }) == errc::quota_exceeded);
  }
  CHECK(f->read_all().value() == "abc");
}

TEST_CASE("truncate: in payload a growth is charged by its zeros", "[api][truncate][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::update).value();
  CHECK(fs.refusal([&] { return f->truncate(1001); }).message() ==
        "quota exceeded: truncate \"/a\": requested 998 bytes, 997 available");
  CHECK(f->truncate(1000).value() == 1000);
  CHECK(fs.used() == 1000);
  CHECK(f->truncate(400).value() == 400);
  CHECK(fs.used() == 400);
}

TEST_CASE("truncate: shrinking works in a full volume, and gives back what it frees",
          "[api][truncate][quota]") {
  const scenario fs({.max_quota = 300'000});
  fs->write_file("/a", "").value();
  auto f = fs->open("/a", open_mode::update).value();
  const std::uint64_t empty = fs.used();
  while (f->write(std::string(997, 'x'))) {
  }
  for (std::uint64_t size = f->size().value() / 2; size > 10'000; size /= 2) {
    CHECK(f->truncate(size).value() == size);
    f->close().value();
    CHECK(fs.used() - empty >= size);
    // Of the last block of a table a page may be used in part.
    const std::uint64_t page = fs.layout() == storage_layout::random_access ? 4096 : 0;
    CHECK(fs.used() - empty <= size + size / 20 + 100 + page);
    f = fs->open("/a", open_mode::update).value();
  }
  f->truncate(0).value();
  CHECK(fs.used() == empty);
}

}  // namespace coramfs::tests
