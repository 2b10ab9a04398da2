// SPDX-License-Identifier: BSL-1.0
// The quota counted in payload, where every figure is exact.
#include "api/scenario.hpp"

#include <future>
#include <latch>

namespace coramfs::tests {

namespace {

std::string xs(std::size_t n) { return std::string(n, 'x'); }

}  // namespace

TEST_CASE("quota: used is the sum of all file sizes, nodes and names are free", "[api][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->create_directories("/a/b/c").value();
  fs->write_file("/a/" + xs(255), "").value();
  CHECK(fs.used() == 0);
  fs->write_file("/a/one", xs(100)).value();
  CHECK(fs.used() == 100);
  fs.fill("/a/b/two", open_mode::create, xs(50));
  CHECK(fs.used() == 150);
  fs.fill("/a/one", open_mode::append, xs(7));
  CHECK(fs.used() == 157);
  fs.fill("/a/b/two", open_mode::write, xs(20));
  CHECK(fs.used() == 127);
  fs->write_file("/a/one", xs(1)).value();
  CHECK(fs.used() == 21);
  fs->remove_tree("/a/b").value();
  CHECK(fs.used() == 1);
  CHECK(fs.stats().free_bytes == 999);
}

TEST_CASE("quota: while a handle is open, what it wrote counts", "[api][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  const auto f = fs->open("/a", open_mode::create).value();
  for (std::uint64_t written = 10; written <= 1000; written += 10) {
    f->write(xs(10)).value();
    CHECK(fs.used() == written);
  }
  CHECK(fs.stats().free_bytes == 0);
}

TEST_CASE("quota: a write past the limit is refused and leaves usage as it was", "[api][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  const auto f = fs->open("/a", open_mode::create).value();
  f->write(xs(600)).value();
  CHECK(fs.refusal([&] { return f->write(xs(401)); }).message() ==
        "quota exceeded: write \"/a\": requested 401 bytes, 400 available");
  CHECK(fs.refusal([&] { return f->write_at(500, xs(501)); }).message() ==
        "quota exceeded: write \"/a\": requested 401 bytes, 400 available");
  CHECK(fs.refusal([&] { return f->write(bytes_of(xs(401))); }).message() ==
        "quota exceeded: write \"/a\": requested 401 bytes, 400 available");
  CHECK(f->write(xs(400)).value() == 400);
  CHECK(fs.refusal([&] { return f->write("x"); }).message() ==
        "quota exceeded: write \"/a\": requested 1 bytes, 0 available");
}

TEST_CASE("quota: an exact fit passes in every way of growing, one byte more does not",
          "[api][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 100});
  const auto check_exact = [&](auto grow) {
    CHECK(error_of(grow(101)) == errc::quota_exceeded);
    CHECK(!error_of(grow(100)).code());
    CHECK(fs.used() == 100);
    fs->remove("/a").value();
  };
  check_exact([&](std::size_t n) { return fs->write_file("/a", xs(n)); });
  check_exact([&](std::size_t n) { return fs->open("/a", open_mode::write, {.preallocate = n}); });
  check_exact([&](std::size_t n) { return fs->open("/a", open_mode::write).value()->truncate(n); });
  check_exact(
      [&](std::size_t n) { return fs->open("/a", open_mode::write).value()->write(xs(n)); });
  check_exact([&](std::size_t n) {
    return fs->open("/a", open_mode::append).value()->write(bytes_of(xs(n)));
  });
  check_exact(
      [&](std::size_t n) { return fs->open("/a", open_mode::append).value()->write_at(0, xs(n)); });
}

TEST_CASE("quota: overwriting is free in a full volume", "[api][quota]") {
  const scenario fs({.max_quota = 100'000});
  fs->write_file("/a", xs(50'000)).value();
  fill_up(*fs, "/filler");
  const auto f = fs->open("/a", open_mode::update).value();
  const std::uint64_t used = fs.used();
  CHECK(f->write(std::string(50'000, 'y')).value() == 50'000);
  CHECK(f->write_at(777, "zzz").value() == 3);
  f->seek(10).value();
  CHECK(f->write(bytes_of("moved in")).value() == 8);
  CHECK(fs.used() == used);
}

TEST_CASE("quota: peak is the highest that was used", "[api][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", xs(700)).value();
  CHECK(fs.stats().peak_bytes == 700);
  fs->write_file("/a", xs(100)).value();
  CHECK(fs.stats().peak_bytes == 700);
  CHECK(error_of(fs->write_file("/b", xs(901))) == errc::quota_exceeded);
  CHECK(fs.stats().peak_bytes == 700);
  fs->write_file("/b", xs(800)).value();
  CHECK(fs.stats().peak_bytes == 900);
  fs->remove("/b").value();
  CHECK(fs.stats().peak_bytes == 900);
}

TEST_CASE("quota: removal gives back exactly what was charged", "[api][quota]") {
  const scenario fs({.max_quota = 1'000'000});
  fs->create_directory("/d").value();
  const std::uint64_t start = fs.used();
  for (const std::size_t size : {0u, 1u, 1000u, 100'000u}) {
    INFO(size);
    fs->write_file("/d/a", xs(size)).value();
    fs->remove("/d/a").value();
    CHECK(fs.used() == start);
    fs.fill("/d/a", open_mode::create, xs(size));
    fs->remove("/d/a").value();
    CHECK(fs.used() == start);
    fs->create_directories("/d/e/f").value();
    fs->write_file("/d/e/f/a", xs(size)).value();
    fs->write_file("/d/e/b", xs(size)).value();
    fs->remove_tree("/d/e").value();
    CHECK(fs.used() == start);
  }
}

TEST_CASE("quota: what is handed to the caller is not charged", "[api][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", xs(1000)).value();
  CHECK(fs->read_file("/a").value().size() == 1000);
  CHECK(fs->open("/a", open_mode::read).value()->read_all().value().size() == 1000);
  CHECK(fs.stats().peak_bytes == 1000);
}

TEST_CASE("quota: of fifteen threads that each take a tenth of it, ten succeed",
          "[api][quota][threads]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  constexpr int takers = 15;
  for (int round = 0; round < 10; ++round) {
    std::latch start(takers);
    std::vector<std::future<error>> all;
    for (int i = 0; i < takers; ++i) {
      all.push_back(std::async(std::launch::async, [&, i, own = i % 2 ? fs.twin() : fs.other()] {
        start.arrive_and_wait();
        return error_of(own->write_file("/" + std::to_string(i), xs(100)));
      }));
    }
    int succeeded = 0;
    for (auto& one : all) {
      const error e = one.get();
      if (e.code()) CHECK(e == errc::quota_exceeded);
      succeeded += !e.code();
    }
    CHECK(succeeded == 10);
    CHECK(fs.used() == 1000);
    CHECK(fs.stats().peak_bytes == 1000);
    const auto names = fs->list("/").value();
    CHECK(names.size() == 10);
    for (const std::string& name : names) fs->remove(name).value();
  }
}

}  // namespace coramfs::tests
