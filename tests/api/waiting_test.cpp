// SPDX-License-Identifier: BSL-1.0
// Operations that wait for a lock which another thread has, on both facades alike: each waiter
// is a thread with a file system of its own.
#include "api/scenario.hpp"

#include "support/await_waiting.hpp"

#include <atomic>
#include <future>
#include <latch>
#include <mutex>

namespace coramfs::tests {

namespace {

using opened = result<std::unique_ptr<any_file>>;

/// An open on a thread of its own.
class background_open {
 public:
  background_open(std::unique_ptr<any_file_system> fs, std::string path, open_mode mode,
                  open_options options = {})
      : fs_(std::move(fs)),
        done_(std::async(std::launch::async, [&fs = *fs_, path = std::move(path), mode, options] {
          return fs.open(path, mode, options);
        })) {}

  opened get() { return done_.get(); }
  bool ended() const {
    return done_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

 private:
  std::unique_ptr<any_file_system> fs_;
  std::future<opened> done_;
};

}  // namespace

TEST_CASE("waiting: a reader gets in when the writer closes, and sees what it wrote",
          "[api][waiting]") {
  const scenario fs;
  const auto writer = fs->open("/a", open_mode::create).value();
  background_open reader(fs.twin(), "/a", open_mode::read);
  await_waiting(fs.volume(), 1);
  CHECK(fs.stats().open_handles == 1);
  writer->write("abc").value();
  writer->close().value();
  CHECK(reader.get().value()->read_all().value() == "abc");
}

TEST_CASE("waiting: a writer gets in when the last reader closes", "[api][waiting]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto first = fs->open("/a", open_mode::read).value();
  const auto second = fs->open("/a", open_mode::read).value();
  background_open writer(fs.twin(), "/a", open_mode::write);
  await_waiting(fs.volume(), 1);
  first->close().value();
  CHECK(fs.stats().waiting == 1);
  CHECK(second->read_all().value() == "abc");
  second->close().value();
  const auto f = writer.get().value();
  CHECK(f->size().value() == 0);
  CHECK(fs.stats().waiting == 0);
}

TEST_CASE("waiting: destroying the holder lets the waiter in", "[api][waiting]") {
  const scenario fs;
  auto writer = fs->open("/a", open_mode::create).value();
  background_open reader(fs.twin(), "/a", open_mode::read, {.timeout = lock_timeout::forever()});
  await_waiting(fs.volume(), 1);
  writer.reset();
  CHECK(reader.get().has_value());
}

TEST_CASE("waiting: a thread and a coroutine stand in one queue, served in order",
          "[api][waiting][fairness]") {
  const scenario fs;
  auto holder = fs->open("/a", open_mode::create).value();
  std::vector<std::future<void>> writers;
  std::mutex mutex;
  std::string order;
  for (int i = 0; i < 6; ++i) {
    writers.push_back(std::async(std::launch::async, [&, i, own = i % 2 ? fs.twin() : fs.other()] {
      const auto f = own->open("/a", open_mode::append).value();
      const std::lock_guard lock(mutex);
      order += static_cast<char>('0' + i);
      f->write(std::string(1, static_cast<char>('0' + i))).value();
    }));
    await_waiting(fs.volume(), static_cast<std::uint64_t>(i) + 1);
  }
  holder.reset();
  for (auto& w : writers) w.get();
  CHECK(order == "012345");
  CHECK(fs->read_file("/a").value() == "012345");
}

TEST_CASE("waiting: a release admits all readers up to the next writer, together",
          "[api][waiting][fairness]") {
  const scenario fs;
  auto holder = fs->open("/a", open_mode::create).value();
  std::atomic<int> readers_in = 0;
  std::vector<std::future<void>> waiters;
  const auto read = [&readers_in](std::unique_ptr<any_file_system> own) {
    const auto f = own->open("/a", open_mode::read).value();
    ++readers_in;
    await([&readers_in] { return readers_in == 3; });
  };
  for (int i = 0; i < 3; ++i) {
    waiters.push_back(std::async(std::launch::async, read, i % 2 ? fs.twin() : fs.other()));
    await_waiting(fs.volume(), waiters.size());
  }
  int in_before_writer = 0;
  waiters.push_back(std::async(std::launch::async, [&, own = fs.twin()] {
    const auto f = own->open("/a", open_mode::update).value();
    in_before_writer = readers_in;
    f->write("writer").value();
  }));
  await_waiting(fs.volume(), 4);
  waiters.push_back(std::async(std::launch::async, [&, own = fs.other()] {
    const auto f = own->open("/a", open_mode::read).value();
    if (f->read_all().value() != "writer") throw std::logic_error("passed the writer");
  }));
  await_waiting(fs.volume(), 5);
  holder.reset();
  for (auto& w : waiters) w.get();
  CHECK(in_before_writer == 3);
}

TEST_CASE("waiting: a reader that comes while a writer waits goes behind it",
          "[api][waiting][fairness]") {
  const scenario fs;
  fs->write_file("/a", "old").value();
  auto holder = fs->open("/a", open_mode::read).value();
  background_open writer(fs.twin(), "/a", open_mode::write);
  await_waiting(fs.volume(), 1);
  CHECK(error_of(fs->open("/a", open_mode::read, {.timeout = lock_timeout::immediate()})) ==
        errc::would_block);
  background_open reader(fs.other(), "/a", open_mode::read);
  await_waiting(fs.volume(), 2);
  holder.reset();
  auto f = writer.get().value();
  CHECK(fs.stats().waiting == 1);
  f->write("new").value();
  f.reset();
  CHECK(reader.get().value()->read_all().value() == "new");
}

TEST_CASE("waiting: when a waiting writer gives up, the readers behind it go in",
          "[api][waiting][fairness]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto holder = fs->open("/a", open_mode::read).value();
  background_open writer(fs.twin(), "/a", open_mode::write,
                         {.timeout = std::chrono::milliseconds(100)});
  await([&] { return fs.stats().waiting == 1 || writer.ended(); });
  background_open reader(fs.other(), "/a", open_mode::read, {.timeout = lock_timeout::forever()});
  CHECK(error_of(writer.get()) == errc::timed_out);
  CHECK(reader.get().value()->read_all().value() == "abc");
  CHECK(holder->is_open());
}

TEST_CASE("waiting: while one operation waits, all others go on", "[api][waiting]") {
  const scenario fs;
  fs->create_directory("/d").value();
  auto holder = fs->open("/d/a", open_mode::create).value();
  background_open waiter(fs.twin(), "/d/a", open_mode::read);
  await_waiting(fs.volume(), 1);
  fs->write_file("/d/b", "b").value();
  fs.fill("/d/c", open_mode::create, "c");
  CHECK(fs->list("/d").value() == std::vector<std::string>{"a", "b", "c"});
  CHECK(fs->stat("/d/a").value().size == 0);
  fs->create_directories("/e/f").value();
  fs->remove_tree("/e").value();
  fs->remove("/d/b").value();
  holder->write("abc").value();
  CHECK(fs.stats().waiting == 1);
  holder.reset();
  CHECK(waiter.get().value()->read_all().value() == "abc");
}

TEST_CASE("waiting: what an open waits for is still there when it gets the lock",
          "[api][waiting][busy]") {
  const scenario fs;
  fs->create_directories("/d/e").value();
  auto holder = fs->open("/d/e/a", open_mode::create).value();
  background_open waiter(fs.twin(), "/d/e/a", open_mode::append);
  await_waiting(fs.volume(), 1);
  CHECK(fs.refusal([&] { return fs->remove("/d/e/a"); }) == errc::busy);
  CHECK(fs.refusal([&] { return fs->remove_tree("/d"); }) == errc::busy);
  holder.reset();
  const auto f = waiter.get().value();
  f->write("x").value();
  f->close().value();
  CHECK(fs->read_file("/d/e/a").value() == "x");
}

TEST_CASE("waiting: read_file and write_file wait for the lock as opens do", "[api][waiting]") {
  const scenario fs;
  fs->write_file("/a", "old").value();
  auto holder = fs->open("/a", open_mode::update).value();
  auto read =
      std::async(std::launch::async, [own = fs.twin()] { return own->read_file("/a").value(); });
  await_waiting(fs.volume(), 1);
  auto write = std::async(std::launch::async,
                          [own = fs.other()] { own->write_file("/a", "newest").value(); });
  await_waiting(fs.volume(), 2);
  CHECK(fs.stats().open_handles == 1);
  holder->write("new").value();
  CHECK(fs.refusal([&] { return fs->remove("/a"); }) == errc::busy);
  holder.reset();
  CHECK(read.get() == "new");
  write.get();
  CHECK(fs->read_file("/a").value() == "newest");
}

TEST_CASE("waiting: a reader sees a rewritten file before or after, never between",
          "[api][waiting]") {
  const scenario fs;
  fs->write_file("/a", "00000000").value();
  constexpr int rounds = 200;
  auto rewrite = std::async(std::launch::async, [own = fs.twin()] {
    for (int i = 1; i <= rounds; ++i) {
      const std::string half(4, static_cast<char>('0' + i % 10));
      const auto f = own->open("/a", open_mode::write).value();
      f->write(half).value();
      f->write(half).value();
    }
  });
  const auto reader = fs.other();
  bool torn = false;
  for (int i = 0; i < rounds; ++i) {
    const std::string seen = reader->read_file("/a").value();
    torn = torn || seen != std::string(8, seen.empty() ? '?' : seen[0]);
  }
  rewrite.get();
  CHECK(!torn);
}

TEST_CASE("waiting: of several concurrent creates one succeeds", "[api][waiting][open]") {
  const scenario fs;
  constexpr int contenders = 8;
  std::latch start(contenders);
  std::vector<std::future<error>> all;
  for (int i = 0; i < contenders; ++i) {
    all.push_back(std::async(std::launch::async, [&start, own = i % 2 ? fs.twin() : fs.other()] {
      start.arrive_and_wait();
      return error_of(own->open("/a", open_mode::create));
    }));
  }
  int made = 0;
  for (auto& one : all) {
    const error e = one.get();
    if (e.code()) CHECK(e == errc::already_exists);
    made += !e.code();
  }
  CHECK(made == 1);
}

}  // namespace coramfs::tests
