// SPDX-License-Identifier: BSL-1.0
// AB1 to AB3: views of a file that stay as they are.
#include "api/scenario.hpp"

#include <asio/buffer.hpp>

#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

static_assert(asio::is_const_buffer_sequence<pinned>::value);

std::string text_in(const pinned& p) {
  std::string all;
  for (const asio::const_buffer b : p) all.append(static_cast<const char*>(b.data()), b.size());
  return all;
}

std::string xs(std::size_t n) { return std::string(n, 'x'); }

}  // namespace

TEST_CASE("pin: it has the bytes that are there", "[api][pin]") {
  const scenario fs;
  fs.fill("/a", open_mode::write, "abcdef");
  const auto f = fs->open("/a", open_mode::read).value();
  CHECK(text_in(f->pin(0, 6).value()) == "abcdef");
  CHECK(text_in(f->pin(2, 3).value()) == "cde");
  CHECK(text_in(f->pin(4, 100).value()) == "ef");
  CHECK(f->pin(4, 100).value().size() == 2);
  for (const std::uint64_t offset : {std::uint64_t{6}, std::uint64_t{7}, ~std::uint64_t{0}}) {
    const pinned none = f->pin(offset, 10).value();
    CHECK(none.size() == 0);
    CHECK(none.begin() == none.end());
  }
  CHECK(f->pin(3, 0).value().size() == 0);
  CHECK(f->pin(1, ~std::size_t{0}).value().size() == 5);
  CHECK(f->tell().value() == 0);
}

TEST_CASE("pin: it needs a readable handle", "[api][pin][errors]") {
  const scenario fs;
  for (const open_mode mode : {open_mode::write, open_mode::append}) {
    const auto f = fs->open("/a", mode).value();
    CHECK(error_of(f->pin(0, 1)) == errc::not_readable);
    f->close().value();
    CHECK(error_of(f->pin(0, 1)) == errc::not_open);
  }
  CHECK(fs->open("/a", open_mode::update).value()->pin(0, 1).has_value());
}

