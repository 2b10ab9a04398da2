// SPDX-License-Identifier: BSL-1.0
// Operations with completion tokens that end before they are done: by a signal, and with their
// context.
#include "api/token_fixture.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

constexpr std::size_t mib = 1024 * 1024;

/// A file of some slices, and an operation on it with a signal.
struct long_fixture : token_fixture {
  asio::cancellation_signal signal;
  error seen = std::error_code();
  bool called = false;

  long_fixture() { threads.write_file("/large", std::string(8 * mib, 'x')).value(); }

  /// A handler that the signal cancels.
  auto take() {
    return asio::bind_cancellation_slot(signal.slot(), [this](auto r) {
      called = true;
      if (!r) seen = r.error();
    });
  }
  /// Emits while the operation has done its first slice, and runs it to the end.
  void cancel() {
    CHECK(!called);
    signal.emit(asio::cancellation_type::partial);
    CHECK(!called);
    context.run();
    context.restart();
    CHECK(called);
  }
};

}  // namespace

TEST_CASE("token cancellation: a signal ends a wait, of whatever type it is",
          "[api][tokens][cancellation]") {
  token_fixture t;
  auto holder = t.threads.open("/a", open_mode::update).value();
  const auto type = GENERATE(asio::cancellation_type::terminal, asio::cancellation_type::partial,
                             asio::cancellation_type::total);
  asio::cancellation_signal signal;
  error seen = std::error_code();
  const auto take = [&] {
    return asio::bind_cancellation_slot(signal.slot(), [&](auto r) { seen = error_of(r); });
  };
  SECTION("read_file") { t.fs.read_file("/a", take()); }
  SECTION("write_file") { t.fs.write_file("/a", "xyz", take()); }
  SECTION("copy") { t.fs.copy("/a", "/b", take()); }
  SECTION("copy_tree") {
    t.threads.create_directory("/d").value();
    t.threads.write_file("/d/a", "xyz").value();
    holder = t.threads.open("/d/a", open_mode::update).value();
    t.fs.copy_tree("/d", "/b", take());
  }
  SECTION("export_tree") { t.fs.export_tree(take()); }
  t.context.poll();
  CHECK(t.v.stats().waiting == 1);
  signal.emit(type);
  CHECK(!seen.code());
  t.context.restart();
  t.context.run();
  CHECK(seen == errc::canceled);
  CHECK(t.v.stats().waiting == 0);
  // The slot is given back.
  CHECK(!signal.slot().has_handler());
  holder.close().value();
  CHECK(t.is_clean());
}

TEST_CASE("token cancellation: a long one is cancelled between two slices, and leaves nothing",
          "[api][tokens][cancellation]") {
  long_fixture t;
  SECTION("copy") { t.fs.copy("/large", "/copy", t.take()); }
  SECTION("copy_tree") {
    t.threads.create_directory("/d").value();
    t.threads.rename("/large", "/d/large").value();
    t.fs.copy_tree("/d", "/copy", t.take());
  }
  SECTION("read_file") { t.fs.read_file("/large", t.take()); }
  SECTION("export_tree") { t.fs.export_tree(t.take()); }
  SECTION("import_tree") { t.fs.import_tree({{"/copy", bytes(8 * mib)}}, t.take()); }
  t.cancel();
  CHECK(t.seen == errc::canceled);
  CHECK(!t.threads.exists("/copy").value());
  CHECK(t.is_clean());
}

TEST_CASE("token cancellation: what has begun to write or to remove runs to its end",
          "[api][tokens][cancellation]") {
  long_fixture t;
  const std::string content(8 * mib, 'y');
  SECTION("write_file") {
    t.fs.write_file("/new", content, t.take());
    t.cancel();
    CHECK(t.threads.file_size("/new").value() == content.size());
  }
  SECTION("remove") {
    t.fs.remove("/large", t.take());
    t.cancel();
    CHECK(!t.threads.exists("/large").value());
  }
  SECTION("a write to a file") {
    file f;
    t.fs.open("/new", open_mode::create, [&](result<file> r) { f = std::move(r).value(); });
    t.context.run();
    t.context.restart();
    f.write(content, t.take());
    t.cancel();
    CHECK(f.size().value() == content.size());
  }
  CHECK(!t.seen);
  CHECK(t.is_clean());
}

