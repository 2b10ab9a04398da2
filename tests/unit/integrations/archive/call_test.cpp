// SPDX-License-Identifier: BSL-1.0
// Calls that read archives: what a visitor chooses, sources, turns, cancellations, dying contexts.
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"

#include <asio/post.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

using namespace std::string_literals;

std::string some_files() { return tar_of({{"a", "1"}, {"../b", "2"}, {"c", "3"}, {"d", "4"}}); }

// Many turns' worth.
std::string large_archive() {
  std::vector<tar_part> parts;
  for (int i = 0; i < 32; ++i)
    parts.push_back({"f" + std::to_string(i), std::string(128 << 10, 'x')});
  return tar_of(parts);
}

result<expand_summary> each_by(way by, const volume& v, const archive_source& from,
                               const std::string& dest, entry_visitor visitor) {
  return run_by<expand_summary>(by, v, {}, [&](auto& fs, const expand_options& o) {
    return expand_each(fs, from, dest, visitor, o);
  });
}

}  // namespace

TEST_CASE("expand_each: the visitor decides", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto v = volume::create().value();
  const std::string archive = some_files();
  std::vector<std::string> seen;
  const auto done = each_by(by, v, source_of(archive), "/to", [&](const archive_entry& e) {
    seen.push_back(e.name);
    if (e.name == "d") return entry_action::stop;
    return e.name == "../b" ? entry_action::skip : entry_action::extract;
  });
  CHECK(done.value().files == 2);
  CHECK(done.value().skipped == 1);
  CHECK(seen == std::vector<std::string>{"a", "../b", "c", "d"});
  CHECK(tree_in(v, "/to") == std::map<std::string, std::string>{{"a", "1"}, {"c", "3"}});
}

TEST_CASE("expand_each: a visitor that throws, or says what nobody knows", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto v = volume::create().value();
  const figures before(v);
  const std::string archive = some_files();
  int calls = 0;
  CHECK_THROWS_AS(each_by(by, v, source_of(archive), "/to",
                          [&](const archive_entry&) -> entry_action {
                            if (++calls == 2) throw std::logic_error("from the visitor");
                            return entry_action::extract;
                          }),
                  std::logic_error);
  CHECK(error_of(each_by(by, v, source_of(archive), "/to", [](const archive_entry&) {
          return static_cast<entry_action>(9);
        })) == errc::invalid_argument);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_archive: others have turns while nothing comes of much, and in deep directories",
          "[archive]") {
  // Each turn is one handler of the context at least.
  const auto turns = [](const volume& v, const std::string& archive) {
    asio::io_context context;
    file_system fs(context, v);
    std::uint64_t files = 0;
    spawn(context, [&]() -> asio::awaitable<void> {
      const auto done = co_await expand_archive(fs, source_of(archive), "/");
      files = done.value().files;
    });
    const std::size_t handlers = context.run();
    CHECK(files > 0);
    return handlers;
  };
  SECTION("empty blocks of a member") {
    std::string blocks;
    for (std::size_t i = 0; i < 1 << 20; ++i) blocks += "\0\0\0\xFF\xFF"s;
    zip_part p{"f", blocks + "\3\0"s, 8};
    p.size = 0;
    p.crc = 0;
    const std::string archive = zip_of({p});
    CHECK(turns(volume::create().value(), archive) > archive.size() / (64 * 1024) - 2);
  }
  SECTION("directories in directories") {
    constexpr std::size_t names = 20, levels = 1000;
    std::vector<tar_part> parts;
    for (std::size_t i = 0; i < names; ++i) {
      std::string name = std::to_string(i);
      for (std::size_t j = 0; j < levels; ++j) name += "/a";
      tar_part p{"q", ""};
      p.pax = pax_record("path", name);
      parts.push_back(p);
    }
    const auto v = volume::create().value();
    // Each of them is looked for, and remembered, with its path, of 1,000 bytes on average.
    CHECK(turns(v, tar_of(parts)) > 2 * names * levels * 1000 / (64 * 1024));
    CHECK(v.stats().peak_bytes > names * levels * 1000);
  }
}

TEST_CASE("list_archive: entries as they are", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto v = volume::create().value();
  const std::string archive = tar_of({{"/abs", "12"}, {"d", "", '5'}, {"l", "", '2', "x"}});
  for (const std::string& packed : {archive, piped("gzip", archive)}) {
    const auto all = list_by(by, v, source_of(packed)).value();
    REQUIRE(all.size() == 3);
    CHECK(all[0].name == "/abs");
    CHECK(all[0].size == 2);
    CHECK(all[0].kind == entry_kind::file);
    CHECK(all[1].kind == entry_kind::directory);
    CHECK(!all[1].size);
    CHECK(all[2].kind == entry_kind::symbolic_link);
  }
  expand_options o;
  o.max_files = 0;
  CHECK(error_of(list_by(by, v, source_of(archive), o)) == errc::too_large);
}

TEST_CASE("expand_archive: options that are none", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine);
  const auto v = volume::create().value();
  const std::string archive = some_files();
  expand_options a, b, c;
  a.conflict = static_cast<on_conflict>(7);
  b.unsafe = static_cast<unsafe_entries>(7);
  c.formats = static_cast<archive_formats>(7);
  for (const expand_options& o : {a, b, c}) {
    CHECK(error_of(expand_by(by, v, source_of(archive), "/", o)) == errc::invalid_argument);
    CHECK(error_of(list_by(by, v, source_of(archive), o)) == errc::invalid_argument);
  }
}