TEST_CASE("pin: it stays as it is through writes, truncation, close and removal", "[api][pin]") {
  const scenario fs;
  const std::size_t size = GENERATE(5, 5000, 200'000, 1'000'000);
  fs.fill("/a", open_mode::write, xs(size));
  auto f = fs->open("/a", open_mode::update).value();
  const pinned p = f->pin(1, size).value();
  const pinned copy = p;
  CHECK(f->write(std::string(size, 'y')).value() == size);
  CHECK(text_in(p) == xs(size - 1));
  CHECK(f->truncate(2).value() == 2);
  CHECK(f->truncate(size).value() == size);
  f->close().value();
  fs->write_file("/a", "zzz").value();
  CHECK(fs->read_file("/a").value() == "zzz");
  CHECK(text_in(p) == xs(size - 1));
  fs->remove("/a").value();
  CHECK(text_in(copy) == xs(size - 1));
}

TEST_CASE("pin: it outlives the volume object, and may go on any thread", "[api][pin]") {
  pinned p;
  {
    const scenario fs;
    fs.fill("/a", open_mode::write, "content");
    p = fs->open("/a", open_mode::read).value()->pin(0, 7).value();
    if (fs.counting() == accounting::memory) {
      fs->remove("/a").value();
      CHECK(fs.used() > 0);
      const auto twin = fs.twin();
      p = pinned();
      CHECK(fs.used() == 0);
      twin->write_file("/a", "content").value();
      p = twin->open("/a", open_mode::read).value()->pin(0, 7).value();
      std::thread([held = std::exchange(p, pinned())] {
        CHECK(text_in(held) == "content");
      }).join();
    }
  }
  pinned last;
  {
    const auto fs = create_file_system(facade_kind::threads, {}).value();
    fs->write_file("/a", "content").value();
    last = fs->open("/a", open_mode::read).value()->pin(0, 7).value();
  }
  CHECK(text_in(last) == "content");
}

TEST_CASE("pin: it makes nothing busy", "[api][pin][busy]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs.fill("/d/a", open_mode::write, "content");
  const pinned p = fs->open("/d/a", open_mode::read).value()->pin(0, 7).value();
  CHECK(fs->rename("/d", "/e").has_value());
  CHECK(fs->open("/e/a", open_mode::write).has_value());
  CHECK(fs->remove_tree("/e").has_value());
  CHECK(text_in(p) == "content");
}

TEST_CASE("pin: a buffer that was moved in shows its own address", "[api][pin][write]") {
  const scenario fs(GENERATE(storage_layout::automatic, storage_layout::sequential));
  fs.fill("/a", open_mode::write, "head");
  const auto f = fs->open("/a", open_mode::update).value();
  bytes content(100'000, std::byte{'m'});
  const void* const address = content.data();
  f->seek(0, seek_from::end).value();
  CHECK(f->write(std::move(content)).value() == 100'000);
  CHECK(content.empty());
  const pinned p = f->pin(4, 100'000).value();
  REQUIRE(std::distance(p.begin(), p.end()) == 1);
  CHECK((*p.begin()).data() == address);
}

TEST_CASE("pin: it can be walked both ways", "[api][pin]") {
  const scenario fs;
  for (int i = 0; i < 5; ++i) fs.fill("/a", open_mode::append, xs(100'000));
  const pinned p = fs->open("/a", open_mode::read).value()->pin(50, 400'000).value();
  CHECK(asio::buffer_size(p) == p.size());
  std::size_t forth = 0, back = 0;
  for (auto i = p.begin(); i != p.end(); i++) forth += (*i).size();
  for (auto i = p.end(); i != p.begin();) back += (*--i).size();
  CHECK(forth == 400'000);
  CHECK(back == 400'000);
}

TEST_CASE("pin: payload counts no pins", "[api][pin][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs.fill("/a", open_mode::write, xs(600));
  auto f = fs->open("/a", open_mode::update).value();
  const pinned p = f->pin(0, 600).value();
  CHECK(f->write(std::string(600, 'y')).has_value());
  CHECK(fs.used() == 600);
  f->close().value();
  fs->remove("/a").value();
  CHECK(fs.used() == 0);
  fs.fill("/b", open_mode::write, xs(1000));
  CHECK(text_in(p) == xs(600));
}

TEST_CASE("pin: memory counts what is pinned until the last pin goes", "[api][pin][memory]") {
  const scenario fs(accounting::memory);
  fs.fill("/a", open_mode::write, xs(28'672));
  auto f = fs->open("/a", open_mode::update).value();
  const std::uint64_t once = fs.used();
  pinned p = f->pin(0, 28'672).value();
  CHECK(fs.used() == once);
  CHECK(f->write_at(7, "y").has_value());
  CHECK(fs.used() >= once + 28'672);
  f->close().value();
  const std::uint64_t twice = fs.used();
  fs->remove("/a").value();
  CHECK(fs.used() >= 28'672);
  CHECK(fs.used() < twice - 28'672);
  pinned copy = p;
  p = pinned();
  CHECK(fs.used() >= 28'672);
  copy = pinned();
  CHECK(fs.used() == 0);
}

TEST_CASE("pin: a write that would have to copy what is pinned may find no room",
          "[api][pin][memory][quota]") {
  const scenario fs(accounting::memory, {.max_quota = 70'000});
  fs.fill("/a", open_mode::write, xs(36'864));
  auto f = fs->open("/a", open_mode::update).value();
  {
    const pinned p = f->pin(0, 11).value();
    const auto refused = [&](auto operation) {
      const std::uint64_t used = fs.used();
      CHECK(error_of(operation()) == errc::quota_exceeded);
      CHECK(fs.used() == used);
      CHECK(f->tell().value() == 0);
      CHECK(f->size().value() == 36'864);
      CHECK(text_in(f->pin(0, 36'864).value()) == xs(36'864));
    };
    refused([&] { return f->write("y"); });
    refused([&] { return f->write_at(10, "y"); });
    CHECK(f->truncate(36'000).has_value());
    CHECK(f->truncate(36'864).has_value() == (fs.layout() == storage_layout::random_access));
    CHECK(text_in(p) == xs(11));
  }
  CHECK(f->write("y").has_value());
}

TEST_CASE("pin: a write on either side of what is pinned copies nothing", "[api][pin][memory]") {
  const scenario fs(accounting::memory);
  const auto f = fs->open("/a", open_mode::create_read, {.preallocate = 60'000}).value();
  const std::uint64_t used = fs.used();
  {
    const pinned p = f->pin(30'000, 10).value();
    CHECK(f->write_at(29'900, xs(100)).value() == 100);
    CHECK(f->write_at(30'010, xs(100)).value() == 100);
    CHECK(f->write_at(0, "x").value() == 1);
    CHECK(fs.used() == used);
    CHECK(f->write_at(29'999, "yy").value() == 2);
    CHECK(fs.used() > used);
    std::string seen(10, '-');
    CHECK(asio::buffer_copy(asio::buffer(seen), p) == 10);
    CHECK(seen == std::string(10, '\0'));
  }
  std::string seen(4, '-');
  CHECK(f->read_at(29'998, seen).value() == 4);
  CHECK(seen == std::string("xyy\0", 4));
}

TEST_CASE("pin: a file that is replaced leaves what is pinned to its pins", "[api][pin][memory]") {
  const scenario fs;
  const std::string old = xs(20'000);
  fs->write_file("/a", old).value();
  fs->write_file("/b", "b").value();
  const pinned p = fs->open("/a", open_mode::read).value()->pin(0, 20'000).value();
  SECTION("by a rename") { fs->rename("/b", "/a", if_exists::replace).value(); }
  SECTION("by a copy") { fs->copy("/b", "/a", if_exists::replace).value(); }
  SECTION("by an import") { fs->import_tree({{"/a", bytes(1, std::byte{'b'})}}).value(); }
  SECTION("by an open") { fs.fill("/a", open_mode::write, "b"); }
  CHECK(fs->read_file("/a").value() == "b");
  CHECK(text_in(p) == old);
  if (fs.counting() == accounting::memory) CHECK(fs.used() > 20'000);
}

TEST_CASE("pin: the figures of the volume count those that are held", "[api][pin][stats]") {
  const scenario fs;
  fs.fill("/a", open_mode::write, "abcdef");
  CHECK(fs.stats().pins == 0);
  auto f = fs->open("/a", open_mode::read).value();
  CHECK(f->pin(6, 1).value().size() == 0);
  std::vector<pinned> held{f->pin(0, 6).value()};
  held.push_back(held.front());
  CHECK(fs.stats().pins == 1);
  held.push_back(f->pin(1, 2).value());
  CHECK(fs.stats().pins == 2);
  CHECK(fs.stats().open_handles == 1);
  f->close().value();
  fs->remove("/a").value();
  CHECK(fs.stats().pins == 2);
  held.erase(held.begin());
  CHECK(fs.stats().pins == 2);
  held.clear();
  CHECK(fs.stats().pins == 0);
}

TEST_CASE("pin: its iterator tells which runs are of a hole", "[api][pin]") {
  const scenario fs(storage_layout::random_access);
  const auto f = fs->open("/a", open_mode::create_read).value();
  f->write_at(0, std::string(10, '\0')).value();
  f->write_at(1'000'000, "x").value();
  const pinned p = f->pin(0, 2'000'000).value();
  std::size_t in_holes = 0;
  for (auto run = p.begin(); run != p.end(); ++run)
    if (run.is_hole()) in_holes += (*run).size();
  CHECK(!p.begin().is_hole());
  CHECK(!std::prev(p.end()).is_hole());
  CHECK(in_holes > 800'000);
  CHECK(in_holes < 1'000'000);
}

}  // namespace coramfs::tests
