// SPDX-License-Identifier: BSL-1.0
// AI11, AI14: what a fixture is, and what a test may not leave in it.
#include <coramfs/testing.hpp>

#include "support/catch.hpp"
#include "unit/integrations/testing/fake_framework.hpp"

#include <asio/awaitable.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using testing::files;
using testing::fixture;
using testing::simulation;

constexpr const char* beginning = "\"suite.test\" has left something in its volume:\n  ";

}  // namespace

TEST_CASE("fixture: a small volume, with a tree if it is to have one", "[testing][fixture]") {
  const volume_options how = testing::small();
  CHECK(how.max_quota == 16 << 20);
  CHECK(how.accounting == accounting::payload);
  CHECK(how.default_lock_timeout.deadline({}) ==
        std::chrono::steady_clock::time_point(std::chrono::seconds(1)));
  fake_framework tests;
  {
    fixture t(testing::small(), {.tree = files({{"/in/a", "x"}, {"/out/", ""}})});
    CHECK(t.vol().options().max_quota == 16 << 20);
    CHECK(t.fs().read_text("/in/a").value() == "x");
    CHECK(difference(t.vol(), files({{"/in/a", "x"}, {"/out/", ""}})).empty());
  }
  CHECK(tests.said.empty());
}

TEST_CASE("fixture: the environment says which layout", "[testing][fixture]") {
  for (const auto& [name, layout] : {std::pair("automatic", storage_layout::automatic),
                                     {"", storage_layout::automatic},
                                     {"sequential", storage_layout::sequential},
                                     {"random_access", storage_layout::random_access}}) {
    const environment variable("CORAMFS_TEST_LAYOUT", name);
    fake_framework tests;
    fixture t;
    CHECK(t.vol().options().default_storage == layout);
  }
  const environment variable("CORAMFS_TEST_LAYOUT", "sequental");
  CHECK_THROWS_WITH(fixture(),
                    "CORAMFS_TEST_LAYOUT is \"sequental\", and not automatic, "
                    "sequential or random_access");
}

TEST_CASE("fixture: what the volume refuses is said", "[testing][fixture]") {
  CHECK_THROWS_AS(fixture({.max_nodes = 0}), std::runtime_error);
  CHECK_THROWS_AS(
      fixture({.max_quota = 1, .accounting = accounting::payload}, {.tree = files({{"/a", "12"}})}),
      std::runtime_error);
}

TEST_CASE("fixture: handles that are left fail the test, by their labels", "[testing][fixture]") {
  output_folder out;
  fake_framework tests;
  std::vector<sync::file> held;
  {
    fixture t;
    held.push_back(t.fs().open("/out", open_mode::append).value());
    held.push_back(t.fs().open("/in.bin", open_mode::write, {.label = "uploader"}).value());
    CHECK(tests.said.empty());
  }
  REQUIRE(tests.said.size() == 1);
  CHECK(tests.said[0] == std::string(beginning) +
                             "\"/in.bin\" is open (write) by \"uploader\"\n  "
                             "\"/out\" is open (append) by an unnamed handle");
}

TEST_CASE("fixture: pins that are left fail the test", "[testing][fixture]") {
  output_folder out;
  fake_framework tests;
  pinned left;
  {
    fixture t(testing::small(), {.tree = files({{"/a", "x"}})});
    left = t.fs().open("/a", open_mode::read).value().pin(0, 1).value();
  }
  REQUIRE(tests.said.size() == 1);
  CHECK(tests.said[0] == std::string(beginning) + "1 pin is held");
}

TEST_CASE("fixture: who waits fails the test", "[testing][fixture]") {
  output_folder out;
  fake_framework tests;
  simulation sim;
  {
    fixture t;
    auto fs = t.fs(sim.get_executor());
    sim.spawn([fs]() mutable -> asio::awaitable<void> {
      const auto f = co_await fs.open("/a", open_mode::write, {.label = "first"});
      const auto again = co_await fs.open("/a", open_mode::read, {.label = "second"});
    });
    while (t.vol().stats().waiting == 0) REQUIRE(sim.step());
  }
  REQUIRE(tests.said.size() == 1);
  CHECK(tests.said[0] == std::string(beginning) +
                             "\"/a\" is open (write) by \"first\", and 1 other waits\n  "
                             "1 operation waits for a lock or for space");
}

