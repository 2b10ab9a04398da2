// SPDX-License-Identifier: BSL-1.0
// Archives that are expanded while they arrive: what comes in pieces, ends early, fails, stalls.
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/arriving_streams.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"
#include "unit/integrations/archive/small_archives.hpp"

#include <future>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

using namespace std::string_literals;

// Those that can be read from their beginning to their end.
std::vector<small_archive> arriving_archives() {
  std::vector<small_archive> all = small_archives();
  std::erase_if(all, [](const small_archive& a) { return !a.is_read_from_its_beginning; });
  return all;
}

// What is deflated, stored without being compressed, with its checksum and sizes behind it.
std::string described_zip(bool has_magic, const std::string& content, unsigned method = 8) {
  const std::string packed =
      method == 0 ? content : "\1"s + le(content.size(), 2) + le(~content.size(), 2) + content;
  const std::string sums = le(crc_of(content), 4) + le(packed.size(), 4) + le(content.size(), 4);
  const std::string head = le(20, 2) + le(8, 2) + le(method, 2) + le(0x00210000, 4);
  const std::string name = "a";
  const std::string all = "PK\3\4" + head + std::string(12, '\0') + le(1, 2) + le(0, 2) + name +
                          packed + (has_magic ? "PK\7\10" : "") + sums;
  const std::string directory =
      "PK\1\2" + le(0x0314, 2) + head + sums + le(1, 2) + le(0, 8) + le(0, 4) + le(0, 4) + name;
  return all + directory + "PK\5\6" + le(0, 4) + le(1, 2) + le(1, 2) + le(directory.size(), 4) +
         le(all.size(), 4) + le(0, 2);
}

}  // namespace

