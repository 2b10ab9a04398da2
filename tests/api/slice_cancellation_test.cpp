// SPDX-License-Identifier: BSL-1.0
// Long operations as coroutines that are cancelled, or whose context dies, between two slices.
#include "api/sliced_operation.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

namespace coramfs::tests {

namespace {

constexpr std::size_t large = 16 << 20;  // bytes: sixteen slices

using fixture = sliced_operation;

}  // namespace

TEST_CASE("slice cancellation: a page and a list of entries end between two slices",
          "[api][slices][cancellation]") {
  sliced_operation t;
  t.make_wide(10'000, 0);
  using entries = std::vector<directory_entry>;
  CHECK(t.canceled_at<entries>(2, [&] { return t.fs.list_entries("/wide"); }) == errc::canceled);
  CHECK(t.canceled_at<entries>(2, [&] { return t.fs.list_some("/wide", "", 10'000); }) ==
        errc::canceled);
}

TEST_CASE("slices: a cancelled read ends between two, and leaves the cursor",
          "[api][slices][cancellation]") {
  fixture t;
  t.threads.write_file("/a", buffer_of(std::string(large, 'x'))).value();
  std::string to(large, '\0');
  file f;
  t.turns_during(
      [&]() -> asio::awaitable<void> { f = (co_await t.fs.open("/a", open_mode::read)).value(); });
  CHECK(t.canceled_at<std::size_t>(5, [&] { return f.read(asio::buffer(to)); }) == errc::canceled);
  CHECK(f.tell().value() == 0);
  CHECK(t.canceled_at<bytes>(5, [&] { return f.read_all(); }) == errc::canceled);
  CHECK(f.tell().value() == 0);
}

TEST_CASE(
    "slices: a cancelled copy, export or import ends between two, and "
    "leaves nothing",
    "[api][slices][cancellation]") {
  fixture t;
  t.make_many(100, 100);
  file_map files;
  for (int i = 0; i < 10'000; ++i) files["/new/" + std::to_string(i)] = bytes_of("content");
  const std::uint64_t used = t.v.stats().used_bytes;
  CHECK(t.canceled_at<void>(1, [&] { return t.fs.copy_tree("/many", "/copy"); }) == errc::canceled);
  CHECK(t.canceled_at<void>(1, [&] { return t.fs.import_tree(files); }) == errc::canceled);
  CHECK(t.canceled_at<file_map>(1, [&] { return t.fs.export_tree("/"); }) == errc::canceled);
  CHECK(!t.threads.exists("/copy").value());
  CHECK(!t.threads.exists("/new").value());
  CHECK(t.v.stats().used_bytes == used);
  CHECK(t.v.stats().waiting == 0);
  CHECK(t.v.stats().open_handles == 0);
}

TEST_CASE("slices: a cancelled write or removal that has begun runs to its end",
          "[api][slices][cancellation]") {
  fixture t;
  t.make_many(100, 100);
  const std::string content(large, 'x');
  CHECK(!t.canceled_at<void>(3, [&] { return t.fs.write_file("/a", buffer_of(content)); }).code());
  CHECK(t.threads.file_size("/a").value() == large);
  file f;
  t.turns_during([&]() -> asio::awaitable<void> {
    f = (co_await t.fs.open("/a", open_mode::update)).value();
  });
  const std::string little = "little";
  const auto leave_a_gap = [&] { return f.write_at(large + 1, buffer_of(little)); };
  CHECK(!t.canceled_at<std::size_t>(3, leave_a_gap).code());
  CHECK(t.threads.file_size("/a").value() == large + 1 + little.size());
  f.close().value();
  CHECK(!t.canceled_at<void>(1, [&] { return t.fs.remove_tree("/many"); }).code());
  CHECK(t.v.stats().file_count == 1);
}

TEST_CASE("slices: what goes on after a cancellation does so in slices, too",
          "[api][slices][cancellation]") {
  fixture t;
  t.make_many(300, 100);
  file_map files;
  for (int i = 0; i < 10'000; ++i) files["/new/" + std::to_string(i)] = bytes_of("content");
  const std::string content(large, 'x');
  CHECK(!t.canceled_at<void>(1, [&] { return t.fs.write_file("/a", buffer_of(content)); }).code());
  CHECK(t.turns_after >= 3);
  CHECK(!t.canceled_at<void>(1, [&] { return t.fs.remove_tree("/many"); }).code());
  CHECK(t.turns_after >= 3);
  // Most of what it has made by then is to be freed again.
  const auto import = [&] { return t.fs.import_tree(files); };
  const int turns = t.turns_during([&]() -> asio::awaitable<void> { co_await import(); });
  t.threads.remove_tree("/new").value();
  CHECK(t.canceled_at<void>(turns / 2, import) == errc::canceled);
  CHECK(t.turns_after >= 3);
  CHECK(t.v.stats().file_count == 1);
}

TEST_CASE("slices: what goes on after a cancellation waits for nobody",
          "[api][slices][cancellation]") {
  fixture t;
  t.v = volume::create({.default_lock_timeout = std::chrono::seconds(2)}).value();
  t.fs = file_system(t.context.get_executor(), t.v);
  t.threads = sync::file_system(t.v);
  const std::string content(large, 'x');
  sync::file other;
  // It makes its file, and finds that somebody was faster and has it open.
  const auto write = [&] { return t.fs.write_file("/a", buffer_of(content)); };
  const auto be_faster = [&] { other = t.threads.open("/a", open_mode::create).value(); };
  CHECK(t.canceled_at<void>(2, write, be_faster) == errc::canceled);
  CHECK(other.is_open());
  CHECK(t.v.stats().open_handles == 1);
  CHECK(t.v.stats().waiting == 0);
  CHECK(t.threads.file_size("/a").value() == 0);
}

TEST_CASE("slices: a write whose context dies in the middle reads no more of its buffer",
          "[api][slices][cancellation]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  const std::string before(large, 'a'), after(large, 'b');
  threads.write_file("/a", buffer_of(before)).value();
  auto context = std::make_unique<asio::io_context>();
  file_system fs(context->get_executor(), v);
  spawn(*context, [&]() -> asio::awaitable<void> {
    auto f = co_await fs.open("/a", open_mode::update);
    co_await f.value().write(buffer_of(after));
  });
  for (int i = 0; i < 5; ++i) context->run_one();
  CHECK(v.stats().open_handles == 1);
  context.reset();
  CHECK(v.stats().open_handles == 0);
  // What it had not come to is as before.
  const std::string now = text_of(threads.read_file("/a").value());
  const std::size_t done = std::min(now.find('a'), now.size());
  CHECK(now.size() == large);
  CHECK(now.substr(done).find('b') == std::string::npos);
}

}  // namespace coramfs::tests
