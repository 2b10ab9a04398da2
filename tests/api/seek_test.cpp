// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

#include <limits>

namespace coramfs::tests {

namespace {

constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
constexpr auto highest = std::numeric_limits<std::int64_t>::max();

}  // namespace

TEST_CASE("seek: positions count from the start, the cursor or the end", "[api][seek]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  const auto f = fs->open("/a", open_mode::read).value();
  const struct {
    std::int64_t offset;
    seek_from from;
    std::uint64_t position;
  } steps[] = {
      {4, seek_from::start, 4},     {-3, seek_from::current, 1},  {2, seek_from::current, 3},
      {0, seek_from::current, 3},   {-2, seek_from::end, 4},      {0, seek_from::end, 6},
      {-6, seek_from::end, 0},      {0, seek_from::start, 0},     {10, seek_from::end, 16},
      {100, seek_from::start, 100}, {-100, seek_from::current, 0}};
  for (const auto& step : steps) {
    INFO(step.offset);
    CHECK(f->seek(step.offset, step.from).value() == step.position);
    CHECK(f->tell().value() == step.position);
  }
}

TEST_CASE("seek: past the end no size changes, and reads there give nothing", "[api][seek]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::update).value();
  const std::string before = fs.picture();
  CHECK(f->seek(7).value() == 7);
  CHECK(f->seek(5, seek_from::end).value() == 8);
  CHECK(f->seek(highest).value() == static_cast<std::uint64_t>(highest));
  char buffer[2];
  CHECK(f->read(buffer).value() == 0);
  CHECK(f->read_all().value().empty());
  CHECK(fs.picture() == before);
}

TEST_CASE("seek: a position below zero or above the largest is refused, the cursor stays",
          "[api][seek]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::read).value();
  const struct {
    std::int64_t cursor, offset;
    seek_from from;
  } wrong[] = {{2, -1, seek_from::start},        {2, -3, seek_from::current},
               {2, -4, seek_from::end},          {2, lowest, seek_from::start},
               {2, lowest, seek_from::current},  {2, lowest, seek_from::end},
               {1, highest, seek_from::current}, {0, highest, seek_from::end},
               {highest, 1, seek_from::current}, {highest, highest, seek_from::current}};
  for (const auto& step : wrong) {
    INFO(step.cursor << ", " << step.offset << ", " << static_cast<int>(step.from));
    f->seek(step.cursor).value();
    CHECK(error_of(f->seek(step.offset, step.from)) == errc::invalid_argument);
    CHECK(f->tell().value() == static_cast<std::uint64_t>(step.cursor));
  }
  f->seek(0).value();
  CHECK(f->seek(highest, seek_from::current).value() == static_cast<std::uint64_t>(highest));
  CHECK(f->seek(-highest, seek_from::current).value() == 0);
}

TEST_CASE("seek: an origin outside its type is refused", "[api][seek]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::create).value();
  CHECK(error_of(f->seek(0, static_cast<seek_from>(3))) == errc::invalid_argument);
}

TEST_CASE("seek: the end is what the file has grown to", "[api][seek]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::create).value();
  f->write("abcdef").value();
  CHECK(f->seek(-1, seek_from::end).value() == 5);
  f->truncate(2).value();
  CHECK(f->seek(0, seek_from::end).value() == 2);
}

}  // namespace coramfs::tests