TEST_CASE("expand_arriving: in pieces of any size it is what it is as a whole", "[arriving]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const std::size_t piece = GENERATE(1u, 7u, 4096u, 1u << 20);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  for (const small_archive& a : arriving_archives()) {
    INFO(a.name);
    const auto expected = expand_by(way::thread, v, source_of(a.content), "/whole").value();
    const auto whole = tree_in(v, "/whole");
    const auto done = arrive_by(by, v, {a.content, piece}, "/to").value();
    CHECK(done.files == expected.files);
    CHECK(done.directories == expected.directories);
    CHECK(done.bytes == expected.bytes);
    CHECK(tree_in(v, "/to") == whole);
    // What comes behind an archive is passed over.
    CHECK(arrive_by(by, v, {a.content + std::string(60'000, 'x'), piece + 100}, "/more"));
    CHECK(tree_in(v, "/more") == whole);
    for (const char* const path : {"/whole", "/to", "/more"}) fs.remove_tree(path).value();
    CHECK(v.stats().open_handles == 0);
    CHECK(v.stats().pins == 0);
  }
  CHECK(v.stats().used_bytes == volume::create().value().stats().used_bytes);
}

TEST_CASE("expand_arriving: what has lost its end leaves nothing", "[arriving]") {
  const auto v = volume::create().value();
  const figures before(v);
  for (const small_archive& a : arriving_archives()) {
    INFO(a.name);
    for (std::size_t size = 0; size < a.content.size(); ++size) {
      if (is_whole_without_its_end(a, size)) break;
      const auto done = arrive_by(way::thread, v, {a.content.substr(0, size)}, "/to");
      if (done) FAIL("cut to " << size << " of " << a.content.size());
      const error why = done.error();
      if (why != errc::corrupt_archive && why != errc::unsupported_archive)
        FAIL("cut to " << size << ": " << why.message());
      if (size > 600 && why != errc::corrupt_archive) FAIL("cut to " << size);
      if (!(figures(v) == before)) FAIL("something is left, at " << size);
    }
  }
}

TEST_CASE("expand_arriving: zeros behind a tar of which some are missing", "[arriving]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const std::string tar = tar_of({{"a", "1"}});
  for (const std::size_t missing : {1u, 511u, 512u}) {
    const auto v = volume::create().value();
    CHECK(arrive_by(by, v, {tar.substr(0, tar.size() - missing)}, "/").value().files == 1);
  }
  const auto v = volume::create().value();
  CHECK(error_of(arrive_by(by, v, {tar.substr(0, tar.size() - 513)}, "/")) ==
        errc::corrupt_archive);
}

TEST_CASE("expand_arriving: a byte that is another", "[arriving]") {
  const auto v = volume::create().value();
  sync::file_system fs(v);
  expand_options o;
  o.unsafe = unsafe_entries::skip;
  for (const small_archive& a : arriving_archives()) {
    INFO(a.name);
    expand_by(way::thread, v, source_of(a.content), "/whole").value();
    const auto whole = tree_in(v, "/whole");
    fs.remove_tree("/whole").value();
    const figures before(v);
    std::size_t refused = 0;
    for_each_change(a.content, [&](const std::string& changed, std::size_t i) {
      const auto done = arrive_by(way::thread, v, {changed}, "/to", o);
      if (done) {
        // Whatever it is taken for, it is the same as where all of it is there at once; there
        // damage is seen also in what does not count, as the times in the directory of a zip.
        const auto arrived = tree_in(v, "/to");
        fs.remove_tree("/to").value();
        if (expand_by(way::thread, v, source_of(changed), "/to", o)) {
          if (tree_in(v, "/to") != arrived) FAIL("byte " << i << " makes two trees");
          fs.remove_tree("/to").value();
        } else if (a.name != "zip" && a.name != "stored zip") {
          FAIL("byte " << i << " is refused there");
        } else if (arrived != whole) {
          FAIL("byte " << i << " makes another tree");
        }
      } else {
        ++refused;
      }
      if (!(figures(v) == before)) FAIL("something is left, at " << i);
    });
    CHECK(refused > a.content.size() / 4);
  }
}

TEST_CASE("expand_arriving: members whose sizes stand behind them", "[arriving]") {
  const way by = GENERATE(way::thread, way::pool);
  const bool has_magic = GENERATE(false, true);
  const auto v = volume::create().value();
  const std::string zip = described_zip(has_magic, "some content");
  CHECK(arrive_by(by, v, {zip, 3}, "/to").value().bytes == 12);
  CHECK(tree_in(v, "/to") == std::map<std::string, std::string>{{"a", "some content"}});
  // One that is stored ends nowhere.
  const std::string stored = described_zip(has_magic, "some content", 0);
  CHECK(error_of(arrive_by(by, v, {stored}, "/to")) == errc::unsupported_archive);
  // With a checksum, or a size, that is another.
  const std::size_t sums = zip.find("PK\1\2") - 12;
  for (const std::size_t at : {sums, sums + 4, sums + 8}) {
    std::string changed = zip;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    CHECK(error_of(arrive_by(by, v, {changed}, "/no")) == errc::corrupt_archive);
  }
}

TEST_CASE("expand_arriving: a zip whose directory says something else", "[arriving]") {
  const way by = GENERATE(way::thread, way::pool);
  const auto v = volume::create().value();
  const figures before(v);
  const std::string good = zip_of({{"a", "12345"}, {"b", "xyz"}});
  const std::size_t entry = good.find("PK\1\2"), second = good.find("PK\1\2", entry + 1);
  const std::size_t end = good.find("PK\5\6");
  const auto refused = [&](const std::string& zip) {
    const auto done = arrive_by(by, v, {zip}, "/to");
    return !done && done.error() == errc::corrupt_archive && figures(v) == before;
  };
  SECTION("of a member") {
    // Its method, checksum, sizes, place and name.
    for (const std::size_t at : {10u, 16u, 20u, 24u, 42u, 46u}) {
      std::string changed = good;
      changed[second + at] = static_cast<char>(changed[second + at] ^ 1);
      INFO("at " << at);
      CHECK(refused(changed));
    }
  }
  SECTION("how many there are") {
    std::string one = good, other = good;
    one.erase(entry, second - entry);
    CHECK(refused(one));
    other.replace(second, end - second, good.substr(entry, second - entry));
    CHECK(refused(other));
    std::string count = good;
    count[end + 8] = count[end + 10] = '\3';
    CHECK(refused(count));
  }
  SECTION("where it is") {
    for (const std::size_t at : {12u, 16u}) {
      std::string changed = good;
      changed[end + at] = static_cast<char>(changed[end + at] + 1);
      CHECK(refused(changed));
    }
  }
  SECTION("what is between members") {
    std::string changed = good;
    changed.insert(good.find("PK\3\4", 4), "left behind");
    CHECK(refused(changed));
  }
  SECTION("a link") {
    zip_part link{"l", "target"};
    link.attributes = 0120777u << 16;
    expand_options o;
    o.unsafe = unsafe_entries::skip;
    const auto done = arrive_by(by, v, {zip_of({{"a", "1"}, link})}, "/to", o);
    CHECK(error_of(done) == errc::unsafe_archive_entry);
    CHECK(figures(v) == before);
  }
}

TEST_CASE("expand_arriving: what can not be read from its beginning to its end", "[arriving]") {
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directory("/in").value();
  fs.write_text("/in/a", "1").value();
  create_archive(fs, "/in", "/a.7z", archive_format::seven_zip).value();
  const std::string seven_zip = fs.read_text("/a.7z").value();
  const std::string behind = "#!/bin/sh\n" + zip_of({{"a", "1"}});
  for (const way by : {way::thread, way::pool}) {
    CHECK(error_of(arrive_by(by, v, {seven_zip}, "/to")) == errc::unsupported_archive);
    CHECK(error_of(arrive_by(by, v, {behind}, "/to")) == errc::unsupported_archive);
    CHECK(error_of(arrive_by(by, v, {""}, "/to")) == errc::unsupported_archive);
    zip_part secret{"a", "123456789012345"};
    secret.flags = 1;
    CHECK(error_of(arrive_by(by, v, {zip_of({secret})}, "/to")) == errc::unsupported_archive);
  }
  // As a whole it can.
  CHECK(arrive_by(way::coroutine, v, {seven_zip}, "/to").value().files == 1);
  CHECK(arrive_by(way::coroutine, v, {behind}, "/also").value().files == 1);
}

TEST_CASE("expand_arriving: several gzips that are one tar, and one with a wrong checksum",
          "[arriving]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto v = volume::create().value();
  const std::string tar = tar_of({{"a", "1"}, {"b", std::string(100'000, 'b')}});
  const std::string several = piped("gzip", tar.substr(0, 700)) + piped("gzip", tar.substr(700));
  CHECK(arrive_by(by, v, {several, 5}, "/several").value().files == 2);
  std::string bad = piped("gzip -n", tar);
  bad[bad.size() - 5] = static_cast<char>(bad[bad.size() - 5] ^ 1);
  CHECK(error_of(arrive_by(by, v, {bad, 5}, "/to")) == errc::corrupt_archive);
}

TEST_CASE("expand_arriving: a stream that fails", "[arriving]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto v = volume::create().value();
  const figures before(v);
  for (const small_archive& a : arriving_archives()) {
    // Also behind the end of the archive: then it is not known whether that was all.
    for (const std::size_t size : {std::size_t{0}, a.content.size() / 2, a.content.size()}) {
      const arriving_text text{a.content.substr(0, size), 100, asio::error::connection_reset};
      const auto done = arrive_by(by, v, text, "/to");
      REQUIRE_FALSE(done);
      CHECK(done.error().code() == std::error_code(asio_error_code(asio::error::connection_reset)));
      CHECK(figures(v) == before);
    }
  }
}

TEST_CASE("expand_arriving: limits, conflicts and the quota", "[arriving]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const std::string tar = tar_of({{"a", std::string(300'000, 'a')}, {"b", "1"}});
  const auto v = volume::create({.max_quota = 2'500'000}).value();
  sync::file_system fs(v);
  fs.create_directory("/there").value();
  fs.write_text("/there/b", "before").value();
  const figures before(v);
  CHECK(error_of(arrive_by(by, v, {tar, 10'000}, "/there")) == errc::already_exists);
  expand_options o;
  o.max_file_bytes = 1000;
  CHECK(error_of(arrive_by(by, v, {tar, 10'000}, "/to", o)) == errc::too_large);
  const std::string bomb = piped("gzip", tar_of({{"a", std::string(4 << 20, 'a')}}));
  CHECK(error_of(arrive_by(by, v, {bomb, 100}, "/to")) == errc::quota_exceeded);
  o = {};
  o.conflict = static_cast<on_conflict>(9);
  CHECK(error_of(arrive_by(by, v, {tar}, "/to", o)) == errc::invalid_argument);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_arriving: what a decoder takes is looked at before it comes", "[arriving]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const std::string tar = tar_of({{"a", std::string(100'000, 'a')}});
  const auto v = volume::create().value();
  expand_options o;
  o.max_decoder_memory = 8 << 20;
  const std::string xz = piped("xz --lzma2=dict=64MiB", tar);
  CHECK(error_of(arrive_by(by, v, {xz, 7}, "/to", o)) == errc::unsupported_archive);
  // Of LZMA: a version, the size of the properties, and these, with a dictionary of 4 GiB.
  const std::string lzma = "\x10\x02"s + le(5, 2) + "\x5D" + le(0xFFFFFFFF, 4) + "????????";
  zip_part p{"a", lzma, 14};
  CHECK(error_of(arrive_by(by, v, {zip_of({{"b", "1"}, p}), 7}, "/to", o)) ==
        errc::unsupported_archive);
  CHECK(tree_in(v).empty());
}

TEST_CASE("expand_arriving: a decoder that fails does not wait for more", "[arriving]") {
  const auto v = volume::create().value();
  blocking_pool pool;
  expand_options o;
  o.pool = &pool;
  asio::io_context context;
  file_system fs(context, v);
  awaited_text from(std::string(2000, '?'));
  from.before_read = [](std::size_t given) { return given < 1000; };
  error why = std::error_code();
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto done = co_await expand_arriving(fs, from, "/to", o);
    why = error_of(done);
  });
  context.run();
  CHECK(why == errc::unsupported_archive);
}

TEST_CASE("expand_arriving: others have turns where the stream never waits", "[arriving]") {
  const auto v = volume::create().value();
  asio::io_context context;
  file_system fs(context, v);
  const std::string tar = tar_of({{"a", std::string(8 << 20, 'a')}});
  ready_text from(tar, 10'000);
  std::size_t turns = 0;
  bool is_done = false;
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto done = co_await expand_arriving(fs, from, "/");
    is_done = done.has_value();
  });
  spawn(context, [&]() -> asio::awaitable<void> {
    while (from.given() < tar.size()) {
      ++turns;
      co_await asio::post(asio::use_awaitable);
    }
  });
  context.run();
  CHECK(is_done);
  CHECK(turns >= 7);
}

TEST_CASE("expand_arriving: no more is read than the decoder is behind", "[arriving]") {
  const auto v = volume::create().value();
  blocking_pool pool(1);
  expand_options o;
  o.pool = &pool;
  asio::io_context context;
  file_system fs(context, v);
  const std::string tar = tar_of({{"a", std::string(2 << 20, 'a')}});
  awaited_text from(tar, 10'000);
  std::promise<void> go;
  bool is_done = false;
  // It has the only thread.
  spawn(context, [&]() -> asio::awaitable<void> {
    auto wait = [&] { go.get_future().wait(); };
    co_await offload(pool, wait);
  });
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto done = co_await expand_arriving(fs, from, "/", o);
    is_done = done.has_value();
  });
  context.poll();
  CHECK(from.given() == 128 * 1024);
  CHECK_FALSE(is_done);
  go.set_value();
  context.run();
  CHECK(is_done);
  CHECK(from.given() == tar.size());
}

TEST_CASE("expand_arriving: cancelled at any read, and while it waits for a thread", "[arriving]") {
  const bool with_pool = GENERATE(false, true);
  const auto v = volume::create().value();
  const figures before(v);
  std::vector<tar_part> parts;
  for (int i = 0; i < 10; ++i) parts.push_back({std::to_string(i), std::string(20'000, 'x')});
  const std::string archive = piped("gzip", tar_of(parts));
  blocking_pool pool(1);
  expand_options o;
  if (with_pool) o.pool = &pool;
  for (std::size_t at = 0; at <= archive.size(); at += 50) {
    const bool stalls = at % 100 == 0;
    asio::io_context context;
    file_system fs(context, v);
    asio::cancellation_signal signal;
    awaited_text from(archive, 50);
    from.before_read = [&](std::size_t given) {
      if (given != at) return true;
      asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
      return !stalls;
    };
    std::optional<error> why;
    spawn(context, signal, [&]() -> asio::awaitable<void> {
      co_await asio::this_coro::throw_if_cancelled(false);
      const auto done = co_await expand_arriving(fs, from, "/to", o);
      if (!done) why = done.error();
    });
    context.run();
    if (stalls && (!why || *why != errc::canceled)) FAIL("not cancelled at " << at);
    if (why && *why != errc::canceled) FAIL("at " << at << ": " << why->message());
    if (why && !(figures(v) == before)) FAIL("something is left, at " << at);
    if (!why) sync::file_system(v).remove_tree("/to").value();
  }
}

TEST_CASE("expand_arriving: a context that dies leaves nothing", "[arriving]") {
  const bool with_pool = GENERATE(false, true);
  const auto v = volume::create().value();
  const figures before(v);
  const std::string archive = piped("gzip", tar_of({{"a", std::string(200'000, 'x')}, {"b", "1"}}));
  for (std::size_t steps = 0; steps < 60; ++steps) {
    std::optional<blocking_pool> pool;
    expand_options o;
    if (with_pool) o.pool = &pool.emplace(1);
    awaited_text from(archive, 20);
    bool has_ended = false;
    {
      asio::io_context context;
      file_system fs(context, v);
      spawn(context, [&]() -> asio::awaitable<void> {
        const auto done = co_await expand_arriving(fs, from, "/to", o);
        has_ended = done.has_value();
      });
      for (std::size_t i = 0; i < steps; ++i) context.poll_one();
    }
    // Its thread ends before the pool does.
    pool.reset();
    // The last bytes may have come, and then it is all there.
    sync::file_system all(v);
    if (from.given() == archive.size() && all.exists("/to").value()) {
      CHECK(all.file_size("/to/a").value() == 200'000);
      all.remove_tree("/to").value();
    } else if (has_ended) {
      FAIL("nothing is there after " << steps);
    }
    if (!(figures(v) == before)) FAIL("something is left after " << steps);
  }
}

TEST_CASE("expand_arriving: a pool that is stopped, before and while something comes",
          "[arriving]") {
  const bool is_before = GENERATE(false, true);
  const auto v = volume::create().value();
  const figures before(v);
  const std::string archive = tar_of({{"a", std::string(10'000, 'x')}});
  blocking_pool pool(1);
  expand_options o;
  o.pool = &pool;
  asio::io_context context;
  file_system fs(context, v);
  awaited_text from(archive, 500);
  from.before_read = [&](std::size_t given) {
    if (given == 5000) asio::post(context, [&] { pool.stop(); });
    return given != 5000;
  };
  if (is_before) pool.stop();
  error why = std::error_code();
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto done = co_await expand_arriving(fs, from, "/to", o);
    why = error_of(done);
  });
  context.run();
  CHECK(why == errc::canceled);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_arriving: what a stream throws passes through, and leaves nothing",
          "[arriving]") {
  const bool with_pool = GENERATE(false, true);
  const auto v = volume::create().value();
  const figures before(v);
  blocking_pool pool;
  expand_options o;
  if (with_pool) o.pool = &pool;
  asio::io_context context;
  file_system fs(context, v);
  awaited_text from(tar_of({{"a", "1"}}), 100);
  from.before_read = [](std::size_t given) {
    if (given == 500) throw std::logic_error("from the stream");
    return true;
  };
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto done = co_await expand_arriving(fs, from, "/to", o);
    static_cast<void>(done);
  });
  CHECK_THROWS_AS(context.run(), std::logic_error);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_arriving: an error says of what it is", "[arriving]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto v = volume::create().value();
  const auto done = arrive_by(by, v, {"nothing that is known"}, "/to");
  REQUIRE_FALSE(done);
  CHECK(done.error().message().find("/to") != std::string::npos);
}

}  // namespace coramfs::tests
