// SPDX-License-Identifier: BSL-1.0
// Renames, moves and removals of trees that wait for whoever has the files, and replacements from
// under those who have them.
#include <coramfs/error_details.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "api/before_a_wait.hpp"
#include "api/scenario.hpp"

#include "support/await_waiting.hpp"

#include <coramfs/testing/fault_policy.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/execution.hpp>
#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>
#include <asio/require.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr lock_timeout for_ever = lock_timeout::forever();
constexpr rename_options waiting{
    .existing = if_exists::replace, .open = if_open::wait, .timeout = for_ever};
constexpr rename_options keeping{.existing = if_exists::replace, .open = if_open::keep_unnamed};
constexpr remove_options tree_waiting{.open = if_open::wait, .timeout = for_ever};

/// A call on a thread of its own.
template <class Call>
auto begin(Call call) {
  return std::async(std::launch::async, std::move(call));
}

/// An executor that does something as soon as it has been handed something: whoever hands it on is
/// stopped there meanwhile.
class interrupting {
 public:
  interrupting(asio::io_context& on, std::function<void()>& then)
      : on_(asio::require(on.get_executor(), asio::execution::blocking.never)), then_(&then) {}

  asio::execution_context& query(asio::execution::context_t) const noexcept {
    return on_.context();
  }
  static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
    return asio::execution::blocking.never;
  }
  interrupting require(asio::execution::blocking_t::never_t) const noexcept { return *this; }

  template <class Function>
  void execute(Function f) const {
    on_.execute(std::move(f));
    if (const auto then = std::exchange(*then_, nullptr)) then();
  }
  friend bool operator==(const interrupting& a, const interrupting& b) noexcept {
    return a.on_ == b.on_;
  }
  friend bool operator!=(const interrupting& a, const interrupting& b) noexcept {
    return a.on_ != b.on_;
  }

 private:
  asio::any_io_executor on_;
  std::function<void()>* then_;
};

/// Refuses the nodes that an operation is about to reserve.
struct no_nodes final : testing::fault_policy {
  bool is_on = true;

  std::optional<error> at(testing::fault_point p, std::string_view, std::uint64_t) override {
    if (!is_on || p != testing::fault_point::reserve_nodes) return std::nullopt;
    return errc::node_limit_exceeded;
  }
};

}  // namespace

TEST_CASE("rename waits: what nobody uses moves at once", "[api][rename]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  fs->write_file("/b", "b").value();
  fs->rename("/a", "/b", waiting).value();
  CHECK(fs->read_file("/b").value() == "abc");
  fs->move("/b", "/x/y/b", waiting).value();
  CHECK(fs->read_file("/x/y/b").value() == "abc");
  fs->rename("/x", "/z", {.open = if_open::wait, .timeout = lock_timeout::immediate()}).value();
  CHECK(fs->read_file("/z/y/b").value() == "abc");
  CHECK(fs.refusal([&] { return fs->rename("/x", "/z", waiting); }) == errc::not_found);
  CHECK(fs.refusal([&] { return fs->rename("/z", "/z/a", waiting); }) == errc::invalid_argument);
  fs->remove_tree("/z", tree_waiting).value();
  CHECK(fs.used() == 0);
  CHECK(fs.refusal([&] { return fs->remove_tree("/", tree_waiting); }) == errc::invalid_argument);
  const rename_options unknown{.open = static_cast<if_open>(9)};
  CHECK(fs.refusal([&] { return fs->rename("/x", "/y", unknown); }) == errc::invalid_argument);
}

