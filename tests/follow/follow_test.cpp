// SPDX-License-Identifier: BSL-1.0
// Files that are read while they are written, through each facade.
#include <coramfs/asio.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "follow/facades.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr lock_timeout at_once = lock_timeout::immediate();

volume make_volume(volume_options o = {}) {
  o.default_storage = GENERATE(storage_layout::automatic, storage_layout::sequential,
                               storage_layout::random_access);
  o.accounting = GENERATE(accounting::memory, accounting::payload);
  return volume::create(o).value();
}

std::string text_of_pin(const pinned& p) {
  std::string all(p.size(), '\0');
  asio::buffer_copy(asio::buffer(all), p);
  return all;
}

/// The short names of a facade.
template <class Facade>
struct calls {
  explicit calls(const volume& over) : on(over) {}

  result<typename Facade::file> open(std::string_view path, open_mode mode, open_options o = {}) {
    return on([&](auto&... last) { return on.fs.open(path, mode, o, last...); });
  }
  typename Facade::file grow(std::string_view path, open_mode mode = open_mode::write,
                             on_abandon then = on_abandon::remove) {
    return open(path, mode, {.timeout = at_once, .followable = true, .abandoned = then}).value();
  }
  result<typename Facade::follower> follow(std::string_view path, follow_options o = {}) {
    return on([&](auto&... last) { return on.fs.follow(path, o, last...); });
  }
  result<std::size_t> write(typename Facade::file& f, std::string_view text) {
    return on([&](auto&... last) {
      return f.write(asio::const_buffer(text.data(), text.size()), last...);
    });
  }
  result<std::string> next(typename Facade::follower& f, std::size_t at_most = 1 << 20) {
    auto piece = on([&](auto&... last) { return f.next(at_most, last...); });
    if (!piece) return piece.error();
    return text_of_pin(piece.value());
  }
  result<std::string> read(typename Facade::follower& f, std::size_t size) {
    std::string to(size, '\0');
    auto done = on([&](auto&... last) { return f.read(asio::buffer(to), last...); });
    if (!done) return done.error();
    to.resize(done.value());
    return to;
  }
  result<void> announce(typename Facade::file& f, std::uint64_t size, bool reserve = false) {
    return on([&](auto&... last) { return f.announce(size, reserve, last...); });
  }

  Facade on;
};

using facades = std::tuple<by_threads, by_coroutines, by_tokens>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("follow: what is committed is read at once, and then the end",
                        "[follow][api]", facades) {
  const volume v = make_volume();
  calls<TestType> fs(v);
  auto w = fs.grow("/f");
  fs.write(w, "first ").value();
  auto f = fs.follow("/f", {.at_least = 1}).value();
  CHECK(f.committed() == 6);
  CHECK(f.state() == follow_state::growing);
  CHECK(fs.next(f).value() == "first ");
  fs.write(w, "second").value();
  CHECK(f.committed() == 12);
  CHECK(fs.next(f, 3).value() == "sec");
  CHECK(fs.read(f, 2).value() == "on");
  CHECK(f.position() == 11);
  w.finish().value();
  CHECK(f.state() == follow_state::complete);
  CHECK(fs.next(f).value() == "d");
  CHECK(fs.next(f).value().empty());
  CHECK(fs.read(f, 100).value().empty());
  CHECK(fs.next(f).value().empty());
  CHECK(error_of(fs.next(f, 0)) == errc::invalid_argument);
}

TEMPLATE_LIST_TEST_CASE("follow: an impatient one takes what is there, or nothing", "[follow][api]",
                        facades) {
  const volume v = make_volume();
  calls<TestType> fs(v);
  auto w = fs.grow("/f");
  auto f = fs.follow("/f", {.patience = at_once}).value();
  CHECK(error_of(fs.next(f)) == errc::would_block);
  fs.write(w, "some").value();
  CHECK(fs.next(f).value() == "some");
  CHECK(error_of(fs.next(f)) == errc::would_block);
  auto g = fs.follow("/f", {.patience = std::chrono::milliseconds(1)}).value();
  // There are fewer bytes than it wants, and it stays usable.
  CHECK(error_of(fs.next(g)) == errc::timed_out);
  CHECK(fs.next(g, 4).value() == "some");
  CHECK(error_of(fs.next(g)) == errc::timed_out);
  CHECK(v.stats().waiting == 0);
}

