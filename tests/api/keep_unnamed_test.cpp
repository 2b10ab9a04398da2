// SPDX-License-Identifier: BSL-1.0
// Files that are removed while they are open, and live on without a name.
#include <coramfs/clock.hpp>
#include <coramfs/error_details.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "api/scenario.hpp"

#include "support/await_waiting.hpp"

#include <asio/io_context.hpp>

#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr remove_options keeping{.open = if_open::keep_unnamed};

std::string all_of(any_file& f) {
  std::string all(f.size().value(), '\0');
  f.read_at(0, all).value();
  return all;
}

}  // namespace

TEST_CASE("keep unnamed: the name is free at once, and the handle goes on",
          "[api][unnamed][busy]") {
  const scenario fs;
  fs->create_directories("/d/e").value();
  fs->write_file("/d/e/a", "old").value();
  const auto mode = GENERATE(open_mode::read, open_mode::update);
  const auto f = fs->open("/d/e/a", mode, {.label = "mine"}).value();
  fs->remove("/d/e/a", keeping).value();
  CHECK(!fs->exists("/d/e/a").value());
  CHECK(fs->list("/d/e").value().empty());
  CHECK(fs.stats().file_count == 1);
  CHECK(fs.stats().open_handles == 1);
  fs.fill("/d/e/a", open_mode::create, "newer");
  CHECK(fs.stats().file_count == 2);
  CHECK(all_of(*f) == "old");
  CHECK(fs->read_file("/d/e/a").value() == "newer");
  CHECK(f->path() == "/d/e/a");
  const auto handles = fs.volume().open_handles().value();
  REQUIRE(handles.size() == 1);
  CHECK(handles.front().path.empty());
  CHECK(handles.front().label == "mine");
  fs->remove_tree("/d").value();
  CHECK(all_of(*f) == "old");
  f->close().value();
  CHECK(fs.stats().file_count == 0);
  CHECK(fs.stats().open_handles == 0);
  CHECK(fs.used() == 0);
}