TEST_CASE("fixture: charges that are left fail the test", "[testing][fixture]") {
  output_folder out;
  fake_framework tests;
  std::vector<sync::file> held;
  {
    fixture t(testing::small(), {.tree = files({{"/a", "123"}})});
    held.push_back(t.fs().open("/b", open_mode::write).value());
    held.back().reserve(1000).value();
  }
  REQUIRE(tests.said.size() == 1);
  CHECK(tests.said[0] == std::string(beginning) +
                             "\"/b\" is open (write) by an unnamed handle\n  "
                             "1000 bytes are charged beyond the 3 of the files");
}

TEST_CASE("fixture: with memory accounting a tree alone leaves nothing", "[testing][fixture]") {
  fake_framework tests;
  {
    fixture t({.max_quota = 16 << 20});
    t.fs().create_directories("/a/b").value();
    t.fs().write_file("/a/b/c", std::string(100'000, 'x')).value();
  }
  CHECK(tests.said.empty());
}

TEST_CASE("fixture: in a simulation it has its time", "[testing][fixture]") {
  fake_framework tests;
  const auto real = std::chrono::system_clock::now();
  simulation sim;
  {
    fixture t;
    CHECK(t.vol().options().clock == sim.clock());
    t.fs().write_text("/a", "x").value();
    CHECK(t.fs().stat("/a").value().created_at < real - std::chrono::hours(24 * 365));
    simulation inner;
    fixture younger;
    CHECK(younger.vol().options().clock == inner.clock());
    // A step has the one that it belongs to.
    sim.run([&]() -> asio::awaitable<void> {
      fixture within;
      CHECK(within.vol().options().clock == sim.clock());
      co_return;
    });
    // Who has a clock keeps it.
    auto how = testing::small();
    how.clock = sim.clock();
    fixture chosen(how);
    CHECK(chosen.vol().options().clock == sim.clock());
  }
  std::thread([] {
    fixture elsewhere;
    CHECK(elsewhere.vol().options().clock == nullptr);
  }).join();
}

TEST_CASE("fixture: a failure that came before it is not its own", "[testing][fixture]") {
  output_folder out;
  fake_framework tests;
  fake_framework::failures = 1;
  { fixture t; }
  CHECK(out.names().empty());
  {
    fixture t;
    ++fake_framework::failures;
  }
  CHECK(!out.names().empty());
  CHECK(tests.said.empty());
}

TEST_CASE("fixture: a test that fails and then is skipped has failed", "[testing][fixture]") {
  output_folder out;
  fake_framework tests;
  std::vector<sync::file> held;
  {
    fixture t;
    held.push_back(t.fs().open("/a", open_mode::write).value());
    tests.skipped = true;
  }
  CHECK(out.names().empty());
  {
    fixture t;
    ++fake_framework::failures;
  }
  CHECK(!out.names().empty());
  CHECK(tests.said.empty());
}

TEST_CASE("fixture: an exception that destroys it is a failure", "[testing][fixture]") {
  output_folder out;
  fake_framework tests;
  const auto throwing = [] {
    fixture t;
    throw std::runtime_error("on purpose");
  };
  CHECK_THROWS_WITH(throwing(), "on purpose");
  CHECK(!out.names().empty());
  // Not if it is how the framework skips the rest.
  tests.name = "skipped";
  tests.skipped = true;
  CHECK_THROWS_WITH(throwing(), "on purpose");
  CHECK(out.names("skipped").empty());
  tests.skipped = false;
  // A fixture within the unwinding of another exception has one of its own to tell.
  struct last_words {
    ~last_words() { fixture t(testing::small(), {.name = "within"}); }
  };
  const auto unwinding = [] {
    const last_words w;
    throw std::runtime_error("on purpose");
  };
  CHECK_THROWS_WITH(unwinding(), "on purpose");
  CHECK(out.names("within").empty());
}

}  // namespace coramfs::tests
