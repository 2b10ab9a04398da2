// SPDX-License-Identifier: BSL-1.0
// What is noted of an error, for how long, and that nobody ever finds another's note.
#include "core/error_note.hpp"

#include <coramfs/detail/host_error.hpp>
#include <coramfs/error_details.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <barrier>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

using detail::about;
using detail::call;
using detail::lock_state;

constexpr int notes = 32;             // that each thread has room for
constexpr int more_than_lanes = 100;  // threads
constexpr std::chrono::steady_clock::duration now = std::chrono::hours(1);

void fail_often(int times) {
  for (int i = 0; i < times; ++i) about(call::stat, "/other", errc::not_found);
}

/// One handle, which has been open for two seconds and a half.
lock_state held(const char* label, std::uint32_t waiting = 0,
                std::chrono::milliseconds since = std::chrono::milliseconds(2550)) {
  lock_state l;
  l.add({now - since, static_cast<std::uint8_t>(open_mode::update), detail::label_text(label)});
  l.waiting = waiting;
  l.seen_at = now;
  return l;
}

}  // namespace

TEST_CASE("error note: it tells the call and the path", "[core][error]") {
  const error e = about(call::open, "/a/b", errc::not_found);
  CHECK(e == errc::not_found);
  CHECK(e.details().operation == "open");
  CHECK(e.details().path == "/a/b");
  CHECK(e.details().holders.empty());
  CHECK(e.message() == "not found: open \"/a/b\"");
  CHECK(about(call::import_tree, "", errc::canceled).message() == "canceled: import_tree");
  CHECK(about(call::unknown, "/a", errc::busy).message() == "busy: open or being opened: \"/a\"");
}

TEST_CASE("error note: an error without one has empty details", "[core][error]") {
  const error e(errc::not_found);
  CHECK(e.details().operation.empty());
  CHECK(e.details().path.empty());
  CHECK(e.message() == "not found");
}

TEST_CASE("error note: the numbers stand behind the path", "[core][error]") {
  CHECK(about(call::write, "/f", error(errc::quota_exceeded, 3, 1)).message() ==
        "quota exceeded: write \"/f\": requested 3 bytes, 1 available");
  CHECK(about(call::read_file, "/f", error(errc::too_large, 3, 1)).message() ==
        "too large: read_file \"/f\": requested 3 bytes, 1 allowed");
}

TEST_CASE("error note: what the innermost knows stays, and the outer ones add to it",
          "[core][error]") {
  const error inner = about(call::unknown, "/d/busy", errc::busy, held("download"));
  const error outer = about(call::remove_tree, "/d", inner);
  CHECK(outer.details().operation == "remove_tree");
  CHECK(outer.details().path == "/d/busy");
  CHECK(outer.details().holders.size() == 1);
  CHECK(about(call::open, "/x", outer).message() == outer.message());
}

TEST_CASE("error note: a note stays for 32 failures of the thread, and then nothing is told",
          "[core][error]") {
  const error e = about(call::open, "/mine", error(errc::quota_exceeded, 3, 1));
  fail_often(notes - 1);
  CHECK(e.details().path == "/mine");
  fail_often(1);
  CHECK(e.details().path.empty());
  CHECK(e.details().operation.empty());
  CHECK(e.message() == "quota exceeded: requested 3 bytes, 1 available");
  fail_often(notes * 5);
  CHECK(e.details().path.empty());
}

TEST_CASE("error note: one that was added to is never another one by the same number",
          "[core][error]") {
  const error first = about(call::unknown, "", errc::not_open);
  error e = first;
  for (int i = 0; i < 3 * notes; ++i) {
    const error before = e;
    e = about(call::unknown, "", before);
    // The one before has gone, or tells what it told.
    CHECK(before.details().operation.empty());
  }
  const error with_call = about(call::read, "", e);
  CHECK(with_call.details().operation == "read");
  CHECK(e.details().operation.empty());
  const error with_path = about(call::read, "/a", with_call);
  CHECK(with_path.details().path == "/a");
  CHECK(with_call.details().path.empty());
}