TEST_CASE("rename waits: for what moves, and for what is replaced", "[api][rename][waiting]") {
  const scenario fs;
  fs.expect_slices();
  fs->create_directory("/d").value();
  fs->write_file("/d/a", std::string(3 << 20, 'x')).value();
  fs->write_file("/b", "old").value();
  const auto status = fs->stat("/d/a").value();
  auto reader = fs->open("/d/a", open_mode::read).value();
  auto writer = fs->open("/b", open_mode::update).value();
  const bool makes_parents = GENERATE(false, true);
  auto moved = begin([&, own = fs.twin()] {
    makes_parents ? own->move("/d/a", "/b", waiting).value()
                  : own->rename("/d/a", "/b", waiting).value();
  });
  await_waiting(fs.volume(), 1);
  CHECK(fs.refusal([&] { return fs->rename("/d/a", "/b", if_exists::replace); }) == errc::busy);
  CHECK(fs->exists("/d/a").value());
  reader.reset();
  await_waiting(fs.volume(), 1);
  writer->write("newer").value();
  writer.reset();
  moved.get();
  CHECK(!fs->exists("/d/a").value());
  CHECK(fs->read_file("/b").value() == std::string(3 << 20, 'x'));
  CHECK(fs->stat("/b").value().id == status.id);
  CHECK(fs->stat("/b").value().generation == status.generation);
  CHECK(fs->stat("/b").value().modified_at == status.modified_at);
  CHECK(fs.stats().file_count == 1);
  fs->remove("/b").value();
  fs->remove_directory("/d").value();
  CHECK(fs.used() == 0);
}

