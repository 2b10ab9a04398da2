// SPDX-License-Identifier: BSL-1.0
// Where the holes of a file are, what makes them, and what is charged for the rest.
#include "api/scenario.hpp"

#include "support/dice.hpp"

#include <asio/buffer.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr std::uint64_t block = 64 * 1024;
constexpr std::uint64_t to_the_end = std::numeric_limits<std::uint64_t>::max();

using range = std::pair<std::uint64_t, std::uint64_t>;
using ranges = std::vector<range>;

/// The runs of bytes that were stored, as a reader finds them who skips holes.
ranges data_of(const any_file& f) {
  ranges all;
  const std::uint64_t size = f.size().value();
  for (std::uint64_t at = f.next_data(0).value(); at < size;) {
    const std::uint64_t end = f.next_hole(at).value();
    all.emplace_back(at, end);
    at = f.next_data(end).value();
  }
  return all;
}

/// The same, as a pin shows them.
ranges pinned_data(any_file& f) {
  ranges all;
  const pinned all_of_it = f.pin(0, f.size().value()).value();
  std::uint64_t at = 0;
  for (auto i = all_of_it.begin(); i != all_of_it.end(); ++i) {
    const std::uint64_t end = at + asio::const_buffer(*i).size();
    if (!i.is_hole()) {
      if (!all.empty() && all.back().second == at) {
        all.back().second = end;
      } else {
        all.emplace_back(at, end);
      }
    }
    at = end;
  }
  return all;
}

std::string content_of(any_file& f) {
  std::string all(f.size().value(), '?');
  f.read_at(0, all).value();
  return all;
}

std::string text_of_pin(const pinned& pin) {
  std::string all;
  for (const asio::const_buffer b : pin) all.append(static_cast<const char*>(b.data()), b.size());
  return all;
}

/// A file without a hole, in any layout that can have some.
std::unique_ptr<any_file> dense_table(const scenario& fs, std::uint64_t size) {
  auto f = fs->open("/f", open_mode::write_read).value();
  if (fs.layout() == storage_layout::automatic) f->truncate(size).value();
  f->write_at(0, std::string(size, 'x')).value();
  return f;
}

}  // namespace

TEST_CASE("holes: a file without any is data to its end", "[api][holes]") {
  const scenario fs;
  const auto f = fs->open("/f", open_mode::write_read).value();
  CHECK(f->next_data(0).value() == 0);
  CHECK(f->next_hole(0).value() == 0);
  f->write("content").value();
  CHECK(f->next_data(0).value() == 0);
  CHECK(f->next_data(3).value() == 3);
  CHECK(f->next_hole(0).value() == 7);
  CHECK(f->next_hole(6).value() == 7);
  for (const std::uint64_t behind : {std::uint64_t{7}, std::uint64_t{8}, to_the_end}) {
    CHECK(f->next_data(behind).value() == 7);
    CHECK(f->next_hole(behind).value() == 7);
  }
  f->close().value();
  CHECK(error_of(f->next_data(0)) == errc::not_open);
  CHECK(error_of(f->next_hole(0)) == errc::not_open);
}

TEST_CASE("holes: what was never stored is one", "[api][holes]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::random_access);
  const scenario fs(layout);
  const auto f = fs->open("/f", open_mode::write_read).value();
  f->truncate(10 * block).value();
  CHECK(data_of(*f).empty());
  CHECK(f->next_data(0).value() == 10 * block);
  CHECK(f->next_hole(0).value() == 0);
  f->write_at(3 * block, "abc").value();
  f->write_at(5 * block - 2, "abcd").value();
  f->write_at(10 * block - 1, "z").value();
  // A block has what is behind its last stored byte as a hole, and zeros in front of the first.
  CHECK(data_of(*f) ==
        ranges{{3 * block, 3 * block + 3}, {4 * block, 5 * block + 2}, {9 * block, 10 * block}});
  CHECK(data_of(*f) == pinned_data(*f));
  // A gap that a write leaves.
  f->write_at(20 * block + 5, "end").value();
  CHECK(data_of(*f).back() == range{20 * block, 20 * block + 8});
}