TEST_CASE("expand_archive: a file as source is held shared, and one of the host has to be there",
          "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  volume_options options;
  options.default_lock_timeout = lock_timeout::immediate();
  const auto v = volume::create(options).value();
  sync::file_system fs(v);
  fs.write_text("/a.tar", tar_of({{"a", "1"}})).value();
  const auto from = archive_source::in_volume("/a.tar");
  {
    auto writer = fs.open("/a.tar", open_mode::update).value();
    CHECK(error_of(expand_by(by, v, from, "/to")) == errc::would_block);
  }
  bool was_held = false;
  each_by(by, v, from, "/to", [&](const archive_entry&) {
    was_held = error_of(fs.open("/a.tar", open_mode::update)) == errc::would_block &&
               fs.open("/a.tar", open_mode::read).has_value();
    return entry_action::extract;
  }).value();
  CHECK(was_held);
  CHECK(error_of(expand_by(by, v, archive_source::in_volume("/none"), "/")) == errc::not_found);
  CHECK(error_of(expand_by(by, v, archive_source::in_volume("/to"), "/")) == errc::is_a_directory);
  CHECK(error_of(expand_by(by, v, archive_source::on_host("/no/such/file"), "/")) ==
        std::errc::no_such_file_or_directory);
  CHECK(error_of(expand_by(by, v, archive_source::on_host("/"), "/")) == errc::is_a_directory);
  CHECK(error_of(expand_by(by, v, archive_source::on_host("/dev/null"), "/")) ==
        errc::not_supported);
}

TEST_CASE("expand_archive: others have turns, and a cancellation is heard in them", "[archive]") {
  const auto v = volume::create().value();
  const figures before(v);
  const std::string archive = piped("gzip", large_archive());
  asio::io_context context;
  file_system fs(context, v);
  asio::cancellation_signal signal;
  std::size_t turns = 0;
  bool has_ended = false;
  const std::size_t cancel_at = GENERATE(1u, 2u, 5u, 17u);
  // Each of its turns is one of the others' in between.
  spawn(context, signal, [&]() -> asio::awaitable<void> {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto done = co_await expand_archive(fs, source_of(archive), "/to");
    has_ended = true;
    CHECK(error_of(done) == errc::canceled);
  });
  while (!has_ended && turns < 1000) {
    if (turns == cancel_at) signal.emit(asio::cancellation_type::terminal);
    context.run_one();
    ++turns;
  }
  CHECK(has_ended);
  CHECK(turns < cancel_at + 20);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_archive: a cancellation reaches the thread of a pool", "[archive]") {
  const auto v = volume::create().value();
  const figures before(v);
  const std::string archive = large_archive();
  asio::io_context context;
  file_system fs(context, v);
  blocking_pool pool(1);
  asio::cancellation_signal signal;
  expand_options o;
  o.pool = &pool;
  std::atomic<int> seen{0};
  // The pool waits in the visitor until it was asked to stop.
  std::atomic<bool> is_cancelled{false};
  spawn(context, signal, [&]() -> asio::awaitable<void> {
    co_await asio::this_coro::throw_if_cancelled(false);
    const entry_visitor visitor = [&](const archive_entry&) {
      if (++seen == 3) {
        asio::post(context, [&] {
          signal.emit(asio::cancellation_type::terminal);
          is_cancelled = true;
          is_cancelled.notify_all();
        });
        is_cancelled.wait(false);
      }
      return entry_action::extract;
    };
    const auto done = co_await expand_each(fs, source_of(archive), "/to", visitor, o);
    CHECK(error_of(done) == errc::canceled);
  });
  context.run();
  CHECK(seen < 6);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_archive: a context that dies in the middle leaves nothing", "[archive]") {
  const auto v = volume::create().value();
  const figures before(v);
  const std::string archive = large_archive();
  const std::size_t turns = GENERATE(1u, 3u, 9u);
  const bool is_streaming = GENERATE(false, true);
  {
    asio::io_context context;
    file_system fs(context, v);
    spawn(context, [&]() -> asio::awaitable<void> {
      if (is_streaming) {
        const auto done = co_await expand_archive_streaming(fs, source_of(archive), "/to");
        CHECK(!done);
      } else {
        const auto done = co_await expand_archive(fs, source_of(archive), "/to");
        CHECK(!done);
      }
    });
    for (std::size_t i = 0; i < turns; ++i) context.run_one();
  }
  CHECK(v.stats().open_handles == 0);
  if (!is_streaming) {
    CHECK(figures(v) == before);
  } else if (sync::file_system(v).exists("/to").value()) {
    for (const auto& [path, content] : tree_in(v, "/to")) CHECK(content.size() == 128 << 10);
  }
}

TEST_CASE("expand_archive: a pool that is stopped", "[archive]") {
  const auto v = volume::create().value();
  const std::string archive = some_files();
  asio::io_context context;
  file_system fs(context, v);
  blocking_pool pool;
  pool.stop();
  expand_options o;
  o.pool = &pool;
  bool has_ended = false;
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto done = co_await expand_archive(fs, source_of(archive), "/to", o);
    CHECK(error_of(done) == errc::canceled);
    has_ended = true;
  });
  context.run();
  CHECK(has_ended);
}

}  // namespace coramfs::tests
