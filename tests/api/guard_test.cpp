// SPDX-License-Identifier: BSL-1.0
#include "api/coroutines.hpp"
#include "api/scenario.hpp"

namespace coramfs::tests {

namespace {

/// A guard with readings of the test's own.
struct machine {
  std::optional<std::uint64_t> available = 1000;
  int readings = 0;
  std::vector<std::string> warnings;

  memory_guard_options options(guard_mode mode, guard_action action,
                               std::chrono::steady_clock::duration interval = {}) {
    return {.mode = mode,
            .action = action,
            .interval = interval,
            .on_warning = [this](std::string_view text) { warnings.emplace_back(text); },
            .available_memory =
                [this] {
                  ++readings;
                  return available;
                }};
  }
};

}  // namespace

TEST_CASE("guard: at creation the quota must not be above what is there", "[api][guard]") {
  const auto facade = GENERATE(facade_kind::coroutines, facade_kind::threads);
  const auto mode = GENERATE(guard_mode::init, guard_mode::per_write);
  machine m;
  volume_options options;
  options.max_quota = 1000;
  options.memory_guard = m.options(mode, guard_action::reject);
  CHECK(create_file_system(facade, options));
  options.max_quota = 1001;
  const error e = error_of(create_file_system(facade, options));
  CHECK(e == errc::memory_guard);
  CHECK(e.requested() == 1001);
  CHECK(e.available() == 1000);
  options.memory_guard.action = guard_action::warn;
  CHECK(create_file_system(facade, options));
  CHECK(m.warnings.size() == 1);
  m.available.reset();
  options.memory_guard.action = guard_action::reject;
  CHECK(create_file_system(facade, options));
}

TEST_CASE("guard: without a mode it is never asked, with init once", "[api][guard]") {
  for (const auto mode : {guard_mode::none, guard_mode::init}) {
    machine m;
    const scenario fs({.max_quota = 1000, .memory_guard = m.options(mode, guard_action::reject)});
    const int at_creation = m.readings;
    fs->create_directory("/d").value();
    m.available = 0;
    if (fs.counting() == accounting::payload) fs->write_file("/f", "content").value();
    CHECK(m.readings == at_creation);
    CHECK((mode == guard_mode::none) == (at_creation == 0));
  }
}

TEST_CASE("guard: per write it is asked once for what grows, and for nothing else",
          "[api][guard]") {
  machine m;
  m.available = 10'000'000;
  const scenario fs(accounting::payload,
                    {.max_quota = 1'000'000,
                     .memory_guard = m.options(guard_mode::per_write, guard_action::reject)});
  const auto asked = [&](auto operation) {
    const int before = m.readings;
    REQUIRE(operation());
    return m.readings - before;
  };
  CHECK(asked([&] { return fs->create_directory("/d"); }) == 0);
  CHECK(asked([&] { return fs->open("/empty", open_mode::create); }) == 0);
  CHECK(asked([&] { return fs->write_file("/f", "content"); }) == 1);
  CHECK(asked([&] { return fs->write_file("/f", "CONTENT"); }) == 0);
  CHECK(asked([&] { return fs->write_file("/f", "longer content"); }) == 1);
  CHECK(asked([&] { return fs->read_file("/f"); }) == 0);
  CHECK(asked([&] { return fs->open("/p", open_mode::create, {.preallocate = 10}); }) == 1);
  CHECK(asked([&] { return fs->copy("/f", "/g"); }) == 1);
  CHECK(asked([&] { return fs->copy_tree("/d", "/e"); }) == 0);
  CHECK(asked([&] { return fs->import_tree({{"/i", bytes_of("x")}}); }) == 1);
  CHECK(asked([&] { return fs->rename("/f", "/h"); }) == 0);
  const auto f = fs->open("/h", open_mode::update).value();
  CHECK(asked([&] { return f->write("overwrite"); }) == 0);
  CHECK(asked([&] { return f->write_at(14, "and more"); }) == 1);
  CHECK(asked([&] { return f->truncate(100); }) == 1);
  CHECK(asked([&] { return f->truncate(3); }) == 0);
  f->close().value();
  CHECK(asked([&] { return fs->remove("/h"); }) == 0);
}

TEST_CASE("guard: it rejects what is above the reading, and nothing has changed", "[api][guard]") {
  machine m;
  m.available = 1'000'000;
  const scenario fs(accounting::payload,
                    {.max_quota = 1'000'000,
                     .memory_guard = m.options(guard_mode::per_write, guard_action::reject)});
  m.available = 100;
  fs->write_file("/f", std::string(100, 'x')).value();
  const error e = fs.refusal([&] { return fs->write_file("/g", std::string(101, 'x')); });
  CHECK(e == errc::memory_guard);
  CHECK(e.requested() == 101);
  CHECK(e.available() == 100);
  const auto f = fs->open("/f", open_mode::append).value();
  CHECK(fs.refusal([&] { return f->write(std::string(101, 'x')); }) == errc::memory_guard);
  CHECK(fs.refusal([&] { return f->write(bytes(101)); }) == errc::memory_guard);
  CHECK(fs.refusal([&] { return f->truncate(1000); }) == errc::memory_guard);
  // The quota is asked first.
  CHECK(fs.refusal([&] { return f->truncate(2'000'000); }) == errc::quota_exceeded);
}

TEST_CASE("guard: a reading serves for the interval, less what has grown since", "[api][guard]") {
  machine m;
  m.available = 1000;
  const scenario fs(accounting::payload,
                    {.max_quota = 1000,
                     .memory_guard = m.options(guard_mode::per_write, guard_action::reject,
                                               std::chrono::hours(1))});
  const int at_creation = m.readings;
  fs->write_file("/a", std::string(600, 'x')).value();
  fs->write_file("/b", std::string(400, 'x')).value();
  CHECK(m.readings == at_creation);
  fs->remove("/a").value();
  fs->write_file("/c", std::string(600, 'x')).value();
}

TEST_CASE("guard: the callbacks may use the volume, and may throw", "[api][guard]") {
  any_file_system* inside = nullptr;
  int calls = 0;
  memory_guard_options options;
  options.mode = guard_mode::per_write;
  options.interval = {};
  options.available_memory = [&]() -> std::optional<std::uint64_t> {
    if (inside == nullptr) return 1'000'000;
    ++calls;
    inside->create_directory("/from-inside-" + std::to_string(calls)).value();
    if (calls == 2) throw std::runtime_error("unknown");
    return 0;
  };
  options.on_warning = [&](std::string_view) {
    inside->list("/").value();
    throw 42;
  };
  const scenario fs({.max_quota = 1'000'000, .memory_guard = options});
  calls = 0;
  const auto other = fs.twin();
  inside = other.get();
  fs->write_file("/a", "content").value();
  fs->write_file("/b", "content").value();
  inside = nullptr;
  CHECK(calls == 2);
  CHECK(fs->list("/").value() ==
        std::vector<std::string>{"a", "b", "from-inside-1", "from-inside-2"});
}

TEST_CASE("guard: what a callback does with the volume is not asked about", "[api][guard]") {
  any_file_system* inside = nullptr;
  int depth = 0, deepest = 0;
  const auto use = [&] {
    if (inside == nullptr) return;
    deepest = std::max(deepest, ++depth);
    REQUIRE(depth < 10);
    inside->write_file("/log", "low memory").value();
    --depth;
  };
  memory_guard_options options;
  options.mode = guard_mode::per_write;
  options.interval = {};
  if (GENERATE(false, true)) {
    options.available_memory = []() -> std::optional<std::uint64_t> { return 1; };
    options.on_warning = [&](std::string_view) { use(); };
  } else {
    options.available_memory = [&]() -> std::optional<std::uint64_t> {
      use();
      return 1'000'000;
    };
  }
  const scenario fs({.max_quota = 1'000'000, .memory_guard = options});
  const auto other = fs.twin();
  inside = other.get();
  fs->write_file("/a", "content").value();
  inside = nullptr;
  CHECK(deepest == 1);
  CHECK(fs->read_file("/log").value() == "low memory");
}

TEST_CASE("guard: what one operation was promised is not there for another", "[api][guard]") {
  constexpr std::uint64_t size = 4 << 20;
  machine m;
  m.available = 5 * size / 2;
  auto options = m.options(guard_mode::per_write, guard_action::warn, std::chrono::hours(1));
  const auto v =
      volume::create(
          {.max_quota = 100 * size, .accounting = accounting::payload, .memory_guard = options})
          .value();
  sync::file_system(v).write_file("/s", buffer_of(std::string(size, 'x'))).value();
  m.warnings.clear();
  asio::io_context context;
  file_system fs(context.get_executor(), v);
  for (const char* to : {"/a", "/b"}) {
    spawn(context, [&fs, to]() -> asio::awaitable<void> {
      const auto copied = co_await fs.copy("/s", to);
      copied.value();
    });
  }
  context.run();
  CHECK(m.warnings.size() == 1);
}

}  // namespace coramfs::tests
