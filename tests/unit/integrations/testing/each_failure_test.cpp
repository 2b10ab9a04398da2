// SPDX-License-Identifier: BSL-1.0
#include <coramfs/asio.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>
#include <coramfs/testing/detail/failure_count.hpp>
#include <coramfs/testing/faults.hpp>
#include <coramfs/testing/simulation.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace coramfs::tests {

using testing::each_failure;
using testing::each_failure_options;

namespace {

/// Keeps the lines that are told.
struct listener {
  each_failure_options options() {
    return {.tell = [this](std::string_view line) { lines.emplace_back(line); }};
  }
  std::vector<std::string> lines = {};
};

/// Of whose content a volume of `accounting::payload` counts the bytes.
volume_options payload() { return {.accounting = accounting::payload}; }

void write_two(sync::file_system& fs) {
  fs.write_file("/a", "content").value();
  fs.write_file("/b", "content").value();
}

asio::awaitable<void> write_two_awaited(file_system& fs) {
  const auto a = co_await fs.write_file("/a", "content");
  a.value();
  const auto b = co_await fs.write_file("/b", "content");
  b.value();
}

}  // namespace

TEST_CASE("each failure: each point fails once, and the last run meets none", "[testing][faults]") {
  listener told;
  std::vector<std::string> errors;
  const unsigned runs = each_failure(
      payload(),
      [&](sync::file_system& fs) {
        try {
          write_two(fs);
        } catch (const failure& f) {
          errors.push_back(f.why().message());
          throw;
        }
      },
      told.options());
  CHECK(runs == 7);
  CHECK(errors == std::vector<std::string>{
                      "node limit exceeded: write_file \"/a\": requested 1 nodes, 0 available",
                      "quota exceeded: write_file \"/a\": requested 7 bytes, 6 available",
                      "out of memory: write_file \"/a\"",
                      "node limit exceeded: write_file \"/b\": requested 1 nodes, 0 available",
                      "quota exceeded: write_file \"/b\": requested 7 bytes, 6 available",
                      "out of memory: write_file \"/b\""});
  CHECK(told.lines.empty());
}

TEST_CASE("each failure: a coroutine is run in the same way", "[testing][faults]") {
  listener told;
  CHECK(each_failure(payload(), write_two_awaited, told.options()) == 7);
  CHECK(each_failure(
            payload(), [](file_system& fs) { return write_two_awaited(fs); }, told.options()) == 7);
  CHECK(told.lines.empty());
}

TEST_CASE("each failure: what a body returns is run, and its error is a report",
          "[testing][faults]") {
  const unsigned runs = each_failure(payload(), write_two);
  listener told;
  CHECK(each_failure(
            payload(), [](sync::file_system& fs) { return fs.write_file("/a", "content"); },
            told.options()) > 1);
  CHECK(each_failure(
            payload(),
            [](file_system& fs) -> asio::awaitable<result<void>> {
              const auto a = co_await fs.write_file("/a", "content");
              if (!a) co_return a;
              const auto b = co_await fs.write_file("/b", "content");
              co_return b;
            },
            told.options()) == runs);
  CHECK(each_failure(
            payload(), [](testing::simulation&, file_system& fs) { return write_two_awaited(fs); },
            told.options()) == runs);
  CHECK(told.lines.empty());
}

TEST_CASE("each failure: what a body begins is run to its end", "[testing][faults]") {
  listener told;
  int ended = 0;
  const auto write_one = [&ended](file_system& fs, const char* path) -> asio::awaitable<void> {
    const auto written = co_await fs.write_file(path, "content");
    written.value();
    ++ended;
  };
  const auto on_simulation = [&](testing::simulation& sim, file_system& fs) {
    for (const char* path : {"/a", "/b"}) sim.spawn(write_one(fs, path));
  };
  CHECK(each_failure(payload(), on_simulation, told.options()) == 7);
  CHECK(ended >= 2);

  ended = 0;
  const auto on_executor = [&](file_system& fs) {
    for (const char* path : {"/a", "/b"})
      asio::co_spawn(fs.get_executor(), write_one(fs, path), [](std::exception_ptr thrown) {
        if (thrown) std::rethrow_exception(thrown);
      });
  };
  CHECK(each_failure(payload(), on_executor, told.options()) == 7);
  CHECK(ended >= 2);
  CHECK(told.lines.empty());
}

TEST_CASE("each failure: a fault that nobody reports is told", "[testing][faults]") {
  listener told;
  const unsigned runs = each_failure(
      payload(),
      [](sync::file_system& fs) {
        fs.create_directory("/d").value();
        static_cast<void>(fs.write_file("/d/cache", "content"));
      },
      told.options());
  CHECK(runs == 6);
  CHECK(told.lines == std::vector<std::string>{
                          "each_failure: run 3: swallowed at reserve_nodes \"/d/cache\" (1 node)",
                          "each_failure: run 4: swallowed at reserve_bytes \"/d/cache\" (7 bytes)",
                          "each_failure: run 5: swallowed at allocate \"/d/cache\" (7 bytes)"});
}

