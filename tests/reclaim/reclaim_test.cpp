// SPDX-License-Identifier: BSL-1.0
// Who is asked where a volume is full, and what comes of it, where a function answers: by threads,
// coroutines and tokens.
#include "reclaim/asked.hpp"

#include "follow/facades.hpp"
#include "support/catch.hpp"

#include <stdexcept>

namespace coramfs::tests {

TEMPLATE_TEST_CASE("reclaim: what makes a file larger asks, and has what was freed", "[reclaim]",
                   by_threads, by_coroutines, by_tokens) {
  const asked who;
  const volume v = volume::create(thousand(who.callback(removes("/filler")))).value();
  TestType on(v);
  on([&](auto&... last) { return on.fs.write_file("/a", content_of(0), last...); }).value();
  auto f = on([&](auto&... last) { return on.fs.open("/a", open_mode::update, last...); }).value();
  const std::string more = xs(500);
  const auto refill = [&] {
    on([&](auto&... last) { return f.truncate(0, last...); }).value();
    f.seek(0).value();
    fill(v, "/filler", 501);
  };
  std::size_t times = 0;
  const auto was_asked = [&](std::uint64_t bytes) {
    REQUIRE(who.count() == ++times);
    CHECK(who[times - 1].bytes == bytes);
    CHECK(who[times - 1].nodes == 0);
    CHECK(v.stats().waiting == 0);
    CHECK(!sync::file_system(v).exists("/filler").value());
  };
  refill();
  CHECK(on([&](auto&... last) { return f.write(buffer_of(more), last...); }).value() == 500);
  was_asked(1);
  refill();
  bytes owned = bytes_of(more);
  CHECK(on([&](auto&... last) { return f.write(std::move(owned), last...); }).value() == 500);
  was_asked(1);
  refill();
  CHECK(on([&](auto&... last) { return f.write_at(0, buffer_of(more), last...); }).value() == 500);
  was_asked(1);
  refill();
  CHECK(on([&](auto&... last) { return f.truncate(500, last...); }).value() == 500);
  was_asked(1);
  refill();
  CHECK(on([&](auto&... last) { return f.prepare(500, last...); }));
  was_asked(1);
  refill();
  CHECK(on([&](auto&... last) { return f.reserve(500, last...); }));
  was_asked(1);
  f.close().value();
  fill(v, "/filler", 999);
  CHECK(on([&](auto&... last) { return on.fs.write_file("/b", buffer_of(more), last...); }));
  was_asked(499);
  fill(v, "/filler", 500);
  open_options ahead;
  ahead.preallocate = 500;
  CHECK(on([&](auto&... last) { return on.fs.open("/c", open_mode::create, ahead, last...); }));
  was_asked(500);
  sync::file_system(v).remove("/b").value();
  fill(v, "/filler", 500);
  CHECK(on([&](auto&... last) { return on.fs.open("/a", open_mode::write, ahead, last...); }));
  was_asked(500);
  sync::file_system(v).remove("/a").value();
  fill(v, "/filler", 500);
  CHECK(on([&](auto&... last) { return on.fs.open_unnamed(ahead, last...); }));
  was_asked(500);
}

TEMPLATE_TEST_CASE("reclaim: what is free is not asked for", "[reclaim]", by_threads, by_coroutines,
                   by_tokens) {
  const asked who;
  const volume v = volume::create(thousand(who.callback(nothing))).value();
  TestType on(v);
  CHECK(on([&](auto&... last) { return on.fs.write_file("/a", content_of(999), last...); }));
  auto f = on([&](auto&... last) { return on.fs.open("/a", open_mode::append, last...); }).value();
  CHECK(on([&](auto&... last) { return f.write(content_of(1), last...); }));
  CHECK(who.count() == 0);
}

TEMPLATE_TEST_CASE("reclaim: too little is freed, and the request is refused with what is left",
                   "[reclaim]", by_threads, by_coroutines, by_tokens) {
  const asked who;
  const volume v = volume::create(thousand(who.callback(removes("/b")))).value();
  TestType on(v);
  fill(v, "/a", 600);
  fill(v, "/b", 100);
  const auto refused =
      on([&](auto&... last) { return on.fs.write_file("/c", content_of(500), last...); });
  CHECK(refused.error() == errc::quota_exceeded);
  CHECK(refused.error().requested() == 500);
  CHECK(refused.error().available() == 400);
  REQUIRE(who.count() == 1);
  CHECK(who[0].bytes == 200);
  CHECK(!sync::file_system(v).exists("/c").value());
  CHECK(v.stats().used_bytes == 600);
  // What was freed and not used is free for all.
  fill(v, "/d", 400);
}

TEMPLATE_TEST_CASE("reclaim: what the callback throws is counted", "[reclaim]", by_threads,
                   by_coroutines, by_tokens) {
  const asked who;
  const bool frees = GENERATE(false, true);
  const volume v = volume::create(thousand(who.callback([frees](sync::file_system fs) {
                     if (frees) fs.remove("/a").value();
                     throw std::runtime_error("no more");
                   }))).value();
  TestType on(v);
  fill(v, "/a", 1000);
  const auto done =
      on([&](auto&... last) { return on.fs.write_file("/c", content_of(1), last...); });
  CHECK(done.has_value() == frees);
  CHECK(who.count() == 1);
  CHECK(v.stats().failed_reclaims == 1);
}

TEST_CASE("reclaim: what a lower quota leaves too much of is missing, too", "[reclaim]") {
  const asked who;
  volume v = volume::create(thousand(who.callback(nothing))).value();
  fill(v, "/a", 1000);
  v.set_quota(500).value();
  CHECK(sync::file_system(v).write_file("/b", content_of(10)).error() == errc::quota_exceeded);
  REQUIRE(who.count() == 1);
  CHECK(who[0].bytes == 510);
  CHECK(who[0].least_bytes == 510);
  CHECK(v.stats().failed_reclaims == 0);
}

TEMPLATE_TEST_CASE("reclaim: nodes are asked for, and then bytes", "[reclaim]", by_threads,
                   by_coroutines, by_tokens) {
  const asked who;
  int turn = 0;
  volume_options o = thousand(who.callback(
      [&turn](sync::file_system fs) { fs.remove(turn++ == 0 ? "/empty" : "/a").value(); }));
  o.max_nodes = 3;
  const volume v = volume::create(o).value();
  TestType on(v);
  fill(v, "/a", 1000);
  fill(v, "/empty", 0);
  CHECK(on([&](auto&... last) { return on.fs.write_file("/b", content_of(10), last...); }));
  REQUIRE(who.count() == 2);
  CHECK(who[0].nodes == 1);
  CHECK(who[0].bytes == 0);
  CHECK(who[1].nodes == 0);
  CHECK(who[1].bytes == 10);
}

TEMPLATE_TEST_CASE("reclaim: what can never fit is not asked for", "[reclaim]", by_threads,
                   by_coroutines, by_tokens) {
  const asked who;
  volume_options o = thousand(who.callback(nothing));
  o.max_nodes = 1;
  const volume v = volume::create(o).value();
  TestType on(v);
  const auto node =
      on([&](auto&... last) { return on.fs.write_file("/b", content_of(10), last...); });
  CHECK(node.error() == errc::node_limit_exceeded);
  o.max_nodes.reset();
  const volume roomy = volume::create(o).value();
  TestType in(roomy);
  const auto all =
      in([&](auto&... last) { return in.fs.write_file("/b", content_of(1001), last...); });
  CHECK(all.error() == errc::quota_exceeded);
  fill(roomy, "/a", 600);
  auto f = in([&](auto&... last) { return in.fs.open("/a", open_mode::append, last...); }).value();
  const auto more = in([&](auto&... last) { return f.write(content_of(401), last...); });
  CHECK(more.error() == errc::quota_exceeded);
  CHECK(who.count() == 0);
}

TEMPLATE_TEST_CASE("reclaim: what the callback does asks nobody, and waits for no space",
                   "[reclaim]", by_threads, by_coroutines, by_tokens) {
  const asked who;
  std::vector<error> own;
  open_options waits;
  waits.on_full = when_full::wait;
  waits.timeout = lock_timeout::forever();
  waits.preallocate = 10;
  const volume v = volume::create(thousand(who.callback([&](sync::file_system fs) {
                     own.push_back(error_of(fs.write_file("/own", content_of(10))));
                     own.push_back(error_of(fs.open("/own", open_mode::write, waits)));
                     fs.remove("/a").value();
                     // What was freed is set aside for who asks.
                     own.push_back(error_of(fs.write_file("/own", content_of(10))));
                   }))).value();
  TestType on(v);
  fill(v, "/a", 1000);
  CHECK(on([&](auto&... last) { return on.fs.write_file("/b", content_of(1000), last...); }));
  CHECK(who.count() == 1);
  REQUIRE(own.size() == 3);
  for (const error& e : own) CHECK(e == errc::quota_exceeded);
}

TEMPLATE_TEST_CASE("reclaim: without a timeout a function is asked, too", "[reclaim]", by_threads,
                   by_coroutines, by_tokens) {
  const asked who;
  const volume v = volume::create(thousand(who.callback(removes("/a")))).value();
  TestType on(v);
  fill(v, "/a", 1000);
  open_options at_once;
  at_once.timeout = lock_timeout::immediate();
  at_once.preallocate = 1000;
  CHECK(on([&](auto&... last) { return on.fs.open("/b", open_mode::write, at_once, last...); }));
  CHECK(who.count() == 1);
}

TEST_CASE("reclaim: the asking keeps the volume, and without an owner nobody is asked",
          "[reclaim]") {
  const asked who;
  std::optional<volume> v;
  v = volume::create(thousand(who.callback([&v](sync::file_system fs) {
        v.reset();
        fs.remove("/a").value();
      }))).value();
  fill(*v, "/a", 900);
  auto f = sync::file_system(*v).open("/b", open_mode::create).value();
  const bool is_owned = GENERATE(true, false);
  if (!is_owned) v.reset();
  const auto written = f.write(content_of(200));
  CHECK(written.has_value() == is_owned);
  CHECK(who.count() == (is_owned ? 1 : 0));
  CHECK(!v);
  CHECK(f.write(content_of(900)).error() == errc::quota_exceeded);
  CHECK(who.count() == (is_owned ? 1 : 0));
}

TEST_CASE("reclaim: directories, copies and forks ask nobody", "[reclaim]") {
  const asked who;
  volume_options o = thousand(who.callback(removes("/b")));
  o.max_nodes = 4;
  const volume v = volume::create(o).value();
  sync::file_system fs(v);
  fs.create_directory("/in").value();
  fill(v, "/in/a", 400);
  fill(v, "/b", 500);
  CHECK(fs.create_directory("/d").error() == errc::node_limit_exceeded);
  CHECK(fs.create_directories("/d/e").error() == errc::node_limit_exceeded);
  CHECK(fs.copy("/in/a", "/c").error() == errc::node_limit_exceeded);
  CHECK(fs.copy_tree("/in", "/d").error() == errc::node_limit_exceeded);
  fork_options small;
  small.max_quota = 100;
  CHECK(v.fork(small).error() == errc::quota_exceeded);
  CHECK(who.count() == 0);
}

TEST_CASE("reclaim: a fork asks as its origin does", "[reclaim][fork]") {
  const asked who;
  const volume origin = volume::create(thousand(who.callback(removes("/a")))).value();
  fill(origin, "/a", 1000);
  const volume fork = origin.fork().value();
  fill(fork, "/b", 10);
  CHECK(who.count() == 1);
  CHECK(sync::file_system(origin).exists("/a").value());
  CHECK(!sync::file_system(fork).exists("/a").value());
  fork_options silent;
  silent.reclaim = reclaim_callback();
  const volume other = origin.fork(silent).value();
  CHECK(sync::file_system(other).write_file("/b", content_of(10)).error() == errc::quota_exceeded);
  CHECK(who.count() == 1);
}

}  // namespace coramfs::tests