TEST_CASE("holes: a hole is punched in a table, and gives its blocks back", "[api][holes]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::random_access);
  const scenario fs(layout);
  const auto f = dense_table(fs, 10 * block);
  const std::uint64_t before = fs.used();
  const file_status old = fs->stat("/f").value();
  f->seek(17).value();
  f->punch_hole(2 * block - 100, 5 * block + 200).value();
  std::string expected(10 * block, 'x');
  std::fill_n(expected.begin() + 2 * block - 100, 5 * block + 200, '\0');
  CHECK(content_of(*f) == expected);
  CHECK(data_of(*f) == ranges{{0, 2 * block - 100}, {7 * block, 10 * block}});
  CHECK(data_of(*f) == pinned_data(*f));
  CHECK(f->size().value() == 10 * block);
  CHECK(f->tell().value() == 17);
  const file_status now = fs->stat("/f").value();
  CHECK(now.generation == old.generation + 1);
  CHECK(now.size == old.size);
  if (fs.counting() == accounting::memory) {
    CHECK(fs.used() <= before - 5 * block);
    CHECK(now.allocated <= old.allocated - 5 * block);
  } else {
    CHECK(fs.used() == before);
  }
  // It is filled again as any hole.
  f->write_at(3 * block, std::string(block, 'y')).value();
  std::fill_n(expected.begin() + 3 * block, block, 'y');
  CHECK(content_of(*f) == expected);
}

TEST_CASE("holes: a hole ends with the file, and behind it there is none to punch",
          "[api][holes]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::random_access);
  const scenario fs(layout);
  const auto f = dense_table(fs, 3 * block + 5);
  const std::uint64_t generation = fs->stat("/f").value().generation;
  f->punch_hole(3 * block + 5, 1).value();
  f->punch_hole(to_the_end, to_the_end).value();
  f->punch_hole(0, 0).value();
  CHECK(fs->stat("/f").value().generation == generation);
  f->punch_hole(3 * block, to_the_end).value();
  CHECK(f->size().value() == 3 * block + 5);
  CHECK(data_of(*f) == ranges{{0, 3 * block}});
  f->punch_hole(0, to_the_end).value();
  CHECK(data_of(*f).empty());
  CHECK(content_of(*f) == std::string(3 * block + 5, '\0'));
  f->close().value();
  // Not a byte stays of the content.
  CHECK(fs->stat("/f").value().allocated ==
        (fs.counting() == accounting::memory ? 0 : 3 * block + 5));
}

TEST_CASE("holes: a chain has none", "[api][holes][errors]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential);
  const scenario fs(layout);
  fs->write_file("/f", std::string(3 * block, 'x')).value();
  const auto f = fs->open("/f", open_mode::update).value();
  const std::uint64_t used = fs.used();
  CHECK(error_of(f->punch_hole(0, block)) == errc::not_supported);
  CHECK(f->punch_hole(3 * block, block).has_value());
  CHECK(fs.used() == used);
  CHECK(content_of(*fs->open("/other", open_mode::write_read).value()).empty());
  CHECK(fs->stat("/f").value().generation == 1);
}

TEST_CASE("holes: who may not write punches none", "[api][holes][errors]") {
  const scenario fs(storage_layout::random_access);
  fs->write_file("/f", "abc").value();
  const auto f = fs->open("/f", open_mode::read).value();
  CHECK(error_of(f->punch_hole(0, 1)) == errc::not_writable);
  f->close().value();
  CHECK(error_of(f->punch_hole(0, 1)) == errc::not_open);
}

TEST_CASE("holes: a pin keeps its bytes, and their charge", "[api][holes][pin]") {
  const scenario fs(storage_layout::random_access);
  const std::string content(4 * block, 'x');
  const auto f = dense_table(fs, 4 * block);
  const std::uint64_t before = fs.used();
  std::optional<pinned> pin = f->pin(0, 4 * block).value();
  f->punch_hole(block, 2 * block).value();
  CHECK(text_of_pin(*pin) == content);
  if (fs.counting() == accounting::memory) CHECK(fs.used() == before);
  CHECK(data_of(*f) == ranges{{0, block}, {3 * block, 4 * block}});
  pin.reset();
  if (fs.counting() == accounting::memory) CHECK(fs.used() <= before - 2 * block);
}

TEST_CASE("holes: a block that is pinned and only touched is copied, or nothing is done",
          "[api][holes][pin][quota]") {
  const scenario fs(accounting::memory, storage_layout::random_access, {.max_quota = 8 * block});
  const auto f = dense_table(fs, 4 * block);
  std::string expected(4 * block, 'x');
  const pinned pin = f->pin(0, 4 * block).value();
  SECTION("with room for the copies") {
    const std::uint64_t before = fs.used();
    f->punch_hole(100, 3 * block).value();
    std::fill_n(expected.begin() + 100, 3 * block, '\0');
    CHECK(content_of(*f) == expected);
    // In the first block nothing stays behind the hole, so there it is enough to say that less was
    // stored.
    CHECK(fs.used() >= before + block);
    CHECK(fs.used() < before + 2 * block);
  }
  SECTION("without") {
    fill_up(*fs, "/filler");
    const std::uint64_t before = fs.used();
    const std::uint64_t generation = fs->stat("/f").value().generation;
    CHECK(error_of(f->punch_hole(100, 3 * block)) == errc::quota_exceeded);
    CHECK(content_of(*f) == expected);
    CHECK(fs.used() == before);
    CHECK(fs->stat("/f").value().generation == generation);
    // Whole blocks need no copy.
    f->punch_hole(block, 2 * block).value();
    CHECK(fs.used() == before);
  }
  CHECK(text_of_pin(pin) == std::string(4 * block, 'x'));
}

