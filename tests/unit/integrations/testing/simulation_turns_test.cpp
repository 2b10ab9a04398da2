// SPDX-License-Identifier: BSL-1.0
// In a simulation others have a turn before each operation on files that is awaited, so that what
// races between two operations is found.
#include <coramfs/file_system.hpp>
#include <coramfs/testing.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/this_coro.hpp>

#include <array>
#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using asio::awaitable;
using testing::schedule;
using testing::simulation;

// A number in a file becomes one more, and another one is lost where somebody reads it meanwhile.
awaitable<void> count_one(file_system fs) {
  const auto before = co_await fs.read_text("/n");
  const std::string after = std::to_string(std::stoi(before.value()) + 1);
  const auto written = co_await fs.write_text("/n", after);
  written.value();
}

void check_counting(simulation& sim) {
  auto fs = file_system(sim.get_executor(), volume::create(sim.options()).value());
  sim.run(fs.write_text("/n", "0")).value();
  for (int i = 0; i < 3; ++i) sim.spawn(count_one(fs));
  sim.run();
  const std::string n = sim.run(fs.read_text("/n")).value();
  if (n != "3") throw std::runtime_error("counted " + n);
}

/// What takes an operation to its end, and how many steps that is.
template <class Operation>
std::size_t steps_of(Operation operation) {
  simulation sim(schedule::fifo());
  auto fs = file_system(sim.get_executor(), volume::create(sim.options()).value());
  sim.run(fs.write_text("/f", "content")).value();
  sim.run(fs.write_text("/g", "content")).value();
  sim.run(fs.create_directory("/d")).value();
  auto f = sim.run(fs.open("/f", open_mode::update)).value();
  const std::size_t before = sim.taken().size();
  sim.run([&]() -> awaitable<void> {
    auto ended = co_await operation(fs, f);
    ended.value();
  });
  return sim.taken().size() - before;
}

}  // namespace

TEST_CASE("simulation turns: an update that is lost between two operations is found",
          "[testing][turns]") {
  const testing::report r =
      testing::explore(100, check_counting, {.returns_failure = true, .to = nullptr});
  CHECK_FALSE(r.ok());
  CHECK(r.why.find("counted") != std::string::npos);
}

TEST_CASE("simulation turns: each operation begins in a step of its own", "[testing][turns]") {
  std::array<char, 4> buffer{};
  const auto to = asio::buffer(buffer);
  const auto from = asio::const_buffer(to);
  constexpr std::size_t two = 2;  // the coroutine begins, and goes on after the turn
  CHECK(steps_of([](auto& fs, auto&) { return fs.open("/new", open_mode::create); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.create_directory("/new"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.create_directories("/new/er"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.remove("/g"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.remove_directory("/d"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.remove_tree("/d"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.rename("/d", "/e"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.move("/d", "/e/f"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.copy("/g", "/h"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.copy_tree("/d", "/e"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.list("/"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.list_entries("/"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.list_some("/", "", 10); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.walk("/"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.glob("/*"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.exists("/f"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.is_file("/f"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.is_directory("/f"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.stat("/f"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.file_size("/f"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.write_text("/new", "text"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.read_file("/g"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.set_modified("/g", {}); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.export_tree("/d"); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.stats(); }) == two);
  CHECK(steps_of([](auto& fs, auto&) { return fs.import_tree({{"/new", {}}}); }) == two);
  CHECK(steps_of([&](auto&, auto& f) { return f.read(to); }) == two);
  CHECK(steps_of([&](auto&, auto& f) { return f.read_at(1, to); }) == two);
  CHECK(steps_of([&](auto&, auto& f) { return f.read_all(); }) == two);
  CHECK(steps_of([&](auto&, auto& f) { return f.write(from); }) == two);
  CHECK(steps_of([&](auto&, auto& f) { return f.write_at(1, from); }) == two);
  CHECK(steps_of([&](auto&, auto& f) { return f.write(bytes(4)); }) == two);
  CHECK(steps_of([&](auto&, auto& f) { return f.truncate(1); }) == two);
  CHECK(steps_of([&](auto&, auto& f) { return f.reserve(100); }) == two);
  CHECK(steps_of([&](auto&, auto& f) { return f.punch_hole(10, 100); }) == two);
  CHECK(steps_of([&](auto&, auto& f) { return f.prepare(100); }) == two);
}

TEST_CASE("simulation turns: so does each operation on one file", "[testing][turns]") {
  simulation sim(schedule::fifo());
  auto fs = file_system(sim.get_executor(), volume::create(sim.options()).value());
  sim.run([&]() -> awaitable<void> {
    auto f = (co_await fs.open("/f", open_mode::create)).value();
    for (int i = 0; i < 5; ++i) {
      const auto written = co_await f.write("text");
      written.value();
    }
  });
  CHECK(sim.taken().size() == 1 + 1 + 5);
}

TEST_CASE("simulation turns: a cancellation during the turn is the operation's",
          "[testing][turns]") {
  simulation sim(schedule::fifo());
  auto fs = file_system(sim.get_executor(), volume::create(sim.options()).value());
  sim.run(fs.write_text("/held", "old")).value();
  auto holder = std::make_optional(sim.run(fs.open("/held", open_mode::update)).value());
  asio::cancellation_signal stop;
  std::optional<error> ended;
  bool was_there = false, throws_later = false;
  const auto body = [&]() -> awaitable<void> {
    const auto is_there = co_await fs.exists("/held");  // waits for nothing, so it is not cancelled
    was_there = is_there.value();
    try {
      const auto content = co_await fs.read_text("/held");
      ended = content.error();
    } catch (const std::system_error&) {
      throws_later = true;
    }
  };
  asio::co_spawn(sim.get_executor(), body(),
                 asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
  REQUIRE(sim.step());  // it is in the turn before `exists`
  stop.emit(asio::cancellation_type::terminal);
  CHECK(sim.run());
  CHECK(was_there);
  CHECK(throws_later);
  CHECK_FALSE(ended);
}

TEST_CASE("simulation turns: other executors give none", "[testing][turns]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  bool has_ended = false;
  asio::co_spawn(
      context,
      [&]() -> awaitable<void> {
        auto f = (co_await fs.open("/f", open_mode::create)).value();
        const auto written = co_await f.write("text");
        written.value();
        const auto is_there = co_await fs.exists("/f");
        has_ended = is_there.value();
      },
      [](std::exception_ptr) {});
  context.run_one();
  CHECK(has_ended);
}

}  // namespace coramfs::tests