TEMPLATE_LIST_TEST_CASE("follow: an abandoned file gives its bytes, then the error, and no name",
                        "[follow][api]", facades) {
  const volume v = make_volume();
  calls<TestType> fs(v);
  std::optional<typename TestType::file> w = fs.grow("/f");
  fs.write(*w, "half").value();
  auto f = fs.follow("/f").value();
  auto fast = fs.follow("/f", {.fail_fast = true}).value();
  const auto way = GENERATE(0, 1, 2, 3);
  error expected = errc::abandoned;
  if (way == 0) w->close().value();
  if (way == 1) w.reset();
  if (way == 2) w->abandon().value();
  if (way == 3)
    w->abandon(expected = error(std::make_error_code(std::errc::host_unreachable))).value();
  CHECK(f.state() == follow_state::abandoned);
  CHECK(error_of(fs.next(fast)).code() == expected.code());
  CHECK(fs.next(f).value() == "half");
  CHECK(error_of(fs.next(f)).code() == expected.code());
  CHECK(error_of(fs.read(f, 10)).code() == expected.code());
  CHECK(error_of(fs.follow("/f")) == errc::not_found);
  // The name is free for a retry, which is another file.
  auto again = fs.grow("/f", open_mode::create);
  fs.write(again, "whole").value();
  again.finish().value();
  auto g = fs.follow("/f").value();
  CHECK(fs.next(g).value() == "whole");
  CHECK(error_of(fs.next(f)).code() == expected.code());
}

TEMPLATE_LIST_TEST_CASE("follow: what is abandoned and kept is incomplete until it is finished",
                        "[follow][api]", facades) {
  const volume v = make_volume();
  calls<TestType> fs(v);
  auto w = fs.grow("/f", open_mode::write, on_abandon::keep);
  fs.write(w, "half").value();
  w.abandon().value();
  {
    auto f = fs.follow("/f").value();
    CHECK(f.state() == follow_state::abandoned);
    CHECK(fs.next(f).value() == "half");
    CHECK(error_of(fs.next(f)) == errc::abandoned);
    auto fast = fs.follow("/f", {.fail_fast = true}).value();
    CHECK(error_of(fs.next(fast)) == errc::abandoned);
  }
  // A copy is as incomplete.
  sync::file_system threads(v);
  threads.copy("/f", "/copy").value();
  {
    auto f = fs.follow("/copy").value();
    CHECK(f.state() == follow_state::abandoned);
  }
  w = fs.grow("/f", open_mode::append, on_abandon::keep);
  auto f = fs.follow("/f").value();
  CHECK(f.state() == follow_state::growing);
  fs.write(w, " and half").value();
  w.finish().value();
  CHECK(fs.next(f).value() == "half and half");
  CHECK(fs.next(f).value().empty());
  w.close().value();
  f = fs.follow("/f").value();
  CHECK(f.state() == follow_state::complete);
  // New content in its place is no part of it.
  threads.write_file("/copy", "new").value();
  f = fs.follow("/copy").value();
  CHECK(f.state() == follow_state::complete);
}

TEMPLATE_LIST_TEST_CASE("follow: an incomplete file that is emptied is complete", "[follow][api]",
                        facades) {
  const volume v = make_volume();
  calls<TestType> fs(v);
  auto w = fs.grow("/f", open_mode::write, on_abandon::keep);
  if (GENERATE(true, false)) fs.write(w, "half").value();
  w.abandon().value();
  {
    // To give back room that was prepared empties nothing.
    auto u = fs.open("/f", open_mode::append).value();
    static_cast<void>(fs.on([&](auto&... l) { return u.prepare(100, l...); }).value());
    u.close().value();
    auto f = fs.follow("/f").value();
    CHECK(f.state() == follow_state::abandoned);
  }
  {
    auto u = fs.open("/f", open_mode::update).value();
    fs.on([&](auto&... l) { return u.truncate(0, l...); }).value();
    fs.write(u, "new").value();
  }
  auto f = fs.follow("/f").value();
  CHECK(f.state() == follow_state::complete);
  CHECK(fs.next(f).value() == "new");
  CHECK(fs.next(f).value().empty());
}

