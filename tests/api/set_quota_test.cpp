// SPDX-License-Identifier: BSL-1.0
// M14: a quota that changes while the volume is in use.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "api/space.hpp"

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>

#include <string>

namespace coramfs::tests {

TEST_CASE("set_quota: more fits with more, and less with less", "[api][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1'000});
  volume v = fs.volume();
  fs->write_file("/a", xs(800)).value();
  CHECK(fs.refusal([&] { return fs->write_file("/b", xs(300)); }) == errc::quota_exceeded);
  CHECK(v.set_quota(1'100).has_value());
  fs->write_file("/b", xs(300)).value();
  CHECK(fs.stats().quota_bytes == 1'100);
  CHECK(fs.stats().free_bytes == 0);
  CHECK(v.options().max_quota == 1'000);
  fs->remove("/b").value();
  CHECK(v.set_quota(900).has_value());
  CHECK(fs.refusal([&] { return fs->write_file("/b", xs(101)); }).message() ==
        "quota exceeded: write_file \"/b\": requested 101 bytes, 100 available");
  fs->write_file("/b", xs(100)).value();
}

TEST_CASE("set_quota: below what is used nothing new fits until enough has gone", "[api][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1'000});
  volume v = fs.volume();
  fs->write_file("/a", xs(500)).value();
  fs->write_file("/b", xs(400)).value();
  CHECK(v.set_quota(600).has_value());
  CHECK(fs.stats().used_bytes == 900);
  CHECK(fs.stats().free_bytes == 0);
  CHECK(fs.stats().recycled_bytes == 0);
  CHECK(fs->read_file("/a").value() == xs(500));
  CHECK(fs.refusal([&] { return fs->write_file("/c", "x"); }) == errc::quota_exceeded);
  // What takes no more than it had is no concern of the quota's.
  fs->write_file("/b", std::string(400, 'y')).value();
  fs->rename("/b", "/d").value();
  fs->write_file("/d", xs(200)).value();
  CHECK(fs.refusal([&] { return fs->write_file("/c", "x"); }).message() ==
        "quota exceeded: write_file \"/c\": requested 1 bytes, 0 available");
  fs->write_file("/d", xs(99)).value();
  CHECK(fs.stats().free_bytes == 1);
  fs->write_file("/c", "x").value();
  CHECK(v.set_quota(0).has_value());
  fs->remove("/a").value();
  CHECK(fs.stats().free_bytes == 0);
  CHECK(v.set_quota(1'000).has_value());
}

TEST_CASE("set_quota: memory that is kept for reuse gives way", "[api][quota][memory]") {
  const scenario fs(accounting::memory, {.max_quota = 64 << 20});
  fs.expect_slices();
  volume v = fs.volume();
  fs->write_file("/a", xs(16 << 20)).value();
  fs->remove("/a").value();
  CHECK(fs.stats().recycled_bytes >= 8 << 20);
  CHECK(v.set_quota(1 << 20).has_value());
  CHECK(fs.stats().recycled_bytes <= 1 << 20);
  CHECK(fs.refusal([&] { return fs->write_file("/a", xs(2 << 20)); }) == errc::quota_exceeded);
  fs->write_file("/a", xs(500'000)).value();
}

TEST_CASE("set_quota: who waits is served when it rises, in order", "[api][quota][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1'000});
  volume v = fs.volume();
  fs->write_file("/filler", xs(1'000)).value();
  background first(fs.twin(), append("/a", 500));
  await_waiting(fs.volume(), 1);
  background second(fs.twin(), append("/b", 100));
  await_waiting(fs.volume(), 2);
  CHECK(v.set_quota(1'499).has_value());
  CHECK(!first.ended());
  CHECK(!second.ended());
  CHECK(fs.stats().waiting == 2);
  CHECK(v.set_quota(1'500).has_value());
  CHECK(!first.get().code());
  CHECK(!second.ended());
  CHECK(v.set_quota(1'600).has_value());
  CHECK(!second.get().code());
  CHECK(fs.used() == 1'600);
}

TEST_CASE("set_quota: who waits goes on waiting when it falls", "[api][quota][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1'000});
  volume v = fs.volume();
  fs->write_file("/filler", xs(900)).value();
  background one(fs.twin(), append("/a", 500));
  await_waiting(fs.volume(), 1);
  CHECK(v.set_quota(400).has_value());
  fs->remove("/filler").value();
  CHECK(fs.stats().waiting == 1);
  CHECK(!one.ended());
  CHECK(available(*fs, "/b") == 0);
  CHECK(v.set_quota(1'000).has_value());
  CHECK(!one.get().code());
  // One that comes now, and could never fit, is refused.
  CHECK(v.set_quota(550).has_value());
  const auto f = fs->open("/b", open_mode::create, waits).value();
  CHECK(fs.refusal([&] { return f->write(xs(551)); }) == errc::quota_exceeded);
}

// The bytes are granted, and the coroutine is posted, when the quota falls: memory has to be had
// for them although more is resident than the new quota allows.
TEST_CASE("set_quota: who was granted bytes before it fell gets memory for them, too",
          "[api][quota][space][memory]") {
  asio::io_context context;
  auto fs = file_system::create(context, {.max_quota = 64 << 20, .max_recycled = 0}).value();
  volume v = fs.get_volume();
  sync::file_system blocking(v);
  blocking.write_file("/a", xs(32 << 20)).value();
  blocking.write_file("/b", xs(24 << 20)).value();
  bool is_written = false;
  const auto write = [&]() -> asio::awaitable<void> {
    auto f = co_await fs.open("/c", open_mode::create, waits);
    const std::string content = xs(16 << 20);
    is_written = (co_await f.value().write(asio::buffer(content))).has_value();
  };
  asio::co_spawn(context, write(), asio::detached);
  while (v.stats().waiting == 0) context.run_one();
  blocking.remove("/b").value();  // which grants
  CHECK(v.set_quota(8 << 20).has_value());
  context.run();
  CHECK(is_written);
  CHECK(blocking.file_size("/c").value() == 16 << 20);
}

TEST_CASE("set_quota: the guard is asked about what is not used yet of a higher one",
          "[api][quota][guard]") {
  std::uint64_t machine = 2'000;
  int asked = 0;
  volume_options options{.max_quota = 1'000};
  options.memory_guard.mode = guard_mode::init;
  options.memory_guard.action = guard_action::reject;
  options.memory_guard.interval = std::chrono::seconds(0);
  options.memory_guard.available_memory = [&]() -> std::optional<std::uint64_t> {
    ++asked;
    return machine;
  };
  const scenario fs(accounting::payload, options);
  volume v = fs.volume();
  fs->write_file("/a", xs(600)).value();
  asked = 0;
  machine = 500;
  CHECK(v.set_quota(700).has_value());
  CHECK(asked == 0);
  CHECK(fs.refusal([&] { return v.set_quota(1'101); }).message() ==
        "refused by the memory guard: requested 501 bytes, 500 available");
  CHECK(fs.stats().quota_bytes == 700);
  CHECK(v.set_quota(1'100).has_value());
  CHECK(fs.stats().quota_bytes == 1'100);
  // What is paid for ahead is in no memory yet, so the machine does not show it as taken.
  const auto f = fs->open("/b", open_mode::create).value();
  f->reserve(400).value();
  CHECK(fs.refusal([&] { return v.set_quota(1'101); }).message() ==
        "refused by the memory guard: requested 101 bytes, 100 available");
}

}  // namespace coramfs::tests
