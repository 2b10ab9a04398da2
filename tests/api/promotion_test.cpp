// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

namespace coramfs::tests {

namespace {

std::string zeros(std::size_t n) { return std::string(n, '\0'); }

}  // namespace

TEST_CASE("promotion: a write that leaves a gap makes the file a table, content kept",
          "[api][layout][promotion]") {
  const scenario fs(storage_layout::automatic);
  fs->write_file("/a", "hello").value();
  CHECK(fs.stats().chunk_count == 1);
  const auto f = fs->open("/a", open_mode::update).value();
  CHECK(f->write_at(10, "world").value() == 5);
  CHECK(f->size().value() == 15);
  CHECK(fs.stats().chunk_count == 0);
  CHECK(f->read_all().value() == "hello" + zeros(5) + "world");
}

TEST_CASE("promotion: it lasts through truncate and write", "[api][layout][promotion]") {
  const scenario fs(storage_layout::automatic);
  fs->write_file("/a", "hello").value();
  fs->open("/a", open_mode::update).value()->write_at(10, "world").value();
  fs->open("/a", open_mode::update).value()->truncate(3).value();
  CHECK(fs.stats().chunk_count == 0);
  fs.fill("/a", open_mode::write, "new");
  CHECK(fs.stats().chunk_count == 0);
  fs->write_file("/a", "newer").value();
  CHECK(fs.stats().chunk_count == 0);
  CHECK(fs->read_file("/a").value() == "newer");
}

TEST_CASE("promotion: a file above the hard limit stays a chain, one as large turns",
          "[api][layout][promotion]") {
  const scenario fs(storage_layout::automatic, {.promotion_hard_limit = 3});
  fs->write_file("/large", "abcd").value();
  fs->write_file("/fits", "abc").value();
  const auto large = fs->open("/large", open_mode::update).value();
  CHECK(fs.refusal([&] { return large->write_at(9, "x"); }) == errc::not_supported);
  const auto fits = fs->open("/fits", open_mode::update).value();
  CHECK(fits->write_at(9, "x").value() == 1);
  CHECK(fits->read_all().value() == "abc" + zeros(6) + "x");
}

TEST_CASE("promotion: in payload it costs nothing", "[api][layout][promotion][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  if (fs.volume().options().default_storage != storage_layout::automatic) return;
  fs->write_file("/a", std::string(600, 'x')).value();
  const auto f = fs->open("/a", open_mode::update).value();
  CHECK(f->write_at(700, "y").value() == 1);
  CHECK(fs.used() == 701);
  CHECK(fs.refusal([&] { return f->write_at(1000, "y"); }) == errc::quota_exceeded);
}

TEST_CASE("promotion: refused, the file is a chain as before", "[api][layout][promotion][quota]") {
  const scenario fs(storage_layout::automatic, {.max_quota = 20'000});
  fs->write_file("/a", "hello").value();
  const auto f = fs->open("/a", open_mode::update).value();
  CHECK(fs.refusal([&] { return f->write_at(100, std::string(20'000, 'x')); }) ==
        errc::quota_exceeded);
  CHECK(fs.stats().chunk_count == 1);
  CHECK(f->read_all().value() == "hello");
}

}  // namespace coramfs::tests