TEST_CASE("token cancellation: one that is cancelled in its turn does not begin to wait",
          "[api][tokens][cancellation][space]") {
  asio::io_context context;
  const auto v = volume::create({.max_quota = 10 * mib, .accounting = accounting::payload}).value();
  file_system fs(context.get_executor(), v);
  file f;
  fs.open("/a", open_mode::create, {.on_full = when_full::wait},
          [&](result<file> r) { f = std::move(r).value(); });
  context.run();
  sync::file_system(v).write_file("/other", std::string(10 * mib, 'x')).value();
  const std::string content(mib, 'x');
  asio::cancellation_signal signal;
  std::optional<error> seen;
  const auto take = [&](result<std::size_t> r) { seen = error_of(r); };
  // One of them has its turn first, after as much in one go, and all of them wait.
  int turns = 0;
  for (int i = 0; i < 4; ++i) {
    seen.reset();
    context.restart();
    f.write(content, asio::bind_cancellation_slot(signal.slot(), take));
    const bool has_turn = v.stats().waiting == 0;
    turns += has_turn ? 1 : 0;
    signal.emit(asio::cancellation_type::total);
    if (has_turn) CHECK(v.stats().waiting == 0);
    context.run();
    REQUIRE(seen);
    CHECK(*seen == errc::canceled);
    CHECK(v.stats().waiting == 0);
  }
  CHECK(turns == 1);
}

TEST_CASE("token cancellation: a signal may end before the operation that it cancels",
          "[api][tokens][cancellation]") {
  long_fixture t;
  auto holder = t.threads.open("/a", open_mode::update).value();
  auto signal = std::make_unique<asio::cancellation_signal>();
  const bool dies = GENERATE(false, true);
  bool called = false;
  auto context = std::make_unique<asio::io_context>();
  file_system fs(context->get_executor(), t.v);
  const auto take = [&] {
    return asio::bind_cancellation_slot(signal->slot(), [&](auto) { called = true; });
  };
  SECTION("while it waits") { fs.read_file("/a", take()); }
  SECTION("between two slices") { fs.read_file("/large", take()); }
  context->poll_one();
  signal.reset();
  holder.close().value();
  if (!dies) context->run();
  context.reset();
  CHECK(called == !dies);
  CHECK(t.is_clean());
}

TEST_CASE("token cancellation: a context that dies destroys their handlers uncalled",
          "[api][tokens]") {
  const auto v = volume::create({.max_quota = 40 * mib}).value();
  sync::file_system threads(v);
  threads.write_file("/large", std::string(8 * mib, 'x')).value();
  threads.write_file("/a", "abc").value();
  auto holder = threads.open("/a", open_mode::update).value();
  const auto alive = std::make_shared<int>(0);
  bool called = false;
  const auto take = [&called, alive](auto) { called = true; };
  const std::string content(8 * mib, 'y');
  auto context = std::make_unique<asio::io_context>();
  file_system fs(context->get_executor(), v);
  file f;
  const auto open = [&](const char* path, open_mode mode) {
    fs.open(path, mode, {.on_full = when_full::wait},
            [&](result<file> r) { f = std::move(r).value(); });
    context->run();
    context->restart();
  };
  SECTION("that have ended and wait to be called") { fs.stat("/a", take); }
  SECTION("that have changed the tree and wait to be called") { fs.remove_tree("/none", take); }
  SECTION("that wait for a lock") { fs.read_file("/a", take); }
  SECTION("that wait for the lock of one of their files") { fs.export_tree(take); }
  SECTION("between two slices of a copy") { fs.copy("/large", "/copy", take); }
  SECTION("between two slices of what a removal frees") { fs.remove("/large", take); }
  SECTION("between two slices of a read") {
    open("/large", open_mode::read);
    f.read_all(take);
  }
  SECTION("between two slices of a write") {
    open("/new", open_mode::create);
    f.write(content, take);
  }
  SECTION("that wait for space") {
    open("/new", open_mode::create);
    f.prepare(39 * mib, take);
    CHECK(v.stats().waiting == 1);
  }
  context.reset();
  CHECK(!called);
  CHECK(alive.use_count() == 2);
  CHECK(v.stats().waiting == 0);
  f.close().value();
  holder.close().value();
  CHECK(v.stats().open_handles == 0);
  CHECK(!threads.exists("/copy").value());
  CHECK(threads.open("/a", open_mode::update, at_once).has_value());
}

}  // namespace coramfs::tests