TEST_CASE("error note: what is added to a note takes the room of no other", "[core][error]") {
  const error e = about(call::open, "/mine", errc::not_found);
  for (int i = 0; i < notes - 1; ++i)
    about(call::rename, "/x", about(call::unknown, "/y", errc::busy));
  CHECK(e.details().path == "/mine");
}

TEST_CASE("error note: failures of other threads leave it, and they can read it", "[core][error]") {
  const error e = about(call::open, "/mine", errc::not_found);
  std::string seen;
  std::thread([&] {
    fail_often(notes * 2);
    seen = e.message();
  }).join();
  CHECK(seen == "not found: open \"/mine\"");
  CHECK(e.message() == seen);
}

TEST_CASE("error note: it outlives its thread", "[core][error]") {
  error e(errc::not_found);
  std::thread([&] { e = about(call::open, "/gone", e); }).join();
  CHECK(e.details().path == "/gone");
}

TEST_CASE("error note: more threads than there are lanes have notes of their own",
          "[core][error]") {
  std::barrier all_noted(more_than_lanes);
  std::atomic<int> found = 0, wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < more_than_lanes; ++i) {
    threads.emplace_back([&, i] {
      const std::string path = "/" + std::to_string(i);
      const error e = about(call::open, path, errc::not_found);
      all_noted.arrive_and_wait();
      const std::string told = e.details().path;
      if (told == path) ++found;
      if (told != path && !told.empty()) ++wrong;
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(wrong == 0);
  // Those without a lane share the room of one. The main thread has a lane, too.
  CHECK(found >= 63 + notes);
}

TEST_CASE("error note: one that is overwritten while it is read is whole or not there",
          "[core][error]") {
  constexpr int rounds = 20'000;
  std::atomic<bool> is_over = false;
  // Two paths, so that a note with a part of each is seen.
  const std::string a(300, 'a'), b(300, 'b');
  std::atomic<const error*> shared = nullptr;
  std::vector<error> errors;
  errors.reserve(rounds);
  int torn = 0;
  std::thread reader([&] {
    while (!is_over.load()) {
      const error* const e = shared.load();
      if (e == nullptr) continue;
      const std::string path = e->details().path;
      torn += !path.empty() && path != a && path != b;
    }
  });
  for (int i = 0; i < rounds; ++i) {
    errors.push_back(about(call::open, i % 2 == 0 ? a : b, errc::not_found));
    if (i % 50 == 0) shared.store(&errors.back());
  }
  is_over.store(true);
  reader.join();
  CHECK(torn == 0);
  CHECK(errors.back().details().path == b);
}

TEST_CASE("error note: of a long path the end is kept", "[core][error]") {
  const std::string fits = "/" + std::string(351, 'x'), longer = "/start" + fits;
  CHECK(about(call::open, fits, errc::not_found).details().path == fits);
  CHECK(about(call::open, longer, errc::not_found).details().path == "..." + fits);
  const std::string ends = "/" + std::string(350, 'y');
  CHECK(about(call::open, "/start\u65e5" + ends, errc::not_found).details().path == "..." + ends);
}

TEST_CASE("error note: what is not printed is escaped in the text alone", "[core][error]") {
  const std::string path("/a\n\"b\"\\\x7f\0c", 10);
  const error e = about(call::open, path, errc::invalid_path);
  CHECK(e.details().path == path);
  CHECK(e.message() == "invalid path: open \"/a\\x0a\\\"b\\\"\\\\\\x7f\\x00c\"");
  CHECK(about(call::open, "/\xc3\xa4", errc::not_found).message() ==
        "not found: open \"/\xc3\xa4\"");
  // C1, a lone byte of it, half a character, and one that is cut off.
  CHECK(about(call::open,
              "/\xc2\x9b"
              "1\x9b"
              "2\xe6\x97"
              "3\xf0\x9f",
              errc::not_found)
            .message() == "not found: open \"/\\xc2\\x9b1\\x9b2\\xe6\\x973\\xf0\\x9f\"");
  CHECK(about(call::open, "/\xc2\xa0\xe6\x97\xa5\xf0\x9f\x98\x80", errc::not_found).message() ==
        "not found: open \"/\xc2\xa0\xe6\x97\xa5\xf0\x9f\x98\x80\"");
}

TEST_CASE("error note: a foreign code has none", "[core][error]") {
  const std::error_code foreign = std::make_error_code(std::errc::no_link);
  const error e = about(call::open, "/a", foreign);
  CHECK(e.code() == foreign);
  CHECK(e.details().path.empty());
  CHECK(e.message() == foreign.message());
}

TEST_CASE("error note: an error of the system has one", "[core][error]") {
  const std::error_code of_system(EACCES, std::system_category());
  const error e = detail::about_host_call("/srv/a", error(of_system));
  CHECK(e.code() == of_system);
  CHECK(e.details().path == "/srv/a");
  CHECK(e.details().operation == "export_to_host");
  CHECK(e.message() == of_system.message() + ": export_to_host \"/srv/a\"");
  // What is known already stays.
  CHECK(detail::about_host_call("/srv", e).details().path == "/srv/a");
}

TEST_CASE("error note: it tells who has the file, for how long, and how many wait",
          "[core][error]") {
  const error e = about(call::open, "/a", errc::timed_out, held("download", 2));
  CHECK(e.message() ==
        "timed out: open \"/a\": held by \"download\" (update) for 2.5 s, 2 others wait");
  const error_details d = e.details();
  REQUIRE(d.holders.size() == 1);
  CHECK(d.holders[0].path == "/a");
  CHECK(d.holders[0].label == "download");
  CHECK(d.holders[0].mode == open_mode::update);
  CHECK(d.holders[0].waiting == 2);
  CHECK(d.holder_count == 1);
  CHECK(d.waiting == 2);
  CHECK(about(call::open, "/a", errc::busy, held(nullptr, 1)).message() ==
        "busy: open or being opened: open \"/a\": held by an unnamed handle (update) for 2.5 s, "
        "1 other waits");
  CHECK(about(call::open, "/a", errc::would_block, lock_state()).message() ==
        "would block: open \"/a\": no handle is known to have it open, nobody else waits");
}

TEST_CASE("error note: what is shorter than a second is told in milliseconds", "[core][error]") {
  using namespace std::chrono_literals;
  const auto text_for = [](std::chrono::milliseconds since) {
    const std::string all = about(call::open, "/a", errc::timed_out, held("x", 0, since)).message();
    const std::size_t begin = all.find(" for ") + 5;
    return all.substr(begin, all.find(',') - begin);
  };
  CHECK(text_for(0ms) == "0 ms");
  CHECK(text_for(40ms) == "40 ms");
  CHECK(text_for(999ms) == "999 ms");
  CHECK(text_for(1000ms) == "1.0 s");
  CHECK(text_for(1999ms) == "1.9 s");
  CHECK(text_for(-5ms) == "0 ms");
}

TEST_CASE("error note: of many holders three are named", "[core][error]") {
  lock_state all;
  all.seen_at = now;
  for (const char* label : {"a", "b", "c", "d", "e"}) all.add(held(label).holders[0]);
  const error e = about(call::open, "/f", errc::timed_out, all);
  CHECK(e.details().holders.size() == 3);
  CHECK(e.details().holder_count == 5);
  CHECK(e.message() ==
        "timed out: open \"/f\": held by \"a\" (update) for 2.5 s and \"b\" (update) for 2.5 s and "
        "\"c\" (update) for 2.5 s and 2 more, nobody else waits");
}

TEST_CASE("error note: a label has 30 bytes, and no half of a character", "[core][error]") {
  const auto text = [](const std::string& label) {
    return std::string(detail::label_text(label.c_str()).view());
  };
  CHECK(text("") == "");
  CHECK(text(std::string(30, 'x')) == std::string(30, 'x'));
  CHECK(text(std::string(31, 'x')) == std::string(30, 'x'));
  CHECK(text(std::string(29, 'x') + "\xc3\xa4") == std::string(29, 'x'));
  CHECK(text(std::string(28, 'x') + "\xc3\xa4y") == std::string(28, 'x') + "\xc3\xa4");
}

}  // namespace coramfs::tests
