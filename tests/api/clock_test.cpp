// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"
#include "support/manual_clock.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;

using times =
    std::pair<std::chrono::system_clock::time_point, std::chrono::system_clock::time_point>;

times times_of(const scenario& fs, const char* path) {
  const file_status s = fs->stat(path).value();
  return {s.created_at, s.modified_at};
}

}  // namespace

TEST_CASE("clock: what is made and changed has exactly its time", "[api][clock]") {
  const auto clock = std::make_shared<manual_clock>();
  const auto born = clock->system_now();
  const scenario fs({.clock = clock});
  CHECK(times_of(fs, "/") == times(born, born));

  const struct {
    const char* path;
    std::function<void()> make;
  } made[] = {{"/d", [&] { fs->create_directory("/d").value(); }},
              {"/e/f", [&] { fs->create_directories("/e/f").value(); }},
              {"/a", [&] { fs->open("/a", open_mode::create).value(); }},
              {"/b", [&] { fs->write_file("/b", "abc").value(); }},
              {"/c", [&] { fs->copy("/b", "/c").value(); }},
              {"/g", [&] { fs->copy_tree("/e", "/g").value(); }},
              {"/i/j", [&] {
                 fs->import_tree({{"/i/j", bytes(3)}}).value();
               }}};
  for (const auto& m : made) {
    INFO(m.path);
    clock->advance(1ns);
    const auto now = clock->system_now();
    m.make();
    CHECK(times_of(fs, m.path) == times(now, now));
    CHECK(times_of(fs, "/") == times(born, now));
  }

  const auto since = fs->stat("/b").value().created_at;
  const std::function<void()> changes[] = {
      [&] { fs->open("/b", open_mode::append).value()->write("d").value(); },
      [&] { fs->open("/b", open_mode::update).value()->truncate(1).value(); },
      [&] { fs->open("/b", open_mode::write).value(); },
      [&] { fs->open("/b", open_mode::write, {.preallocate = 9}).value(); },
      [&] { fs->write_file("/b", "xyz").value(); },
      [&] {
        auto f = fs->open("/b", open_mode::append).value();
        f->prepare(5).value();
        // When room is prepared nothing has changed yet.
        clock->advance(1ns);
        f->commit(2).value();
      }};
  for (const auto& change : changes) {
    clock->advance(1ns);
    change();
    CHECK(times_of(fs, "/b") == times(since, clock->system_now()));
  }

  const std::function<void()> of_entries[] = {[&] { fs->rename("/b", "/d/b").value(); },
                                              [&] { fs->move("/d/b", "/d/k/l/b").value(); },
                                              [&] { fs->remove_tree("/d/k").value(); }};
  const auto of_directory = fs->stat("/d").value().created_at;
  for (const auto& change : of_entries) {
    clock->advance(1ns);
    change();
    CHECK(times_of(fs, "/d") == times(of_directory, clock->system_now()));
  }
}

TEST_CASE("clock: set back it takes no time of a node back", "[api][clock]") {
  const auto clock = std::make_shared<manual_clock>();
  const scenario fs({.clock = clock});
  fs->create_directory("/d").value();
  fs->write_file("/d/a", "abc").value();
  const auto late = clock->system_now();
  const auto early = late - 24h;
  clock->set_system(early);

  const auto f = fs->open("/d/a", open_mode::append).value();
  f->write("d").value();
  CHECK(times_of(fs, "/d/a") == times(late, late));
  CHECK(fs->stat("/d/a").value().generation == 2);
  fs->create_directory("/d/new").value();
  CHECK(times_of(fs, "/d/new") == times(early, early));
  CHECK(times_of(fs, "/d") == times(late, late));
  fs->write_file("/d/b", "abc").value();
  CHECK(times_of(fs, "/d/b") == times(early, early));
  fs->remove("/d/b").value();
  CHECK(times_of(fs, "/d") == times(late, late));

  fs->set_modified("/d/a", early - 1h).value();
  f->write("d").value();
  CHECK(times_of(fs, "/d/a") == times(late, early));
}

TEST_CASE("clock: holders are told by it, and for how long", "[api][clock]") {
  const auto clock = std::make_shared<manual_clock>();
  const scenario fs({.clock = clock});
  const auto opened = clock->steady_now();
  const auto f = fs->open("/f", open_mode::create, {.label = "x"}).value();
  clock->advance(90min);
  CHECK(fs.volume().open_handles().value().at(0).since == opened);
  const error e = error_of(fs->remove("/f"));
  CHECK(e.details().holders.at(0).since == opened);
  CHECK(e.message().find("for 5400.0 s") != std::string::npos);
}

TEST_CASE("clock: a reading of the guard serves for the interval that it measures",
          "[api][clock][guard]") {
  const auto clock = std::make_shared<manual_clock>();
  int readings = 0;
  const scenario fs(accounting::payload, {.memory_guard = {.mode = guard_mode::per_write,
                                                           .interval = 60s,
                                                           .available_memory =
                                                               [&] {
                                                                 ++readings;
                                                                 return std::uint64_t{1} << 40;
                                                               }},
                                          .clock = clock});
  const auto readings_for = [&](auto elapsed) {
    clock->advance(elapsed);
    const int before = readings;
    const auto f = fs->open("/f", open_mode::append).value();
    f->write("abc").value();
    return readings - before;
  };
  CHECK(readings_for(60s - 1ns) == 0);
  CHECK(readings_for(1ns) == 1);
  CHECK(readings_for(60s - 1ns) == 0);
  CHECK(readings_for(1ns) == 1);
}

TEST_CASE("clock: it holds no wait up", "[api][clock][waiting]") {
  const auto facade = GENERATE(facade_kind::coroutines, facade_kind::threads);
  const auto fs = create_file_system(facade, {.clock = std::make_shared<manual_clock>()}).value();
  const auto f = fs->open("/f", open_mode::create).value();
  CHECK(error_of(fs->open("/f", open_mode::read, {.timeout = 1ms})) == errc::timed_out);
}

}  // namespace coramfs::tests