TEST_CASE("rename waits: those who wait behind it look for their path again",
          "[api][rename][waiting][fairness]") {
  const scenario fs;
  const std::string name(200, 'n');
  fs->write_file("/" + name, std::string(300'000, 'a')).value();
  fs->write_file("/b", "b").value();
  const bool replaces = GENERATE(false, true);
  const std::string to = replaces ? "/b" : "/c";
  auto holder = fs->open("/" + name, open_mode::update).value();
  auto before = begin([&, own = fs.other()] { return own->read_file("/" + name).value().size(); });
  await_waiting(fs.volume(), 1);
  auto moved = begin([&, own = fs.twin()] { own->rename("/" + name, to, waiting).value(); });
  await_waiting(fs.volume(), 2);
  auto reader =
      begin([&, own = fs.other()] { return error_of(own->open("/" + name, open_mode::read)); });
  await_waiting(fs.volume(), 3);
  auto writer = begin([&, own = fs.twin()] { own->write_file("/" + name, "new").value(); });
  await_waiting(fs.volume(), 4);
  holder.reset();
  CHECK(before.get() == 300'000);
  moved.get();
  writer.get();
  const error e = reader.get();
  CHECK((e == errc::not_found || !e.code()));
  CHECK(fs->read_file("/" + name).value() == "new");
  CHECK(fs->read_file(to).value() == std::string(300'000, 'a'));
  await([&] { return fs.stats().file_count == (replaces ? 2u : 3u); });
  CHECK(fs.stats().waiting == 0);
}

TEST_CASE("rename waits: a table with many blocks keeps them", "[api][rename][waiting]") {
  const scenario fs({.default_storage = storage_layout::random_access});
  std::string content(700'000, 'a');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 / 64);
  fs->write_file("/a", content).value();
  auto holder = fs->open("/a", open_mode::read).value();
  auto moved = begin([own = fs.twin()] { own->rename("/a", "/b", waiting).value(); });
  await_waiting(fs.volume(), 1);
  auto behind = begin([own = fs.other()] { return error_of(own->open("/a", open_mode::read)); });
  await_waiting(fs.volume(), 2);
  holder.reset();
  moved.get();
  CHECK(behind.get() == errc::not_found);
  CHECK(fs->read_file("/b").value() == content);
  fs->remove("/b").value();
  await([&] { return fs.stats().file_count == 0; });
  CHECK(fs.used() == 0);
}

TEST_CASE("rename waits: a directory moves when nobody has a file below it",
          "[api][rename][waiting]") {
  const scenario fs;
  fs->create_directories("/d/e/f").value();
  std::vector<std::unique_ptr<any_file>> open;
  for (const char* const path : {"/d/a", "/d/e/b", "/d/e/f/c"}) {
    fs->write_file(path, path).value();
    open.push_back(fs->open(path, open_mode::update).value());
  }
  const bool removes = GENERATE(false, true);
  auto done = begin([&, own = fs.twin()] {
    removes ? own->remove_tree("/d", tree_waiting).value()
            : own->rename("/d", "/n", waiting).value();
  });
  while (!open.empty()) {
    await_waiting(fs.volume(), 1);
    CHECK(fs->exists("/d/e/f").value());
    // It keeps nobody from anything.
    fs->write_file("/d/more", "x").value();
    fs->remove("/d/more").value();
    open.pop_back();
  }
  done.get();
  CHECK(!fs->exists("/d").value());
  CHECK(fs.stats().waiting == 0);
  if (!removes) {
    CHECK(fs->read_file("/n/e/f/c").value() == "/d/e/f/c");
    fs->remove_tree("/n").value();
  }
  CHECK(fs.used() == 0);
}

TEST_CASE("rename waits: two that want each other's files both have them",
          "[api][rename][waiting][fairness]") {
  const scenario fs;
  fs->write_file("/a", "a").value();
  fs->write_file("/b", "b").value();
  auto first = fs->open("/a", open_mode::read).value();
  auto second = fs->open("/b", open_mode::read).value();
  std::vector<std::future<error>> all;
  for (int i = 0; i < 3; ++i) {
    for (const bool forth : {true, false})
      all.push_back(begin([&, forth, own = fs.twin()] {
        return error_of(forth ? own->rename("/a", "/b", waiting)
                              : own->rename("/b", "/a", waiting));
      }));
  }
  await_waiting(fs.volume(), 6);
  first.reset();
  second.reset();
  int successes = 0;
  for (auto& done : all) {
    const error e = done.get();
    successes += !e.code();
    CHECK((!e.code() || e == errc::not_found));
  }
  CHECK(successes >= 1);
  CHECK(fs->exists("/a").value() != fs->exists("/b").value());
  await([&] { return fs.stats().file_count == 1; });
}

TEST_CASE("rename waits: three that want the same two files do not go round and round",
          "[api][rename][waiting][fairness]") {
  asio::io_context context;
  const auto v = volume::create({}).value();
  file_system fs(context.get_executor(), v);
  sync::file_system threads(v);
  threads.write_file("/a", std::string_view("a")).value();
  threads.write_file("/b", std::string_view("b")).value();
  auto first = threads.open("/a", open_mode::read).value();
  auto second = threads.open("/b", open_mode::read).value();
  int ended = 0, successes = 0;
  const auto end = [&](result<void> done) {
    ++ended;
    successes += done.has_value();
    CHECK((done || done.error() == errc::not_found));
  };
  fs.rename("/a", "/b", waiting, end);
  fs.rename("/b", "/a", waiting, end);
  fs.rename("/b", "/a", waiting, end);
  context.poll();
  REQUIRE(v.stats().waiting == 3);
  first.close().value();
  second.close().value();
  context.restart();
  // Each of them is told a few times at most.
  for (int steps = 0; steps < 1000 && context.poll_one() != 0; ++steps) continue;
  CHECK(ended == 3);
  CHECK(successes >= 1);
  CHECK(v.stats().file_count == 1);
}

TEST_CASE("rename waits: who has let go of the lock, and not yet of the file, keeps it",
          "[api][rename][waiting]") {
  before_a_wait policy;
  const auto v = volume::create({.faults = &policy}).value();
  asio::io_context context;
  std::function<void()> interruption;
  const interrupting executor(context, interruption);
  file_system fs(executor, v);
  sync::file_system threads(v);
  threads.write_file("/a", std::string_view("a")).value();
  threads.write_file("/b", std::string_view("b")).value();
  std::optional<sync::file> first = threads.open("/a", open_mode::read).value(), second;
  // It comes when those are counted who have the file, and nobody is in the queue yet.
  policy.then = [&](std::string_view path) {
    CHECK(path == "/a");
    second = threads.open("/a", open_mode::read, {.timeout = lock_timeout::immediate()}).value();
  };
  int ended = 0;
  const bool is_replaced = GENERATE(true, false);
  if (is_replaced) {
    fs.rename("/b", "/a", waiting, [&](result<void> done) { ended += done.has_value(); });
  } else {
    fs.rename("/a", "/c", waiting, [&](result<void> done) { ended += done.has_value(); });
    fs.open("/a", open_mode::read, {.timeout = for_ever},
            [&](const result<file>& f) { ended += error_of(f) == errc::not_found; });
  }
  const int asked = is_replaced ? 1 : 2;
  const std::uint64_t files = is_replaced ? 1 : 2;
  context.poll();
  REQUIRE(second);
  first.reset();
  REQUIRE(v.stats().waiting == static_cast<std::uint64_t>(asked));
  // All that waits goes on, in another thread, while the last who has the file is on its way out.
  std::optional<std::uint64_t> meanwhile;
  interruption = [&] {
    context.restart();
    begin([&] { context.poll(); }).get();
    meanwhile = v.stats().file_count;
  };
  second.reset();
  context.restart();
  context.poll();
  CHECK(ended == asked);
  REQUIRE(meanwhile);
  CHECK(*meanwhile == files + 1);
  CHECK(v.stats().file_count == files);
  CHECK(v.stats().waiting == 0);
  threads.remove(is_replaced ? "/a" : "/c").value();
}

TEST_CASE("rename waits: as long as it is told, and tells who has the file",
          "[api][rename][waiting][details]") {
  const scenario fs({.default_lock_timeout = std::chrono::milliseconds(1)});
  fs.expect_slices();
  fs->create_directory("/d").value();
  fs->write_file("/d/a", "abc").value();
  const auto holder = fs->open("/d/a", open_mode::update, {.label = "mine"}).value();
  const auto check = [&](const error& e, errc code, const char* operation, const char* path) {
    CHECK(e == code);
    const error_details d = e.details();
    CHECK(d.operation == operation);
    CHECK(d.path == path);
    REQUIRE(d.holders.size() == 1);
    CHECK(d.holders.front().label == "mine");
    CHECK(d.waiting == 0);
  };
  const auto rename = [&](const char* from, const rename_options& options) {
    return fs.refusal([&] { return fs->rename(from, "/n", options); });
  };
  const lock_timeout soon = std::chrono::milliseconds(2), now = lock_timeout::immediate();
  check(rename("/d/a", {.open = if_open::wait, .timeout = now}), errc::would_block, "rename",
        "/d/a");
  check(rename("/d", {.open = if_open::wait, .timeout = soon}), errc::timed_out, "rename", "/d");
  check(rename("/d", {.open = if_open::wait}), errc::timed_out, "rename", "/d");
  fs->write_file("/b", "b").value();
  check(fs.refusal([&] {
    return fs->move("/b", "/d/a", {.existing = if_exists::replace, .open = if_open::wait});
  }),
        errc::timed_out, "move", "/d/a");
  check(fs.refusal([&] { return fs->remove_tree("/d", {.open = if_open::wait, .timeout = soon}); }),
        errc::timed_out, "remove_tree", "/d");
  CHECK(rename("/d", {.open = if_open::keep_unnamed}) == errc::busy);
  CHECK(holder->write("x").has_value());
}

TEST_CASE("rename waits: when it gives up it tells how many others wait",
          "[api][rename][waiting][details]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  threads.write_file("/a", std::string_view("a")).value();
  std::optional<sync::file> holder = threads.open("/a", open_mode::read).value();
  asio::io_context context;
  file_system fs(context.get_executor(), v);
  std::optional<error> seen;
  bool has_other = false;
  fs.rename("/a", "/b", {.open = if_open::wait, .timeout = std::chrono::milliseconds(1)},
            [&](const result<void>& done) {
              seen = error_of(done);
              holder.reset();
            });
  fs.open("/a", open_mode::write, {.timeout = for_ever},
          [&](const result<file>& f) { has_other = f.has_value(); });
  REQUIRE(v.stats().waiting == 2);
  context.run();
  REQUIRE(seen);
  CHECK(*seen == errc::timed_out);
  CHECK(seen->details().waiting == 1);
  CHECK(seen->details().holder_count == 1);
  CHECK(has_other);
}

TEST_CASE("rename waits: the node behind what it moves is asked for as any other",
          "[api][rename][waiting][nodes]") {
  no_nodes policy;
  const auto v = volume::create({.faults = &policy}).value();
  sync::file_system threads(v);
  policy.is_on = false;
  threads.write_file("/a", std::string_view("a")).value();
  policy.is_on = true;
  std::optional<sync::file> holder = threads.open("/a", open_mode::read).value();
  asio::io_context context;
  file_system fs(context.get_executor(), v);
  std::optional<error> seen;
  bool has_other = false;
  fs.rename("/a", "/b", waiting, [&](const result<void>& done) { seen = error_of(done); });
  fs.open("/a", open_mode::read, {.timeout = for_ever},
          [&](const result<file>& f) { has_other = f.has_value(); });
  REQUIRE(v.stats().waiting == 2);
  holder.reset();
  context.run();
  REQUIRE(seen);
  CHECK(*seen == errc::node_limit_exceeded);
  CHECK(has_other);
  CHECK(threads.exists("/a").value());
}

TEST_CASE("rename waits: behind what it moves there has to be room for a node",
          "[api][rename][waiting][nodes]") {
  const scenario fs({.max_nodes = 2});
  fs->write_file("/a", "abc").value();
  auto holder = fs->open("/a", open_mode::update).value();
  auto moved = begin([own = fs.twin()] { return error_of(own->rename("/a", "/b", waiting)); });
  await_waiting(fs.volume(), 1);
  auto behind = begin([own = fs.other()] { return own->read_file("/a").value(); });
  await_waiting(fs.volume(), 2);
  holder.reset();
  CHECK(moved.get() == errc::node_limit_exceeded);
  CHECK(behind.get() == "abc");
  fs->rename("/a", "/b", waiting).value();
}

TEST_CASE("replacing from under handles: they keep the old content", "[api][rename][unnamed]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/b", "old").value();
  const std::uint64_t before = fs.used();
  fs->write_file("/d/a", "newer").value();
  const auto mode = GENERATE(open_mode::read, open_mode::update);
  const auto f = fs->open("/b", mode).value();
  const bool makes_parents = GENERATE(false, true);
  makes_parents ? fs->move("/d/a", "/b", keeping).value()
                : fs->rename("/d/a", "/b", keeping).value();
  CHECK(fs->read_file("/b").value() == "newer");
  std::string old(3, '\0');
  CHECK(f->read_at(0, old).value() == 3);
  CHECK(old == "old");
  CHECK(fs.stats().file_count == 2);
  // What moves must not be in use.
  const auto g = fs->open("/b", open_mode::read).value();
  CHECK(fs.refusal([&] { return fs->rename("/b", "/c", keeping); }) == errc::busy);
  g->close().value();
  f->close().value();
  CHECK(fs.stats().file_count == 1);
  fs->write_file("/b", "old").value();
  CHECK(fs.used() == before);
}

TEST_CASE(
    "replacing from under handles: a tree goes, and what is open of it stays with its handles",
    "[api][remove][unnamed]") {
  const scenario fs;
  fs->create_directories("/d/e").value();
  std::vector<std::unique_ptr<any_file>> open;
  std::uint64_t kept = 0;
  // More than are looked for among the handles.
  for (int i = 0; i < 1500; ++i) {
    const std::string path = (i % 2 == 0 ? "/d/" : "/d/e/") + std::to_string(i);
    fs->write_file(path, path).value();
    kept += i % 3 != 0 ? 1 : 0;
    for (int handles = 0; handles < i % 3; ++handles)
      open.push_back(fs->open(path, open_mode::read).value());
  }
  fs->remove_tree("/d", {.open = if_open::keep_unnamed}).value();
  CHECK(!fs->exists("/d").value());
  CHECK(fs.stats().file_count == kept);
  CHECK(fs.stats().directory_count == 1);
  for (const auto& f : open) {
    std::string content(f->path().size(), '\0');
    f->read_at(0, content).value();
    CHECK(content == f->path());
  }
  open.clear();
  CHECK(fs.stats().file_count == 0);
  CHECK(fs.used() == 0);
}

}  // namespace coramfs::tests