TEST_CASE("holes: what is prepared is given back, and a reserve holds", "[api][holes][reserve]") {
  const scenario fs(accounting::memory, storage_layout::random_access, {.max_quota = 12 * block});
  const auto f = dense_table(fs, 4 * block);
  f->prepare(100).value();
  f->punch_hole(0, 10).value();
  CHECK(error_of(f->commit(100)) == errc::invalid_argument);
  f->reserve(6 * block).value();
  fill_up(*fs, "/filler");
  f->punch_hole(block, 2 * block).value();
  // What the hole has freed is still paid for ahead.
  CHECK(f->write_at(0, std::string(6 * block, 'y')).value() == 6 * block);
}

TEST_CASE("holes: at random, the content is what it should be", "[api][holes]") {
  const scenario fs(storage_layout::random_access);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    dice d(seed);
    const auto f = fs->open("/f" + std::to_string(seed), open_mode::write_read).value();
    std::string expected;
    std::optional<pinned> pin;
    std::string expected_pin;
    for (int i = 0; i < 60; ++i) {
      const std::uint64_t offset = d.below(8 * block),
                          size = d.below(d.one_in(2) ? 100 : 3 * block);
      if (d.one_in(2)) {
        const std::string text(size, static_cast<char>('a' + i % 26));
        f->write_at(offset, text).value();
        if (size > 0) {
          expected.resize(std::max<std::size_t>(expected.size(), offset + size));
          expected.replace(offset, size, text);
        }
      } else {
        f->punch_hole(offset, size).value();
        if (offset < expected.size()) {
          const std::size_t count = std::min<std::size_t>(size, expected.size() - offset);
          expected.replace(offset, count, std::string(count, '\0'));
        }
      }
      REQUIRE(content_of(*f) == expected);
      if (pin) REQUIRE(text_of_pin(*pin) == expected_pin);
      if (d.one_in(5)) {
        pin = f->pin(0, 8 * block).value();
        expected_pin = expected.substr(0, 8 * block);
      }
      if (d.one_in(8)) pin.reset();
      if (!expected.empty()) REQUIRE(data_of(*f) == pinned_data(*f));
    }
  }
  fs.expect_slices();
}

TEST_CASE("allocated: it is what the content is charged", "[api][holes][stat]") {
  const scenario fs;
  const std::uint64_t empty = [&] {
    fs->write_file("/f", "").value();
    return fs.used();
  }();
  const auto allocated = [&] { return fs->stat("/f").value().allocated; };
  CHECK(allocated() == 0);
  for (const std::size_t size : {1, 1000, 70'000, 3'000'000}) {
    fs->write_file("/f", std::string(size, 'x')).value();
    CHECK(allocated() == fs.used() - empty);
    fs.fill("/f", open_mode::append, "more");
    CHECK(allocated() == fs.used() - empty);
    CHECK(fs->list_entries("/").value().front().status.allocated == allocated());
  }
  fs->open("/f", open_mode::update).value()->truncate(10).value();
  CHECK(allocated() == fs.used() - empty);
  fs.expect_slices();
}

TEST_CASE("allocated: a writer that closes while a reader has pins leaves it as it was",
          "[api][holes][stat][pin]") {
  const scenario fs;
  fs->write_file("/f", std::string(1'000'000, 'x')).value();
  const auto allocated = [&] { return fs->stat("/f").value().allocated; };
  const auto before = allocated();
  CHECK(before >= 1'000'000);
  {
    const auto pins = fs->open("/f", open_mode::read).value()->pin(0, 1'000'000).value();
    fs->open("/f", open_mode::update).value()->close().value();
    CHECK(allocated() == before);
  }
  CHECK(allocated() == before);
}

TEST_CASE("allocated: of a directory it is its table", "[api][holes][stat]") {
  const scenario fs;
  fs->create_directory("/d").value();
  CHECK(fs->stat("/d").value().allocated == 0);
  for (int i = 0; i < 100; ++i) fs->create_directory("/d/" + std::to_string(i)).value();
  CHECK((fs->stat("/d").value().allocated > 0) == (fs.counting() == accounting::memory));
}

}  // namespace coramfs::tests
