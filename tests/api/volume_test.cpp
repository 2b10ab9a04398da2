// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

#include <limits>

namespace coramfs::tests {

namespace {

constexpr auto largest = std::numeric_limits<std::uint64_t>::max();

}  // namespace

TEST_CASE("options: the defaults are those of the interface", "[api][volume]") {
  const volume_options o;
  CHECK(o.max_quota == 256 * 1024 * 1024);
  CHECK(!o.max_nodes);
  CHECK(o.default_storage == storage_layout::automatic);
  CHECK(o.promotion_hard_limit == 512 * 1024 * 1024);
  CHECK(o.accounting == accounting::memory);
  const std::chrono::steady_clock::time_point start;
  CHECK(o.default_lock_timeout.deadline(start) == start + std::chrono::seconds(30));
  CHECK(o.memory_guard.mode == guard_mode::none);
  CHECK(o.memory_guard.action == guard_action::warn);
  CHECK(o.memory_guard.interval == std::chrono::seconds(1));
  CHECK(!o.memory_guard.on_warning);
  CHECK(!o.memory_guard.available_memory);

  const open_options open;
  CHECK(open.preallocate == 0);
  CHECK(!open.timeout);
  CHECK(open.on_full == when_full::reject);
  CHECK(!export_options().only_dirty);
}

TEST_CASE("volume: options gives what was passed", "[api][volume]") {
  const scenario fs({.max_quota = 12345,
                     .max_nodes = 67,
                     .promotion_hard_limit = 89,
                     .default_lock_timeout = std::chrono::milliseconds(10)});
  const volume_options& o = fs.volume().options();
  CHECK(o.max_quota == 12345);
  CHECK(o.max_nodes == 67);
  CHECK(o.promotion_hard_limit == 89);
  CHECK(o.accounting == fs.counting());
  const std::chrono::steady_clock::time_point start;
  CHECK(o.default_lock_timeout.deadline(start) == start + std::chrono::milliseconds(10));
}

TEST_CASE("volume: a new one holds the root alone, which costs nothing", "[api][volume]") {
  const scenario fs({.max_quota = 1000});
  const volume_stats s = fs->stats().value();
  CHECK(s.used_bytes == 0);
  CHECK(s.peak_bytes == 0);
  CHECK(s.quota_bytes == 1000);
  CHECK(s.free_bytes == 1000);
  CHECK(s.file_count == 0);
  CHECK(s.directory_count == 1);
  CHECK(s.chunk_count == 0);
  CHECK(s.open_handles == 0);
  CHECK(s.waiting == 0);
  CHECK(fs->list("/").value().empty());
}

TEST_CASE("volume: the facade's stats and the volume's agree", "[api][volume]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  fs->create_directory("/d").value();
  const auto f = fs->open("/a", open_mode::read).value();
  const volume_stats through_facade = fs->stats().value(), direct = fs.stats();
  CHECK(through_facade.used_bytes == direct.used_bytes);
  CHECK(through_facade.free_bytes == direct.free_bytes);
  CHECK(through_facade.peak_bytes == direct.peak_bytes);
  CHECK(through_facade.chunk_count == direct.chunk_count);
  CHECK(through_facade.file_count == 1);
  CHECK(through_facade.directory_count == 2);
  CHECK(through_facade.open_handles == 1);
}

TEST_CASE("volume: payload accounting makes empty nodes under a quota of zero, and no growth",
          "[api][volume][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 0});
  fs->create_directory("/d").value();
  fs->write_file("/d/empty", "").value();
  const auto f = fs->open("/d/f", open_mode::create).value();
  CHECK(fs.refusal([&] { return f->write("x"); }).message() ==
        "quota exceeded: write \"/d/f\": requested 1 bytes, 0 available");
  CHECK(fs.refusal([&] { return fs->write_file("/g", "x"); }) == errc::quota_exceeded);
}

TEST_CASE("volume: memory accounting makes no node under a quota of zero", "[api][volume][quota]") {
  const scenario fs(accounting::memory, {.max_quota = 0});
  CHECK(fs.refusal([&] { return fs->create_directory("/d"); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] { return fs->create_directories("/d/e"); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] { return fs->open("/f", open_mode::create); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] { return fs->write_file("/f", ""); }) == errc::quota_exceeded);
}

TEST_CASE("volume: the largest quota is valid, and nothing is allocated ahead", "[api][volume]") {
  const scenario fs({.max_quota = largest});
  CHECK(fs.stats().free_bytes == largest);
  fs->write_file("/a", "abc").value();
  const volume_stats s = fs.stats();
  CHECK(s.used_bytes + s.free_bytes == largest);
  CHECK(fs->read_file("/a").value() == "abc");
}

TEST_CASE("volume: an enumerator outside its type is refused", "[api][volume]") {
  const auto facade = GENERATE(facade_kind::coroutines, facade_kind::threads);
  std::vector<volume_options> wrong(4);
  wrong[0].default_storage = static_cast<storage_layout>(3);
  wrong[1].accounting = static_cast<accounting>(2);
  wrong[2].memory_guard.mode = static_cast<guard_mode>(3);
  wrong[3].memory_guard.action = static_cast<guard_action>(2);
  for (const volume_options& options : wrong) {
    INFO(&options - wrong.data());
    CHECK(error_of(create_file_system(facade, options)) == errc::invalid_argument);
    CHECK(error_of(volume::create(options)) == errc::invalid_argument);
  }
}

TEST_CASE("volume: without a guard the reading is never taken", "[api][volume][guard]") {
  int readings = 0, warnings = 0;
  volume_options options;
  options.memory_guard.available_memory = [&readings]() -> std::optional<std::uint64_t> {
    ++readings;
    return 0;
  };
  options.memory_guard.on_warning = [&warnings](std::string_view) { ++warnings; };
  const scenario fs(options);
  fs->write_file("/a", "abc").value();
  fs.fill("/b", open_mode::create, "abc");
  CHECK(readings == 0);
  CHECK(warnings == 0);
}

TEST_CASE("volume: two of them are independent", "[api][volume][sharing]") {
  const scenario fs, another;
  fs->write_file("/a", "abc").value();
  CHECK(!another->exists("/a").value());
  CHECK(another.used() == 0);
}

TEST_CASE("volume: copies and the facades over it share one tree", "[api][volume][sharing]") {
  const scenario fs;
  const volume copy = fs.volume();
  fs->write_file("/a", "abc").value();
  const auto twin = make_file_system(facade_kind::coroutines, copy);
  const auto other = make_file_system(facade_kind::threads, copy);
  CHECK(twin->read_file("/a").value() == "abc");
  CHECK(other->read_file("/a").value() == "abc");
  other->remove("/a").value();
  CHECK(!twin->exists("/a").value());
  CHECK(!fs->exists("/a").value());
  CHECK(copy.stats().file_count == 0);
}

TEST_CASE("volume: a file keeps the tree alive when all else of it is gone",
          "[api][volume][sharing]") {
  const auto facade = GENERATE(facade_kind::coroutines, facade_kind::threads);
  std::unique_ptr<any_file> f;
  {
    const auto fs = create_file_system(facade, {}).value()->get_volume();
    f = make_file_system(facade, fs)->open("/a", open_mode::append).value();
  }
  CHECK(f->write("abc").value() == 3);
  CHECK(f->size().value() == 3);
  CHECK(f->close().has_value());
  CHECK(error_of(f->size()) == errc::not_open);
}

}  // namespace coramfs::tests
