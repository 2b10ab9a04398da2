// SPDX-License-Identifier: BSL-1.0
#include "api/sharing_facade.hpp"

#include <coramfs/sync/file_system.hpp>
#include <coramfs/testing/fault_policy.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr auto shared = copy_options::content::share;

/// A volume in each way to call it, each layout and each accounting.
struct setting {
  explicit setting(volume_options o = {}) {
    o.default_storage = GENERATE(storage_layout::automatic, storage_layout::sequential,
                                 storage_layout::random_access);
    o.accounting = GENERATE(accounting::memory, accounting::payload);
    layout = o.default_storage;
    counting = o.accounting;
    v = volume::create(o).value();
    fs.emplace(*v);
    by = make_sharing_facade(GENERATE(way::coroutines, way::tokens, way::threads), *v);
  }

  std::uint64_t used() const { return v->stats().used_bytes; }
  std::uint64_t held() const { return v->stats().held_bytes; }
  void write(std::string_view path, std::string_view bytes) {
    fs->write_file(path, asio::buffer(bytes.data(), bytes.size())).value();
  }
  result<void> try_overwrite(std::string_view path, std::uint64_t at, std::string_view bytes) {
    auto f = fs->open(path, open_mode::update).value();
    BOOST_OUTCOME_TRY(f.write_at(at, asio::buffer(bytes.data(), bytes.size())));
    return f.close();
  }
  void overwrite(std::string_view path, std::uint64_t at, std::string_view bytes) {
    try_overwrite(path, at, bytes).value();
  }
  void append(std::string_view path, std::string_view bytes) {
    auto f = fs->open(path, open_mode::append).value();
    f.write(asio::buffer(bytes.data(), bytes.size())).value();
    f.close().value();
  }
  std::string read(std::string_view path) { return fs->read_text(path).value(); }

  storage_layout layout;
  accounting counting;
  std::optional<volume> v;
  std::optional<sync::file_system> fs;
  std::unique_ptr<sharing_facade> by;
};

std::string text(std::size_t size, char c = 'a') { return std::string(size, c); }

}  // namespace

