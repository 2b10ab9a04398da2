// SPDX-License-Identifier: BSL-1.0
// One large directory, listed, walked, globbed and exported by coroutines: others get a turn in the
// middle of it, and still it is seen at one moment.
#include "api/sliced_operation.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using fixture = sliced_operation;

}  // namespace

TEST_CASE("slices: others run while one large directory is seen to", "[api][slices]") {
  fixture t;
  constexpr int files = 50'000, directories = 10'000, slices = (files + directories) / 2048;
  t.make_wide(files, directories);
  SECTION("by list") {
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto names = co_await t.fs.list("/wide");
      CHECK(names.value().size() == files + directories);
      CHECK(std::is_sorted(names.value().begin(), names.value().end()));
    }) >= 2 * slices);
  }
  SECTION("by list_entries") {
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto entries = co_await t.fs.list_entries("/wide");
      CHECK(entries.value().size() == files + directories);
      const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
      CHECK(std::is_sorted(entries.value().begin(), entries.value().end(), by_name));
    }) >= 2 * slices);
  }
  SECTION("by one page for all") {
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto entries = co_await t.fs.list_some("/wide", "", files + directories + 1);
      CHECK(entries.value().size() == files + directories);
    }) >= slices - 1);  // nothing is sorted
  }
  SECTION("by walk") {
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto entries = co_await t.fs.walk("/wide");
      REQUIRE(entries.value().size() == 1 + directories);
      const walk_entry& wide = entries.value().front();
      CHECK(wide.files.size() == files);
      CHECK(wide.directories.size() == directories);
      CHECK(std::is_sorted(wide.files.begin(), wide.files.end()));
      CHECK(std::is_sorted(wide.directories.begin(), wide.directories.end()));
      CHECK(entries.value().back().path == "/wide/" + wide.directories.back());
    }) >= 2 * slices);
  }
  SECTION("by glob") {
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto paths = co_await t.fs.glob("/wide/*");
      CHECK(paths.value().size() == files + directories);
      CHECK(std::is_sorted(paths.value().begin(), paths.value().end()));
    }) >= 2 * slices);
  }
  SECTION("by the exports") {
    // Beside the reading of each file, which is another slice for as many.
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto all = co_await t.fs.export_tree("/wide");
      CHECK(all.value().size() == files);
    }) >= 2 * slices + files / 2048);
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      int seen = 0;
      auto visitor = [&](const std::string&, bytes) { ++seen; };
      const auto done = co_await t.fs.export_each("/wide", visitor);
      CHECK(done.has_value());
      CHECK(seen == files);
    }) >= 2 * slices);
  }
}

TEST_CASE("slices: a directory that others change meanwhile is seen as it was at one moment",
          "[api][slices]") {
  fixture t;
  constexpr int files = 10'000;
  t.make_wide(files, 0);
  std::vector<std::string> kept;
  for (int f = 0; f < files; ++f) kept.push_back("f" + std::to_string(f));
  std::sort(kept.begin(), kept.end());
  int number = 0;
  // Each step moves the only name that is not kept: whoever sees two of them, or none, has seen
  // two moments.
  t.threads.write_file("/wide/moved0", buffer_of("content")).value();
  const auto churn = [&] {
    const std::string from = "/wide/moved" + std::to_string(number++);
    t.threads.rename(from, "/wide/moved" + std::to_string(number)).value();
  };
  const auto check = [&](std::vector<std::string> names) {
    REQUIRE(names.size() == files + 1u);
    const bool has_one = names.back().starts_with("moved");
    CHECK(has_one);
    names.pop_back();
    CHECK(names == kept);
  };
  SECTION("by list") {
    const auto op = [&]() -> asio::awaitable<void> {
      auto names = co_await t.fs.list("/wide");
      check(std::move(names).value());
    };
    CHECK(t.turns_during(op, churn) >= 3);
  }
  SECTION("by list_entries") {
    const auto op = [&]() -> asio::awaitable<void> {
      const auto entries = co_await t.fs.list_entries("/wide");
      std::vector<std::string> names;
      for (const directory_entry& e : entries.value()) names.push_back(e.name);
      check(std::move(names));
    };
    CHECK(t.turns_during(op, churn) >= 3);
  }
  SECTION("by walk") {
    const auto op = [&]() -> asio::awaitable<void> {
      auto entries = co_await t.fs.walk("/wide");
      REQUIRE(entries.value().size() == 1);
      check(entries.value().front().files);
    };
    CHECK(t.turns_during(op, churn) >= 3);
  }
  SECTION("by glob") {
    const auto op = [&]() -> asio::awaitable<void> {
      auto paths = co_await t.fs.glob("/wide/*");
      for (std::string& p : paths.value()) p.erase(0, std::string("/wide/").size());
      check(std::move(paths).value());
    };
    CHECK(t.turns_during(op, churn) >= 3);
  }
  CHECK(number >= 3);
}

TEST_CASE("slices: a large directory that goes while it is seen to is left out, but by list",
          "[api][slices][errors]") {
  fixture t;
  t.make_wide(10'000, 0);
  t.threads.write_file("/x", buffer_of("content")).value();
  const auto remove = [&] {
    if (t.threads.exists("/wide").value()) t.threads.remove_tree("/wide").value();
  };
  SECTION("list") {
    const auto op = [&]() -> asio::awaitable<void> {
      const auto names = co_await t.fs.list("/wide");
      CHECK(error_of(names) == errc::not_found);
    };
    t.turns_during(op, remove);
  }
  SECTION("list_entries") {
    const auto op = [&]() -> asio::awaitable<void> {
      const auto entries = co_await t.fs.list_entries("/wide");
      CHECK(error_of(entries) == errc::not_found);
    };
    t.turns_during(op, remove);
  }
  SECTION("list_some") {
    const auto op = [&]() -> asio::awaitable<void> {
      const auto entries = co_await t.fs.list_some("/wide", "", 10'000);
      CHECK(error_of(entries) == errc::not_found);
    };
    t.turns_during(op, remove);
  }
  SECTION("list, and a file comes in its place") {
    const auto op = [&]() -> asio::awaitable<void> {
      const auto names = co_await t.fs.list("/wide");
      CHECK(error_of(names) == errc::not_a_directory);
    };
    t.turns_during(op, [&] {
      if (!t.threads.is_directory("/wide").value()) return;
      t.threads.remove_tree("/wide").value();
      t.threads.write_file("/wide", buffer_of("content")).value();
    });
  }
  SECTION("walk") {
    const auto op = [&]() -> asio::awaitable<void> {
      const auto entries = co_await t.fs.walk();
      REQUIRE(entries.value().size() == 1);
      CHECK(entries.value().front().files.size() == 1);
    };
    t.turns_during(op, remove);
  }
  SECTION("glob") {
    const auto op = [&]() -> asio::awaitable<void> {
      const auto paths = co_await t.fs.glob("/**/*");
      for (const std::string& p : paths.value()) CHECK((p == "/wide" || p == "/x"));
    };
    t.turns_during(op, remove);
  }
  SECTION("export") {
    const auto op = [&]() -> asio::awaitable<void> {
      const auto files = co_await t.fs.export_tree();
      CHECK(files.value().size() == 1);
    };
    t.turns_during(op, remove);
  }
}

}  // namespace coramfs::tests