TEMPLATE_LIST_TEST_CASE("follow: a file without a writer is complete, and read with its lock",
                        "[follow][api]", facades) {
  const volume v = make_volume();
  calls<TestType> fs(v);
  sync::file_system threads(v);
  threads.write_file("/f", "content").value();
  threads.create_directory("/d").value();
  CHECK(error_of(fs.follow("/none")) == errc::not_found);
  CHECK(error_of(fs.follow("/d")) == errc::is_a_directory);
  {
    auto f = fs.follow("/f", {.from = 3}).value();
    CHECK(f.state() == follow_state::complete);
    CHECK(f.committed() == 7);
    CHECK(!f.expected_size());
    CHECK(error_of(threads.open("/f", open_mode::update, {.timeout = at_once})) ==
          errc::would_block);
    CHECK(fs.next(f).value() == "tent");
    CHECK(fs.next(f).value().empty());
  }
  auto beyond = fs.follow("/f", {.from = 100}).value();
  CHECK(fs.next(beyond).value().empty());
  beyond = typename TestType::follower();
  CHECK(error_of(fs.next(beyond)) == errc::not_open);
  // One that is written and not followable is waited for.
  auto w = threads.open("/f", open_mode::update).value();
  CHECK(error_of(fs.follow("/f", {.patience = at_once})) == errc::would_block);
  CHECK(error_of(fs.follow("/f", {.patience = std::chrono::milliseconds(1)})) == errc::timed_out);
}

TEMPLATE_LIST_TEST_CASE("follow: a followable handle only appends", "[follow][api]", facades) {
  const volume v = make_volume();
  calls<TestType> fs(v);
  sync::file_system threads(v);
  auto w = fs.grow("/f", GENERATE(open_mode::write, open_mode::create, open_mode::append));
  fs.write(w, "four").value();
  const auto truncate = [&] { return fs.on([&](auto&... l) { return w.truncate(2, l...); }); };
  const auto punch = [&] { return fs.on([&](auto&... l) { return w.punch_hole(0, 2, l...); }); };
  const auto write_at = [&](std::uint64_t at) {
    return fs.on([&](auto&... l) { return w.write_at(at, asio::const_buffer("x", 1), l...); });
  };
  CHECK(error_of(truncate()) == errc::not_supported);
  CHECK(error_of(punch()) == errc::not_supported);
  CHECK(error_of(w.seek(0)) == errc::not_supported);
  CHECK(error_of(write_at(0)) == errc::not_supported);
  CHECK(error_of(write_at(9)) == errc::not_supported);
  write_at(4).value();
  CHECK(w.tell().value() == 4);
  CHECK(w.size().value() == 5);
  CHECK(threads.file_size("/f").value() == 5);
  CHECK(!w.readable());
  asio_error_code ec;
  CHECK(w.write_some(asio::const_buffer("yz", 2), ec) == 2);
  CHECK(v.open_handles().value().front().mode == w.mode());
  auto f = fs.follow("/f", {.at_least = 1}).value();
  CHECK(fs.next(f).value() == "fourxyz");
  w.finish().value();
  CHECK(error_of(fs.write(w, "more")) == errc::not_supported);
  CHECK(error_of(w.finish()) == errc::not_supported);
  CHECK(error_of(w.abandon()) == errc::not_supported);
  CHECK(error_of(fs.announce(w, 7)) == errc::not_supported);
  w.close().value();
  CHECK(error_of(w.finish()) == errc::not_open);
  CHECK(error_of(w.abandon()) == errc::not_open);
  CHECK(threads.read_text("/f").value() == "fourxyz");
  auto plain = fs.open("/f", open_mode::append).value();
  CHECK(error_of(plain.finish()) == errc::not_supported);
  CHECK(error_of(plain.abandon()) == errc::not_supported);
  CHECK(error_of(fs.announce(plain, 100)) == errc::not_supported);
}