TEST_CASE("share: a copy shows what the source did, and neither shows what is written to the other",
          "[sharing]") {
  setting s;
  const std::size_t size = GENERATE(0, 1, 3000, 100'000, 3'000'000);
  s.write("/a", text(size));
  s.by->copy("/a", "/b", shared).value();
  CHECK(s.read("/b") == text(size));
  const file_status status = s.fs->stat("/b").value();
  CHECK(status.size == size);
  CHECK(status.generation == (size > 0 ? 1u : 0u));
  CHECK(status.id != s.fs->stat("/a").value().id);
  s.append("/a", "in a");
  s.append("/b", "in b");
  CHECK(s.read("/a") == text(size) + "in a");
  CHECK(s.read("/b") == text(size) + "in b");
  if (size < 3000) return;
  s.overwrite("/a", size / 2, "AAA");
  s.overwrite("/b", size / 3, "BBB");
  std::string a = text(size) + "in a", b = text(size) + "in b";
  a.replace(size / 2, 3, "AAA");
  b.replace(size / 3, 3, "BBB");
  CHECK(s.read("/a") == a);
  CHECK(s.read("/b") == b);
  s.fs->remove("/a").value();
  CHECK(s.read("/b") == b);
  s.fs->remove("/b").value();
  CHECK(s.used() == 0);
  CHECK(s.held() == 0);
}

TEST_CASE("share: it takes no byte of content, and is charged its size where sizes count",
          "[sharing][charges]") {
  setting s;
  s.write("/a", text(1'000'000));
  const std::uint64_t used = s.used();
  s.fs->create_directory("/d").value();
  s.write("/d/empty", "");
  const std::uint64_t node = s.used() - used;
  s.fs->remove("/d/empty").value();
  s.fs->remove_directory("/d").value();
  s.by->copy("/a", "/b", shared).value();
  if (s.counting == accounting::payload) {
    CHECK(s.used() == 2 * used);
  } else {
    CHECK(s.used() - used < node + 17 * 80 + 1000);
    CHECK(s.fs->stat("/b").value().allocated < 3000);
  }
  s.fs->remove("/a").value();
  CHECK(s.held() == 0);
  CHECK(s.used() >= 1'000'000);
  s.fs->remove("/b").value();
  CHECK(s.used() == 0);
}

TEST_CASE("share: behind what is shared a file reads zeros, whatever others have appended there",
          "[sharing]") {
  setting s;
  const std::size_t size = GENERATE(10, 5000, 70'000);
  s.write("/a", text(size));
  s.by->copy("/a", "/b", shared).value();
  s.by->copy("/b", "/c", shared).value();
  s.append("/a", text(100, 'x'));
  for (const char* path : {"/b", "/c"}) {
    auto f = s.fs->open(path, open_mode::update).value();
    f.truncate(size / 2).value();
    f.truncate(size + 200).value();
    f.close().value();
    CHECK(s.read(path) == text(size / 2) + std::string(size + 200 - size / 2, '\0'));
  }
  CHECK(s.read("/a") == text(size) + text(100, 'x'));
}

TEST_CASE("share: the owner of a shared tail appends behind it without a copy",
          "[sharing][charges]") {
  setting s;
  if (s.counting == accounting::payload) return;
  // A whole number of pages and some bytes, so that there is room behind them in their block.
  const std::string half = text(s.layout == storage_layout::random_access ? 40'000 : 300'001);
  s.write("/a", half);
  const std::uint64_t alone = s.used();
  s.append("/a", "12345");
  const std::uint64_t grown = s.used() - alone;
  s.by->copy("/a", "/b", shared).value();
  const std::uint64_t used = s.used();
  s.append("/a", "67890");
  CHECK(s.used() - used <= grown + 49);
  s.append("/b", "bbbbb");
  CHECK(s.read("/a") == half + "1234567890");
  CHECK(s.read("/b") == half + "12345bbbbb");
  // Of a chain the tail stays where it is, too; of a table it is copied once.
  CHECK(s.used() - used < 70'000);
}

TEST_CASE("share: the first write to a shared block copies it, and needs room for that",
          "[sharing][quota]") {
  volume_options o;
  o.max_quota = 400'000;
  setting s(o);
  if (s.counting == accounting::payload) return;
  s.write("/a", text(60'000));
  s.by->copy("/a", "/b", shared).value();
  const std::uint64_t before = s.used();
  s.overwrite("/b", 100, "b");
  CHECK(s.used() > before + 57'000);
  s.overwrite("/b", 200, "b");
  CHECK(s.used() < before + 70'000);
  s.by->copy("/a", "/c", shared).value();
  // All but what a copy needs, less one byte.
  s.write("/full", "");
  {
    auto f = s.fs->open("/full", open_mode::append).value();
    while (f.write(asio::buffer(text(4096)))) continue;
  }
  const std::string c = s.read("/c");
  const std::uint64_t used = s.used();
  const auto refused = s.try_overwrite("/c", 0, "c");
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == errc::quota_exceeded);
  CHECK(refused.error().requested() > refused.error().available());
  CHECK(s.used() == used);
  CHECK(s.read("/c") == c);
  // With the other holder gone it is taken over, and takes nothing.
  s.fs->remove("/a").value();
  s.overwrite("/c", 0, "c");
  CHECK(s.used() <= used);
  CHECK(s.read("/c") == "c" + c.substr(1));
}

TEST_CASE("share: holes stay holes, and a hole may be made in what is shared", "[sharing][holes]") {
  setting s;
  if (s.layout == storage_layout::sequential) return;
  {
    auto f = s.fs->open("/a", open_mode::create).value();
    f.write_at(1'000'000, asio::buffer(text(100'000))).value();
  }
  const std::uint64_t used = s.used();
  s.by->copy("/a", "/b", shared).value();
  if (s.counting == accounting::memory) CHECK(s.used() - used < 8000);
  auto b = s.fs->open("/b", open_mode::update).value();
  CHECK(b.next_data(0).value() >= 900'000);
  b.punch_hole(1'010'000, 50'000).value();
  b.close().value();
  CHECK(s.read("/a") == std::string(1'000'000, '\0') + text(100'000));
  CHECK(s.read("/b") ==
        std::string(1'000'000, '\0') + text(10'000) + std::string(50'000, '\0') + text(40'000));
  s.fs->remove("/a").value();
  s.fs->remove("/b").value();
  CHECK(s.used() == 0);
}

TEST_CASE("share: pins of either file keep what they show", "[sharing][pins]") {
  setting s;
  s.write("/a", text(200'000));
  s.by->copy("/a", "/b", shared).value();
  auto from_a = s.fs->open("/a", open_mode::read).value();
  auto from_b = s.fs->open("/b", open_mode::read).value();
  auto pin_a = s.fs->open("/a", open_mode::read).value().pin(0, 200'000).value();
  auto pin_b = from_b.pin(100'000, 50'000).value();
  from_a.close().value();
  from_b.close().value();
  s.overwrite("/a", 0, text(200'000, 'x'));
  s.overwrite("/b", 0, text(200'000, 'y'));
  if (s.counting == accounting::memory) CHECK(s.held() >= 200'000);
  s.fs->remove("/a").value();
  s.fs->remove("/b").value();
  const auto shows = [](const pinned& p) {
    std::string all;
    for (const auto& piece : p) all.append(static_cast<const char*>(piece.data()), piece.size());
    return all;
  };
  CHECK(shows(pin_a) == text(200'000));
  CHECK(shows(pin_b) == text(50'000));
  CHECK(s.used() == s.held());
  pin_a = {};
  pin_b = {};
  CHECK(s.used() == 0);
  CHECK(s.held() == 0);
}

TEST_CASE("share: a moved-in buffer is shared as any block, and charged once", "[sharing]") {
  setting s;
  {
    auto f = s.fs->open("/a", open_mode::create).value();
    bytes moved(2'500'000, std::byte{'m'});
    f.write(std::move(moved)).value();
  }
  const std::uint64_t used = s.used();
  s.by->copy("/a", "/b", shared).value();
  if (s.counting == accounting::memory) CHECK(s.used() - used < 8000);
  s.fs->remove("/a").value();
  CHECK(s.read("/b") == text(2'500'000, 'm'));
  s.overwrite("/b", 5, "x");
  s.fs->remove("/b").value();
  CHECK(s.used() == 0);
}

TEST_CASE("share: a tree is copied with shared bytes, whole and as one request",
          "[sharing][tree]") {
  setting s;
  s.fs->create_directories("/t/d/e").value();
  s.write("/t/a", text(100'000));
  s.write("/t/d/b", text(10, 'b'));
  s.write("/t/d/e/c", text(70'000, 'c'));
  const std::uint64_t used = s.used();
  s.by->copy_tree("/t", "/u", shared).value();
  CHECK(s.read("/u/a") == text(100'000));
  CHECK(s.read("/u/d/b") == text(10, 'b'));
  CHECK(s.read("/u/d/e/c") == text(70'000, 'c'));
  if (s.counting == accounting::memory) CHECK(s.used() - used < 5000);
  if (s.counting == accounting::payload) CHECK(s.used() == 2 * used);
  s.overwrite("/u/d/b", 0, "x");
  CHECK(s.read("/t/d/b") == text(10, 'b'));
  s.fs->remove_tree("/t").value();
  CHECK(s.read("/u/d/e/c") == text(70'000, 'c'));
  CHECK(s.held() == 0);
  s.fs->remove_tree("/u").value();
  CHECK(s.used() == 0);
  CHECK(s.by->copy_tree("/", "/u", copy_options(shared, if_exists::replace)).error() ==
        errc::not_supported);
}

TEST_CASE("share: what is refused leaves all as it was", "[sharing][errors]") {
  volume_options o;
  o.max_quota = 100'000;
  setting s(o);
  s.fs->create_directory("/t").value();
  s.write("/t/a", text(50'001));
  const auto picture = [&] {
    std::string all;
    for (const auto& e : s.fs->walk().value()) {
      all += e.path + ":";
      for (const auto& f : e.files) all += f + " ";
    }
    return all + std::to_string(s.used());
  };
  const std::string before = picture();
  CHECK(s.by->copy("/t/a", "/t/a", shared).error() == errc::already_exists);
  CHECK(s.by->copy("/t/a", "/gone/a", shared).error() == errc::not_found);
  CHECK(s.by->copy("/t/a", "/b", static_cast<enum copy_options::content>(7)).error() ==
        errc::invalid_argument);
  CHECK(s.by->copy_tree("/t", "/u", static_cast<enum copy_options::content>(7)).error() ==
        errc::invalid_argument);
  const copy_options unknown(if_exists::fail, static_cast<if_open>(7));
  CHECK(s.by->copy("/t/a", "/b", unknown).error() == errc::invalid_argument);
  CHECK(s.by->copy_tree("/t", "/u", unknown).error() == errc::invalid_argument);
  if (s.counting == accounting::payload) {
    const auto refused = s.by->copy("/t/a", "/b", shared);
    CHECK(refused.error() == errc::quota_exceeded);
    CHECK(refused.error().requested() == 50'001);
    CHECK(refused.error().available() == 49'999);
    CHECK(s.by->copy_tree("/t", "/u", shared).error() == errc::quota_exceeded);
  }
  CHECK(picture() == before);
}

TEST_CASE("share: with `own` the open pays for all that later writes need", "[sharing][own]") {
  volume_options o;
  o.max_quota = 1'000'000;
  setting s(o);
  const bool is_origin = GENERATE(false, true);
  s.write("/a", text(300'000));
  s.by->copy("/a", "/b", shared).value();
  const std::uint64_t used = s.used();
  open_options own;
  own.own = true;
  {
    auto f = s.by->open(is_origin ? "/a" : "/b", open_mode::update, own).value();
    if (s.counting == accounting::memory) CHECK(s.used() > used + 299'000);
    s.write("/full", "");
    {
      auto filler = s.fs->open("/full", open_mode::append).value();
      while (filler.write(asio::buffer(text(1)))) continue;
    }
    for (std::uint64_t at = 0; at < 300'000; at += 10'000) f->write_at(at, "own").value();
  }
  CHECK(s.read(is_origin ? "/b" : "/a") == text(300'000));
  CHECK(s.read(is_origin ? "/a" : "/b").substr(0, 5) == "ownaa");
  CHECK(s.by->open("/a", open_mode::read, own).error() == errc::invalid_argument);
}

TEST_CASE("share: an open with `own` that is refused changes nothing", "[sharing][own][quota]") {
  volume_options o;
  o.max_quota = 500'000;
  setting s(o);
  if (s.counting == accounting::payload) return;
  s.write("/a", text(300'000));
  s.by->copy("/a", "/b", shared).value();
  const std::uint64_t used = s.used();
  open_options own;
  own.own = true;
  const auto refused = s.by->open("/b", open_mode::update, own);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == errc::quota_exceeded);
  CHECK(s.used() == used);
  CHECK(s.read("/b") == text(300'000));
  own.preallocate = 1;
  CHECK(s.by->open("/b", open_mode::update, own).error() == errc::invalid_argument);
  own.preallocate = 0;
  s.fs->remove("/a").value();
  CHECK(s.by->open("/b", open_mode::update, own));
}

namespace {

/// Fails the nth point that operations come to while it is armed.
class failing_point final : public testing::fault_policy {
 public:
  void arm(int nth) {
    nth_ = nth;
    met_ = 0;
  }
  bool has_failed() const { return met_ >= nth_; }
  std::optional<error> at(testing::fault_point, std::string_view, std::uint64_t) override {
    return nth_ != 0 && ++met_ == nth_ ? std::optional<error>(errc::busy) : std::nullopt;
  }

 private:
  int nth_ = 0, met_ = 0;
};

}  // namespace

TEST_CASE("share: each failure in turn leaves all as it was", "[sharing][faults]") {
  failing_point faults;
  volume_options o;
  o.faults = &faults;
  o.memory_guard.mode = guard_mode::per_write;
  o.memory_guard.action = guard_action::reject;
  o.memory_guard.available_memory = [] { return std::uint64_t{1} << 40; };
  setting s(o);
  s.fs->create_directory("/t").value();
  s.write("/t/a", text(150'000));
  s.write("/t/b", text(10));
  s.by->copy("/t/a", "/shared", shared).value();
  const auto picture = [&] {
    std::string all;
    for (const auto& e : s.fs->walk().value()) {
      all += e.path + ":";
      for (const auto& f : e.files) {
        const std::string path = e.path == "/" ? "/" + f : e.path + "/" + f;
        const file_status status = s.fs->stat(path).value();
        all += f + " " + std::to_string(status.generation) + " " + s.read(path).substr(0, 50) + ",";
      }
    }
    const volume_stats now = s.v->stats();
    return all + std::to_string(now.used_bytes) + " " + std::to_string(now.held_bytes) + " " +
           std::to_string(now.chunk_count) + " " + std::to_string(now.file_count);
  };
  open_options own;
  own.own = true;
  const std::string before = picture();
  const int operation = GENERATE(0, 1, 2, 3, 4);
  const auto run = [&]() -> result<void> {
    switch (operation) {
      case 0: return s.by->copy("/t/a", "/b", shared);
      case 1: return s.by->copy_tree("/t", "/u", shared);
      case 2: return s.try_overwrite("/shared", 70'000, "x");
      case 3: {
        BOOST_OUTCOME_TRY(s.by->open("/shared", open_mode::update, own));
        return boost::outcome_v2::success();
      }
      default: {
        BOOST_OUTCOME_TRY(s.by->fork());
        return boost::outcome_v2::success();
      }
    }
  };
  int failures = 0;
  for (int nth = 1;; ++nth) {
    REQUIRE(nth < 100);
    faults.arm(nth);
    const auto done = run();
    const bool has_failed = faults.has_failed();
    faults.arm(0);
    if (!has_failed) {
      CHECK(done);
      break;
    }
    ++failures;
    CHECK_FALSE(done);
    CHECK(picture() == before);
  }
  CHECK(failures >= 1);
}

}  // namespace coramfs::tests