TEST_CASE("each failure: one who makes do without says that an error was seen",
          "[testing][faults]") {
  listener told;
  const unsigned runs = each_failure(
      payload(),
      [](sync::file_system& fs) {
        if (!fs.write_file("/cache", "content")) testing::report_error(fs.get_volume());
      },
      told.options());
  CHECK(runs == 4);
  CHECK(told.lines.empty());
  testing::report_error(volume::create().value());  // of no run
}

TEST_CASE("each failure: who waits for bytes has reported that they are missing",
          "[testing][faults]") {
  listener told;
  const auto wait_for_bytes = [](file_system& fs) -> asio::awaitable<void> {
    const open_options waits{.timeout = std::chrono::seconds(1), .on_full = when_full::wait};
    auto f = co_await fs.open("/a", open_mode::create, waits);
    const auto written = co_await f.value().write(asio::buffer("content", 7));
    written.value();
  };
  // Two points for the file, three for the bytes, and a run for each wait that ends at once.
  CHECK(each_failure(payload(), wait_for_bytes, told.options()) == 5);
  CHECK(told.lines.empty());
}

TEST_CASE("each failure: locks are points, and time is virtual", "[testing][faults]") {
  std::vector<std::string> errors;
  const auto contend = [&](file_system& fs) -> asio::awaitable<void> {
    auto first = co_await fs.open("/a", open_mode::create);
    if (!first) throw std::system_error(first.error().code());
    const auto second = co_await fs.open("/a", open_mode::read, {.timeout = std::chrono::hours(1)});
    errors.push_back(second.error().message());
  };
  listener told;
  CHECK(each_failure(payload(), contend, told.options()) == 4);
  const std::string late = "timed out: open \"/a\": held by an unnamed handle (create) for ";
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].substr(0, late.size()) == late);
  CHECK(errors[1].substr(0, late.size()) == late);
  CHECK(told.lines == std::vector<std::string>{"each_failure: run 3: swallowed at lock \"/a\""});
}

TEST_CASE("each failure: too many runs are a failure", "[testing][faults]") {
  listener told;
  each_failure_options how = told.options();
  how.limit = 6;
  CHECK_THROWS_WITH(each_failure(payload(), write_two, how),
                    "each_failure: after 6 runs there is yet another point that could fail");
  how.limit = 7;
  CHECK(each_failure(payload(), write_two, how) == 7);
}

TEST_CASE("each failure: books that are not right are a failure", "[testing][faults]") {
  listener told;
  std::vector<sync::file> kept;
  const auto leak = [&](sync::file_system& fs) {
    kept.clear();
    auto f = fs.open("/a", open_mode::create);
    if (f) kept.push_back(std::move(f).value());
    fs.write_file("/b", "content").value();
  };
  CHECK_THROWS_WITH(each_failure(payload(), leak, told.options()),
                    "each_failure: after run 3, with a fault at reserve_nodes \"/b\" (1 node), "
                    "something is left:\n  \"/a\" is open (create) by an unnamed handle");
  kept.clear();
}

TEST_CASE("each failure: what is no error of the fault comes out, with a line of where",
          "[testing][faults]") {
  listener told;
  const auto assert_wrongly = [](sync::file_system& fs) {
    if (!fs.write_file("/a", "content")) throw std::logic_error("an assertion");
  };
  CHECK_THROWS_AS(each_failure(payload(), assert_wrongly, told.options()), std::logic_error);
  CHECK(told.lines == std::vector<std::string>{"each_failure: run 1: failed after the fault at "
                                               "reserve_nodes \"/a\" (1 node)"});
  const auto always_fail = [](sync::file_system& fs) { fs.remove("/missing").value(); };
  CHECK_THROWS_AS(each_failure(payload(), always_fail, told.options()), failure);
  CHECK(told.lines.size() == 1);
}

TEST_CASE("each failure: a run whose check fails, and that goes on, has a line of where, too",
          "[testing][faults]") {
  static unsigned long failed_checks = 0;
  testing::detail::count_failures_by([] { return failed_checks; });
  listener told;
  const auto check_wrongly = [](sync::file_system& fs) {
    if (const auto written = fs.write_file("/a", ""); !written) {
      ++failed_checks;
      testing::report_error(fs.get_volume());
    }
  };
  each_failure(payload(), check_wrongly, told.options());
  testing::detail::count_failures_by(nullptr);
  CHECK(failed_checks == told.lines.size());
  REQUIRE(!told.lines.empty());
  CHECK(told.lines[0] ==
        "each_failure: run 1: failed after the fault at reserve_nodes \"/a\" (1 node)");
}

TEST_CASE("each failure: coroutines that can never end are a failure", "[testing][faults]") {
  listener told;
  const auto deadlock = [](file_system& fs) -> asio::awaitable<void> {
    const open_options for_ever{.timeout = lock_timeout::forever()};
    const auto first = co_await fs.open("/a", open_mode::create);
    first.value();
    const auto second = co_await fs.open("/a", open_mode::read, for_ever);
    second.value();
  };
  CHECK_THROWS_AS(each_failure(payload(), deadlock, told.options()), testing::stuck_error);
}

TEST_CASE("each failure: the options' own policy is not asked", "[testing][faults]") {
  volume_options options = payload();
  options.faults = &testing::fail_rate(0, 1);
  CHECK(each_failure(options, write_two) == 7);
}

}  // namespace coramfs::tests