TEST_CASE("keep unnamed: it does all that a file does", "[api][unnamed]") {
  const scenario fs;
  fs.expect_slices();
  fs->write_file("/a", "0123456789").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->reserve(20'000).value();
  fs->remove("/a", keeping).value();
  f->write_at(10, "abc").value();
  CHECK(all_of(*f) == "0123456789abc");
  f->truncate(5).value();
  const auto pinned = f->pin(0, 5).value();
  f->write_at(0, "xx").value();
  CHECK(std::string(static_cast<const char*>((*pinned.begin()).data()), 5) == "01234");
  f->seek(0, seek_from::end).value();
  static_cast<void>(f->prepare(100).value());
  f->commit(10).value();
  CHECK(f->size().value() == 15);
  f->write(std::string(3 << 20, 'x')).value();
  CHECK(fs.used() >= (3 << 20) + 15);
  const auto moved = f->moved();
  CHECK(moved->size().value() == (3 << 20) + 15);
}

TEST_CASE("keep unnamed: it is charged until the last of its handles is closed",
          "[api][unnamed][quota]") {
  const scenario fs;
  const std::string name = GENERATE(std::string("a"), std::string(200, 'n'));
  fs->write_file("/other", "x").value();
  const std::uint64_t before = fs.used();
  const std::uint64_t files = fs.stats().file_count;
  fs->write_file("/" + name, std::string(100'000, 'x')).value();
  std::vector<std::unique_ptr<any_file>> readers;
  for (int i = 0; i < 20; ++i) readers.push_back(fs->open("/" + name, open_mode::read).value());
  fs->remove("/" + name, keeping).value();
  while (!readers.empty()) {
    CHECK(fs.used() >= before + 100'000);
    CHECK(fs.stats().file_count == files + 1);
    CHECK(fs.stats().open_handles == readers.size());
    readers.pop_back();
  }
  CHECK(fs.used() == before);
  CHECK(fs.stats().file_count == files);
}

TEST_CASE("keep unnamed: what is pinned of it is charged until its last pin goes",
          "[api][unnamed][pin]") {
  const scenario fs(accounting::memory);
  fs->write_file("/a", std::string(100'000, 'x')).value();
  const auto f = fs->open("/a", open_mode::read).value();
  auto pinned = std::make_optional(f->pin(0, 100'000).value());
  fs->remove("/a", keeping).value();
  f->close().value();
  CHECK(fs.stats().file_count == 0);
  CHECK(fs.used() >= 100'000);
  pinned.reset();
  CHECK(fs.used() == 0);
}

TEST_CASE("keep unnamed: a file that nobody uses goes, and what is no file is refused",
          "[api][unnamed]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/d/a", "abc").value();
  fs->remove("/d/a", keeping).value();
  CHECK(fs.stats().file_count == 0);
  CHECK(fs.refusal([&] { return fs->remove("/d/a", keeping); }) == errc::not_found);
  const error e = fs.refusal([&] { return fs->remove("/d", keeping); });
  CHECK(e == errc::is_a_directory);
  CHECK(e.details().operation == "remove");
  CHECK(e.details().path == "/d");
  CHECK(fs.refusal([&] { return fs->remove("/d/a", {.open = static_cast<if_open>(7)}); }) ==
        errc::invalid_argument);
  CHECK(fs.refusal([&] { return fs->remove("/..", {.open = static_cast<if_open>(7)}); }) ==
        errc::invalid_argument);
}

TEST_CASE("keep unnamed: as many files as one likes, one after the other, by one name",
          "[api][unnamed]") {
  const scenario fs({.max_nodes = 22});
  fs->create_directory("/d").value();
  std::vector<std::unique_ptr<any_file>> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(fs->open("/d/a", open_mode::create_read).value());
    all.back()->write(std::to_string(i)).value();
    fs->remove("/d/a", keeping).value();
  }
  CHECK(fs.stats().file_count == 20);
  CHECK(fs.refusal([&] { return fs->write_file("/d/a", "x"); }) == errc::node_limit_exceeded);
  for (int i = 0; i < 20; ++i) CHECK(all_of(*all[std::size_t(i)]) == std::to_string(i));
  fs->remove_directory("/d").value();
  all.clear();
  CHECK(fs.used() == 0);
}

TEST_CASE("keep unnamed: whoever waits for it is told, and looks for the path again",
          "[api][unnamed][waiting]") {
  const scenario fs;
  fs->write_file("/a", "old").value();
  auto holder = fs->open("/a", open_mode::update).value();
  const auto tell = [](auto call) { return std::async(std::launch::async, std::move(call)); };
  auto reader = tell([own = fs.twin()] { return error_of(own->open("/a", open_mode::read)); });
  await_waiting(fs.volume(), 1);
  auto whole = tell([own = fs.other()] { return error_of(own->read_file("/a")); });
  await_waiting(fs.volume(), 2);
  auto remover =
      tell([own = fs.other()] { return error_of(own->remove("/a", {.open = if_open::wait})); });
  await_waiting(fs.volume(), 3);
  fs->remove("/a", keeping).value();
  CHECK(reader.get() == errc::not_found);
  CHECK(whole.get() == errc::not_found);
  CHECK(remover.get() == errc::not_found);
  CHECK(fs.stats().waiting == 0);
  CHECK(all_of(*holder) == "old");
  CHECK(fs.stats().file_count == 1);
}

TEST_CASE("keep unnamed: one who waits and may make a file makes a new one",
          "[api][unnamed][waiting]") {
  const scenario fs;
  fs->write_file("/a", "old").value();
  auto holder = fs->open("/a", open_mode::read).value();
  const auto mode = GENERATE(open_mode::write, open_mode::append, open_mode::append_read);
  auto writer = std::async(std::launch::async, [own = fs.twin(), mode] {
    const auto f = own->open("/a", mode).value();
    return f->size().value() + f->write("newer").value();
  });
  await_waiting(fs.volume(), 1);
  fs->remove("/a", keeping).value();
  CHECK(writer.get() == 5);
  CHECK(fs->read_file("/a").value() == "newer");
  CHECK(all_of(*holder) == "old");
}

TEST_CASE("keep unnamed: it can be given a name again where one handle alone has it",
          "[api][unnamed]") {
  const scenario fs;
  const std::string name = GENERATE(std::string("/a"), "/" + std::string(100, 'n'));
  const std::string to = GENERATE(std::string("/b"), "/" + std::string(200, 'm'));
  const auto mode = GENERATE(open_mode::read, open_mode::update);
  fs->write_file(name, "content").value();
  const file_status before = fs->stat(name).value();
  const auto f = fs->open(name, mode).value();
  CHECK(fs.refusal([&] { return fs->give_name(*f, to); }) == errc::invalid_argument);
  auto other = mode == open_mode::read ? fs->open(name, open_mode::read).value() : nullptr;
  fs->remove(name, keeping).value();
  if (other != nullptr) {
    const error e = fs.refusal([&] { return fs->give_name(*f, to); });
    CHECK(e == errc::busy);
    CHECK(e.details().operation == "give_name");
    CHECK(e.details().path == to);
    CHECK(e.details().holder_count == 2);
    other.reset();
  }
  fs->write_file(name, "new").value();
  CHECK(error_of(fs->give_name(*f, name)) == errc::already_exists);
  CHECK(f->is_open());
  CHECK(all_of(*f) == "content");
  fs->give_name(*f, to).value();
  CHECK(!f->is_open());
  CHECK(fs->read_file(to).value() == "content");
  CHECK(fs->stat(to).value().id == before.id);
  CHECK(fs->stat(to).value().generation == before.generation);
  CHECK(fs->stat(to).value().modified_at == before.modified_at);
  CHECK(fs.stats().file_count == 2);
  // It is a file as any other: its lock is had, and waited for.
  const auto reader = fs->open(to, open_mode::read).value();
  CHECK(error_of(fs->open(to, open_mode::update, {.timeout = lock_timeout::immediate()})) ==
        errc::would_block);
  CHECK(fs->open(to, open_mode::read));
  CHECK(fs.refusal([&] { return fs->remove(to); }) == errc::busy);
}

TEST_CASE("keep unnamed: its handle keeps the volume", "[api][unnamed]") {
  std::optional<sync::file> f;
  {
    sync::file_system fs = sync::file_system::create().value();
    fs.write_text("/a", "content").value();
    f = fs.open("/a", open_mode::update).value();
    fs.remove("/a", keeping).value();
  }
  CHECK(f->size().value() == 7);
  f->write(std::string_view("more")).value();
  f.reset();
}

namespace {

/// A clock that stops one reading of it, as the system may stop a thread there.
class stopping_clock final : public clock {
 public:
  std::chrono::system_clock::time_point system_now() const noexcept override {
    std::unique_lock lock(mutex_);
    if (std::exchange(stops_, false)) {
      is_stopped_ = true;
      changed_.notify_all();
      // For what must not end before this goes on; so it is not waited for for ever.
      changed_.wait_for(lock, std::chrono::milliseconds(100), [this] { return goes_on_; });
    }
    return std::chrono::system_clock::now();
  }
  std::chrono::steady_clock::time_point steady_now() const noexcept override {
    return std::chrono::steady_clock::now();
  }

  void stop_next() {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  void await_stop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_stopped_; });
  }
  void go_on() {
    const std::lock_guard lock(mutex_);
    goes_on_ = true;
    changed_.notify_all();
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable bool stops_ = false, is_stopped_ = false;
  bool goes_on_ = false;
};

}  // namespace

TEST_CASE("keep unnamed: a name is given when the old one is wholly gone", "[api][unnamed][race]") {
  const auto clock = std::make_shared<stopping_clock>();
  auto fs = sync::file_system::create({.clock = clock}).value();
  auto f = fs.open("/a", open_mode::write_read).value();
  clock->stop_next();
  // It looks at the clock when it has taken the file out of its directory.
  auto removal = std::async(std::launch::async, [&] { return fs.remove("/a", keeping); });
  clock->await_stop();
  const auto named = fs.give_name(f, "/b");
  clock->go_on();
  removal.get().value();
  named.value();
  const auto writer = fs.open("/b", open_mode::update, {.timeout = lock_timeout::immediate()});
  REQUIRE(writer);
  CHECK(error_of(fs.open("/b", open_mode::update, {.timeout = lock_timeout::immediate()})) ==
        errc::would_block);
}

TEST_CASE("keep unnamed: the last handle is closed in the middle of a removal",
          "[api][unnamed][race]") {
  const auto clock = std::make_shared<stopping_clock>();
  auto fs = sync::file_system::create({.clock = clock}).value();
  fs.create_directory("/d").value();
  const std::uint64_t before = fs.stats().value().used_bytes;
  auto f = fs.open("/d/a", open_mode::write).value();
  clock->stop_next();
  auto removal = std::async(std::launch::async, [&] { return fs.remove("/d/a", keeping); });
  clock->await_stop();
  // The file has left its directory. It is freed by the close, when the removal has ended.
  f.close().value();
  removal.get().value();
  CHECK(fs.stats().value().file_count == 0);
  CHECK(fs.stats().value().used_bytes == before);
  fs.remove_directory("/d").value();
}

TEST_CASE("keep unnamed: its writer gives the content back, whoever has yet to hear of it",
          "[api][unnamed][waiting]") {
  const bool waits_to_remove = GENERATE(false, true);
  asio::io_context context;
  const auto v = volume::create({.max_quota = 1 << 20, .accounting = accounting::payload}).value();
  file_system fs(context.get_executor(), v);
  sync::file_system threads(v);
  auto f = threads.open("/a", open_mode::write).value();
  f.write(std::string(1 << 20, 'x')).value();
  std::optional<error> seen;
  if (waits_to_remove) {
    fs.remove("/a", {.open = if_open::wait}, [&](result<void> r) { seen = r.error(); });
  } else {
    fs.open("/a", open_mode::read, [&](result<file> r) { seen = r.error(); });
  }
  context.poll();
  REQUIRE(v.stats().waiting == 1);
  threads.remove("/a", keeping).value();
  f.close().value();
  CHECK(!seen);
  CHECK(v.stats().used_bytes == 0);
  threads.write_file("/b", std::string(1 << 20, 'y')).value();
  context.restart();
  context.run();
  REQUIRE(seen);
  CHECK(*seen == errc::not_found);
  CHECK(v.stats().file_count == 1);
}

TEST_CASE("keep unnamed: one that many read without a word of its lock", "[api][unnamed]") {
  // Readers on threads that change make a file hot: then they are marks alone.
  const scenario fs;
  fs->write_file("/a", "content").value();
  std::vector<std::unique_ptr<any_file>> readers;
  std::vector<std::unique_ptr<any_file_system>> systems;
  for (int i = 0; i < 300; ++i) {
    std::async(std::launch::async, [&] {
      auto own = i % 2 == 0 ? fs.twin() : fs.other();
      if (i < 290) return static_cast<void>(own->open("/a", open_mode::read).value());
      readers.push_back(own->open("/a", open_mode::read).value());
      systems.push_back(std::move(own));
    }).get();
  }
  fs->remove("/a", keeping).value();
  CHECK(fs.stats().open_handles == readers.size());
  for (const auto& f : readers) CHECK(all_of(*f) == "content");
  readers.clear();
  CHECK(fs.stats().file_count == 0);
  CHECK(fs.stats().open_handles == 0);
}

TEST_CASE("keep unnamed: a name that is refused leaves all as before", "[api][unnamed][quota]") {
  const scenario fs;
  const std::string name = "/" + std::string(GENERATE(1, 200), 'n');
  fs->write_file("/there", "x").value();
  fs->write_file(name, "abc").value();
  const auto f = fs->open(name, open_mode::update, {.label = "mine"}).value();
  fs->remove(name, keeping).value();
  const auto since = fs.volume().open_handles().value().front().since;
  CHECK(fs.refusal([&] { return fs->give_name(*f, "/there"); }) == errc::already_exists);
  CHECK(fs.refusal([&] { return fs->give_name(*f, "/there/x"); }) == errc::not_a_directory);
  const auto handles = fs.volume().open_handles().value();
  REQUIRE(handles.size() == 1);
  CHECK(handles.front().since == since);
  CHECK(handles.front().label == "mine");
  fs->give_name(*f, name).value();
  CHECK(fs->read_file(name).value() == "abc");
  fs->remove(name).value();
  fs->remove("/there").value();
  CHECK(fs.used() == 0);
}

}  // namespace coramfs::tests
