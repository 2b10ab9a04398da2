// SPDX-License-Identifier: BSL-1.0
// In which order those are served who wait for space.
#include "api/space.hpp"

#include <mutex>

namespace coramfs::tests {

TEST_CASE("space: threads and coroutines stand in one queue, served in the order they came",
          "[api][space][fairness]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  constexpr int writers = 6;
  for (int i = 0; i < 10; ++i) fs->write_file("/filler" + std::to_string(i), xs(100)).value();
  std::mutex mutex;
  std::string order;
  std::vector<std::unique_ptr<background>> all;
  for (int i = 0; i < writers; ++i) {
    const auto write = [&, i](any_file_system& own) {
      const error e = append("/" + std::to_string(i), 100)(own);
      const std::lock_guard lock(mutex);
      order += static_cast<char>('0' + i);
      return e;
    };
    all.push_back(std::make_unique<background>(i % 2 ? fs.twin() : fs.other(), write));
    await_waiting(fs.volume(), all.size());
  }
  for (int i = 0; i < writers; ++i) {
    fs->remove("/filler" + std::to_string(i)).value();
    CHECK(!all[static_cast<std::size_t>(i)]->get().code());
  }
  CHECK(order == "012345");
}

TEST_CASE("space: a large request is not overtaken by small ones behind it",
          "[api][space][fairness]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(1000)).value();
  background large(fs.twin(), append("/large", 800));
  await_waiting(fs.volume(), 1);
  background small(fs.other(), append("/small", 10));
  await_waiting(fs.volume(), 2);
  const auto f = fs->open("/filler", open_mode::update).value();
  for (std::uint64_t size = 900; size > 200; size -= 100) {
    f->truncate(size).value();
    CHECK(fs.stats().waiting == 2);
    CHECK(error_of(fs->write_file("/passing", "x")) == errc::quota_exceeded);
  }
  f->truncate(200).value();
  CHECK(!large.get().code());
  CHECK(fs.stats().waiting == 1);
  f->truncate(190).value();
  CHECK(!small.get().code());
  CHECK(fs.used() == 1000);
}

TEST_CASE("space: others may take what was free before, not what was freed since",
          "[api][space][fairness]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(900)).value();
  background waiter(fs.twin(), append("/a", 500));
  await_waiting(fs.volume(), 1);
  fs->write_file("/filler", xs(700)).value();
  CHECK(fs.stats().free_bytes == 300);
  CHECK(available(*fs, "/b") == 100);
  CHECK(error_of(fs->write_file("/b", xs(101))).message() ==
        "quota exceeded: write_file \"/b\": requested 101 bytes, 100 available");
  fs->write_file("/b", xs(60)).value();
  CHECK(fs.stats().free_bytes == 240);
  CHECK(available(*fs, "/c") == 40);
  fs->write_file("/filler", xs(440)).value();
  CHECK(!waiter.get().code());
  CHECK(available(*fs, "/c") == 0);
}

TEST_CASE("space: what was set aside for one who leaves passes on", "[api][space][fairness]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(1000)).value();
  background large(fs.twin(),
                   append("/large", 800,
                          {.timeout = std::chrono::milliseconds(50), .on_full = when_full::wait}));
  await([&] { return fs.stats().waiting == 1 || large.ended(); });
  background small(fs.other(), append("/small", 200));
  fs->write_file("/filler", xs(700)).value();
  CHECK(large.get() == errc::timed_out);
  CHECK(!small.get().code());
  CHECK(available(*fs, "/b") == 100);
  CHECK(fs.stats().waiting == 0);
}

TEST_CASE("space: when the last waiter leaves all that is free is everybody's",
          "[api][space][fairness]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(1000)).value();
  background waiter(
      fs.twin(),
      append("/a", 900, {.timeout = std::chrono::milliseconds(20), .on_full = when_full::wait}));
  fs->write_file("/filler", xs(200)).value();
  CHECK(waiter.get() == errc::timed_out);
  CHECK(available(*fs, "/b") == 800);
  fs->write_file("/b", xs(800)).value();
}

TEST_CASE("space: figures count who waits, and what waiters get only when they have it",
          "[api][space][stats]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(1000)).value();
  background first(fs.twin(), append("/a", 300));
  await_waiting(fs.volume(), 1);
  background second(fs.other(), append("/b", 300));
  await_waiting(fs.volume(), 2);
  CHECK(fs.stats().open_handles == 2);
  CHECK(fs.used() == 1000);
  CHECK(fs.stats().peak_bytes == 1000);
  fs->remove("/filler").value();
  CHECK(!first.get().code());
  CHECK(!second.get().code());
  CHECK(fs.used() == 600);
  CHECK(fs.stats().waiting == 0);
  CHECK(fs.stats().peak_bytes == 1000);
}

TEST_CASE("space: while one waits for it, all that needs none goes on", "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(1000)).value();
  background waiter(fs.twin(), append("/a", 300));
  await_waiting(fs.volume(), 1);
  fs->create_directories("/d/e").value();
  fs->write_file("/d/empty", "").value();
  fs->rename("/d/empty", "/d/e/empty").value();
  CHECK(fs->read_file("/filler").value().size() == 1000);
  CHECK(fs->list("/").value() == std::vector<std::string>{"a", "d", "filler"});
  CHECK(fs.refusal([&] { return fs->remove("/a"); }) == errc::busy);
  CHECK(fs.stats().waiting == 1);
  fs->remove("/filler").value();
  CHECK(!waiter.get().code());
}

TEST_CASE("space: producers who outrun a consumer wait for it, and none is lost",
          "[api][space][threads]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  constexpr int producers = 4, rounds = 50;
  std::vector<std::unique_ptr<background>> all;
  for (int p = 0; p < producers; ++p) {
    all.push_back(
        std::make_unique<background>(p % 2 ? fs.twin() : fs.other(), [p](any_file_system& own) {
          for (int i = 0; i < rounds; ++i) {
            const std::string name = "/" + std::to_string(p) + "-" + std::to_string(i);
            const auto f = own.open("/part" + name.substr(1), open_mode::create, waits).value();
            f->write(xs(300)).value();
            f->close().value();
            own.rename("/part" + name.substr(1), name).value();
          }
          return error(std::error_code());
        }));
  }
  int consumed = 0;
  await([&] {
    const auto names = fs->glob("/*-*").value();
    for (const std::string& name : names) {
      if (name.starts_with("/part")) continue;
      CHECK(fs->file_size(name).value() == 300);
      fs->remove(name).value();
      ++consumed;
    }
    return consumed == producers * rounds;
  });
  for (auto& one : all) CHECK(!one->get().code());
  CHECK(fs.stats().peak_bytes <= 1000);
}

}  // namespace coramfs::tests