TEMPLATE_LIST_TEST_CASE("follow: what can not be followed is refused", "[follow][api]", facades) {
  const volume v = make_volume();
  calls<TestType> fs(v);
  sync::file_system threads(v);
  threads.write_file("/f", "content").value();
  for (const auto mode : {open_mode::read, open_mode::update, open_mode::write_read,
                          open_mode::append_read, open_mode::create_read})
    CHECK(error_of(fs.open("/f", mode, {.followable = true})) == errc::invalid_argument);
  CHECK(error_of(fs.open("/f", open_mode::write, {.preallocate = 1, .followable = true})) ==
        errc::invalid_argument);
  CHECK(error_of(fs.open("/f", open_mode::write, {.own = true, .followable = true})) ==
        errc::invalid_argument);
  CHECK(error_of(fs.open("/f", open_mode::write, {.abandoned = static_cast<on_abandon>(7)})) ==
        errc::invalid_argument);
  CHECK(error_of(threads.open_unnamed({.followable = true})) == errc::invalid_argument);
  CHECK(threads.read_text("/f").value() == "content");
}

TEMPLATE_LIST_TEST_CASE("follow: a finished file is an ordinary one, beside those who follow it",
                        "[follow][api]", facades) {
  const volume v = make_volume();
  calls<TestType> fs(v);
  sync::file_system threads(v);
  auto w = fs.grow("/f");
  fs.write(w, std::string(100'000, 'a')).value();
  auto f = fs.follow("/f", {.at_least = 1}).value();
  CHECK(error_of(threads.remove("/f")) == errc::busy);
  w.finish().value();
  // Who comes before the writer has closed it need not wait for that.
  auto late = fs.follow("/f", {.patience = at_once}).value();
  CHECK(late.state() == follow_state::complete);
  w.close().value();
  CHECK(error_of(threads.remove("/f")) == errc::busy);
  {
    auto u = threads.open("/f", open_mode::update, {.timeout = at_once}).value();
    u.write(std::string(100'000, 'b')).value();
    u.truncate(10).value();
  }
  for (auto* const each : {&f, &late}) {
    std::string all;
    for (;;) {
      const std::string piece = fs.next(*each, 30'000).value();
      if (piece.empty()) break;
      all += piece;
    }
    CHECK(all == std::string(100'000, 'a'));
  }
  f = typename TestType::follower();
  late = typename TestType::follower();
  threads.remove("/f").value();
  CHECK(v.stats().used_bytes == 0);
}

TEMPLATE_LIST_TEST_CASE("follow: an announced size has to be met", "[follow][api]", facades) {
  const volume v = make_volume({.max_quota = 4 * 1024 * 1024});
  calls<TestType> fs(v);
  auto w = fs.grow("/f");
  auto f = fs.follow("/f").value();
  CHECK(!f.expected_size());
  fs.announce(w, 8).value();
  CHECK(f.expected_size() == 8u);
  fs.write(w, "short").value();
  CHECK(error_of(w.finish()) == errc::invalid_argument);
  CHECK(f.state() == follow_state::growing);
  CHECK(error_of(fs.announce(w, 4)) == errc::invalid_argument);
  CHECK(f.expected_size() == 8u);
  fs.write(w, "er.").value();
  w.finish().value();
  CHECK(f.state() == follow_state::complete);

  // What is paid for ahead is refused before the first byte.
  auto large = fs.grow("/g");
  CHECK(error_of(fs.announce(large, 5 * 1024 * 1024, true)) == errc::quota_exceeded);
  CHECK(error_of(fs.announce(large, ~std::uint64_t{0})) == errc::too_large);
  auto g = fs.follow("/g").value();
  CHECK(!g.expected_size());
  fs.announce(large, 3 * 1024 * 1024, true).value();
  CHECK(v.stats().used_bytes >= 3 * 1024 * 1024);
  large.abandon().value();
  CHECK(v.stats().used_bytes < 1024 * 1024);
}

TEMPLATE_LIST_TEST_CASE("follow: all that one writes comes, however it is written", "[follow][api]",
                        facades) {
  const volume v = make_volume();
  calls<TestType> fs(v);
  auto w = fs.grow("/f");
  std::vector<typename TestType::follower> followers;
  std::vector<std::string> seen;
  std::string all;
  const auto add = [&](std::size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>('a' + (all.size() + size_t(&c - text.data())) % 23);
    all += text;
    return text;
  };
  for (std::size_t round = 0; round < 60; ++round) {
    const std::size_t size = round % 7 == 6 ? 300'000 : 1 + round * 37;
    const std::string text = add(size);
    if (round % 3 == 0) {
      fs.write(w, text).value();
    } else if (round % 3 == 1) {
      bytes moved = bytes_of(text);
      fs.on([&](auto&... l) { return w.write(std::move(moved), l...); }).value();
    } else {
      auto room = fs.on([&](auto&... l) { return w.prepare(size + 100, l...); }).value();
      asio::buffer_copy(room, asio::buffer(text));
      w.commit(size).value();
    }
    if (round % 10 == 0) {
      followers.push_back(fs.follow("/f", {.patience = at_once}).value());
      seen.emplace_back();
    }
    for (std::size_t i = 0; i < followers.size(); ++i)
      if ((round + i) % 3 == 0) seen[i] += fs.next(followers[i], 100'000).value();
  }
  w.finish().value();
  for (std::size_t i = 0; i < followers.size(); ++i) {
    for (;;) {
      const std::string piece =
          i % 2 == 0 ? fs.next(followers[i]).value() : fs.read(followers[i], 77'777).value();
      if (piece.empty()) break;
      seen[i] += piece;
    }
    CHECK(seen[i] == all);
  }
  followers.clear();
  w.close().value();
  sync::file_system(v).remove("/f").value();
  CHECK(v.stats().used_bytes == 0);
}

TEST_CASE("follow: pins and followers keep what was abandoned, and its volume", "[follow][api]") {
  std::optional<volume> v = make_volume();
  calls<by_threads> fs(*v);
  auto w = fs.grow("/f");
  fs.write(w, std::string(200'000, 'x')).value();
  auto f = fs.follow("/f").value();
  auto pin = f.next(50'000).value();
  const std::uint64_t used = v->stats().used_bytes;
  w.abandon().value();
  CHECK(v->stats().file_count == 1);
  // With `payload` it is files that are charged, and not what pins hold.
  const bool counts_pins = v->stats().held_bytes > 0;
  CHECK((!counts_pins || v->stats().used_bytes + 4096 >= used));
  CHECK(text_of_pin(f.next(1 << 20).value()) == std::string(150'000, 'x'));
  f = sync::follower();
  CHECK(v->stats().file_count == 0);
  CHECK((v->stats().used_bytes > 0) == counts_pins);
  pin = pinned();
  CHECK(v->stats().used_bytes == 0);
  CHECK(v->stats().held_bytes == 0);
}

TEST_CASE("follow: a follower is a stream to read from, to its end or its error",
          "[follow][api][stream]") {
  const volume v = make_volume();
  calls<by_coroutines> fs(v);
  const bool abandons = GENERATE(false, true);
  auto w = fs.grow("/f");
  fs.write(w, "all of it").value();
  auto f = fs.follow("/f").value();
  abandons ? w.abandon().value() : w.finish().value();
  const auto read = [&](auto buffers) {
    fs.on.context.restart();
    std::pair<asio_error_code, std::size_t> seen;
    f.async_read_some(buffers, [&](asio_error_code ec, std::size_t n) { seen = {ec, n}; });
    CHECK(seen.second == 0);  // not in the call
    fs.on.context.run();
    return seen;
  };
  std::string to(20, '\0');
  const std::vector<asio::mutable_buffer> several{asio::buffer(to, 0), asio::buffer(to, 4),
                                                  asio::buffer(to)};
  CHECK(read(std::vector<asio::mutable_buffer>()) == std::pair(asio_error_code(), std::size_t{0}));
  CHECK(read(several) == std::pair(asio_error_code(), std::size_t{4}));
  CHECK(read(asio::buffer(to)) == std::pair(asio_error_code(), std::size_t{5}));
  CHECK(to.substr(0, 5) == "of it");
  const auto [ec, n] = read(asio::buffer(to));
  CHECK(n == 0);
  CHECK((abandons ? ec == errc::abandoned : ec == asio::error::eof));
}

TEST_CASE("follow: what waits for a file's lock waits for no follower", "[follow][api]") {
  const volume v = make_volume();
  calls<by_threads> fs(v);
  sync::file_system threads(v);
  auto w = fs.grow("/f");
  fs.write(w, std::string(70'000, 'x')).value();
  auto f = fs.follow("/f").value();
  w.finish().value();
  w.close().value();
  threads.rename("/f", "/g", {if_exists::fail, if_open::wait}).value();
  CHECK(threads.file_size("/g").value() == 70'000);
  CHECK(fs.next(f, 30'000).value() == std::string(30'000, 'x'));
  threads.remove("/g", {.open = if_open::wait}).value();
  CHECK(fs.next(f).value() == std::string(40'000, 'x'));
  CHECK(fs.next(f).value().empty());
  f = sync::follower();
  CHECK(v.stats().used_bytes == 0);
  CHECK(v.stats().file_count == 0);
}

TEST_CASE("follow: a writer that has waited for space in vain has abandoned nothing",
          "[follow][space]") {
  const volume v =
      volume::create({.max_quota = 1 << 20, .accounting = accounting::payload}).value();
  calls<by_threads> fs(v);
  sync::file_system threads(v);
  threads.write_file("/filler", std::string(900'000, 'x')).value();
  auto w = threads
               .open("/f", open_mode::write,
                     {.timeout = std::chrono::milliseconds(1),
                      .on_full = when_full::wait,
                      .followable = true})
               .value();
  auto f = fs.follow("/f", {.at_least = 1}).value();
  w.write(std::string(100'000, 'a')).value();
  CHECK(error_of(w.write(std::string(200'000, 'b'))) == errc::timed_out);
  CHECK(f.state() == follow_state::growing);
  CHECK(f.committed() == 100'000);
  threads.remove("/filler").value();
  w.write(std::string(200'000, 'b')).value();
  w.finish().value();
  CHECK(fs.next(f).value() == std::string(100'000, 'a') + std::string(200'000, 'b'));
}

TEST_CASE("follow: no more than ten thousand follow one file", "[follow][api]") {
  sync::file_system fs(volume::create().value());
  auto w = fs.open("/f", open_mode::write, {.followable = true}).value();
  std::vector<sync::follower> all;
  for (int i = 0; i < 10'000; ++i) all.push_back(fs.follow("/f").value());
  CHECK(error_of(fs.follow("/f")) == errc::busy);
  all.pop_back();
  all.push_back(fs.follow("/f").value());
  CHECK(error_of(fs.follow("/f")) == errc::busy);
}

TEST_CASE("follow: a name that is taken meanwhile is no end", "[follow][api]") {
  sync::file_system fs(volume::create().value());
  auto w = fs.open("/f", open_mode::write, {.followable = true}).value();
  auto f = fs.follow("/f", {.at_least = 1}).value();
  fs.remove("/f", {.open = if_open::keep_unnamed}).value();
  w.write(std::string("on")).value();
  CHECK(text_of_pin(f.next().value()) == "on");
  CHECK(error_of(fs.give_name(w, "/g")) == errc::not_supported);
  w.finish().value();
  CHECK(f.next().value().size() == 0);
  w.close().value();
  f = sync::follower();
  CHECK(fs.get_volume().stats().used_bytes == 0);
}

}  // namespace coramfs::tests
