// SPDX-License-Identifier: BSL-1.0
// Operations that wait for space, on both facades alike: each waiter is a thread with a file
// system of its own. What only coroutines can do is in space_cancellation_test.cpp.
#include "api/space.hpp"

#include <asio/buffer.hpp>

namespace coramfs::tests {

TEST_CASE("space: whatever makes a file larger waits until there is room", "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  const auto with_file = [](auto grow) {
    return [grow](any_file_system& own) {
      const auto f = own.open("/a", open_mode::update, waits).value();
      return error_of(grow(*f));
    };
  };
  const std::pair<const char*, background::operation> growths[] = {
      {"write", with_file([](any_file& f) { return f.write(xs(500)); })},
      {"write of a buffer", with_file([](any_file& f) { return f.write(bytes_of(xs(500))); })},
      {"write_at", with_file([](any_file& f) { return f.write_at(0, xs(500)); })},
      {"truncate", with_file([](any_file& f) { return f.truncate(500); })},
      {"reserve", with_file([](any_file& f) -> result<std::size_t> {
         if (const auto paid = f.reserve(500); !paid) return paid.error();
         return f.write(xs(500));
       })},
      {"prepare", with_file([](any_file& f) {
         const auto room = f.prepare(500);
         if (room) f.commit(500).value();
         return room;
       })},
      {"preallocation of an old file",
       open("/a", open_mode::update, {.preallocate = 500, .on_full = when_full::wait})},
      {"preallocation of an emptied file",
       open("/a", open_mode::write, {.preallocate = 500, .on_full = when_full::wait})},
      {"preallocation of a new file",
       open("/new", open_mode::create, {.preallocate = 500, .on_full = when_full::wait})},
  };
  for (const auto& [name, grow] : growths) {
    INFO(name);
    fs->write_file("/a", "").value();
    fs->write_file("/filler", xs(501)).value();
    background waiter(fs.twin(), grow);
    await_waiting(fs.volume(), 1);
    CHECK(fs.used() == 501);
    fs->remove("/filler").value();
    CHECK(!waiter.get().code());
    CHECK(fs.used() == 500);
    CHECK(fs.stats().waiting == 0);
    fs->remove("/a").value();
    if (fs->exists("/new").value()) fs->remove("/new").value();
  }
}

TEST_CASE("space: only what is missing when slack has given way is waited for",
          "[api][space][memory]") {
  const scenario fs(accounting::memory, storage_layout::random_access, {.max_quota = 2 << 20});
  fs.expect_slices();
  constexpr std::uint64_t gap = 65'536;
  fs->write_file("/filler", xs(150'000)).value();
  const auto own = fs.twin();
  const auto f = own->open("/a", open_mode::create, waits).value();
  for (std::uint64_t i = 0; i < 3; ++i) f->write_at(i * gap, xs(1'000)).value();
  fill_up(*fs, "/rest");
  // That is more than what goes makes free, but for the slack.
  background waiter(fs.twin(),
                    [&](any_file_system&) { return error_of(f->write_at(10 * gap, xs(250'000))); });
  await_waiting(fs.volume(), 1);
  fs->remove("/filler").value();
  CHECK(!waiter.get().code());
  CHECK(f->size().value() == 10 * gap + 250'000);
}

TEST_CASE("space: what turns a long chain into a table waits for its room, and goes on in slices",
          "[api][space][promotion]") {
  const scenario fs(storage_layout::automatic, {.max_quota = 4 << 20});
  fs.expect_slices();
  constexpr std::size_t size = 3'000'000, gap = 100'000;
  const auto leave_a_gap = [](auto write) {
    return [write](any_file_system& own) {
      const auto f = own.open("/a", open_mode::update, waits).value();
      f->seek(size + gap).value();
      return error_of(write(*f));
    };
  };
  const background::operation growths[] = {
      leave_a_gap([](any_file& f) { return f.write(xs(gap)); }),
      leave_a_gap([](any_file& f) { return f.write(bytes_of(xs(gap))); }),
      leave_a_gap([](any_file& f) {
        const auto room = f.prepare(gap);
        if (room) asio::buffer_copy(room.value(), asio::buffer(xs(gap)));
        if (room) f.commit(gap).value();
        return room;
      })};
  for (const auto& grow : growths) {
    fs->write_file("/a", xs(size)).value();
    fill_up(*fs, "/filler");
    background waiter(fs.twin(), grow);
    await_waiting(fs.volume(), 1);
    CHECK(fs->file_size("/a").value() == size);
    fs->remove("/filler").value();
    CHECK(!waiter.get().code());
    CHECK(fs.stats().chunk_count == 0);
    CHECK(fs->read_file("/a").value() == xs(size) + std::string(gap, '\0') + xs(gap));
    fs->remove("/a").value();
  }
}

TEST_CASE("space: what was written while it waited is in the file, at the cursor", "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(996)).value();
  background waiter(fs.twin(), [](any_file_system& own) {
    const auto f = own.open("/a", open_mode::create, waits).value();
    f->write("ab").value();
    f->write("cdef").value();
    CHECK(f->tell().value() == 6);
    f->write("gh").value();
    return error_of(f->close());
  });
  await_waiting(fs.volume(), 1);
  CHECK(fs->file_size("/a").value() == 2);
  fs->remove("/filler").value();
  CHECK(!waiter.get().code());
  CHECK(fs->read_file("/a").value() == "abcdefgh");
}

TEST_CASE("space: an open waits for a new node's bytes, and nobody sees the node meanwhile",
          "[api][space]") {
  const scenario fs(accounting::memory, {.max_quota = 50'000});
  fs->create_directory("/d").value();
  fill_up(*fs, "/filler");
  const auto mode = GENERATE(open_mode::write, open_mode::append, open_mode::create);
  const std::string name = "/d/" + xs(200);
  background waiter(fs.twin(), open(name, mode, waits));
  await_waiting(fs.volume(), 1);
  CHECK(!fs->exists(name).value());
  fs->remove("/filler").value();
  CHECK(!waiter.get().code());
  CHECK(fs->exists(name).value());
}

TEST_CASE("space: an open that waits for a new node finds what others did meanwhile",
          "[api][space]") {
  const scenario fs(accounting::memory, {.max_quota = 50'000});
  fs->create_directory("/d").value();
  fs->write_file("/other", "kept").value();
  fill_up(*fs, "/filler");
  const std::string name = "/d/" + xs(200);
  SECTION("its directory has gone") {
    background waiter(fs.twin(), open(name, open_mode::create, waits));
    await_waiting(fs.volume(), 1);
    fs->rename("/d", "/e").value();
    fs->remove("/filler").value();
    CHECK(waiter.get() == errc::not_found);
  }
  SECTION("a file stands where its directory was") {
    background waiter(fs.twin(), open(name, open_mode::create, waits));
    await_waiting(fs.volume(), 1);
    fs->rename("/d", "/e").value();
    fs->rename("/other", "/d").value();
    fs->remove("/filler").value();
    CHECK(waiter.get() == errc::not_a_directory);
  }
  CHECK(fs.stats().waiting == 0);
}

TEST_CASE("space: where another was faster to make a file, a create fails and others open it",
          "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(1000)).value();
  const auto mode = GENERATE(open_mode::write, open_mode::append, open_mode::create);
  background waiter(fs.twin(), open("/a", mode, {.preallocate = 500, .on_full = when_full::wait}));
  await_waiting(fs.volume(), 1);
  fs->write_file("/a", "").value();
  fs->remove("/filler").value();
  const error e = waiter.get();
  const bool creates = mode == open_mode::create;
  CHECK((creates ? e == errc::already_exists : !e.code()));
  CHECK(fs->file_size("/a").value() == (creates ? 0 : 500));
}

TEST_CASE("space: an open that waits for its preallocation has the lock", "[api][space][busy]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", "old").value();
  fs->write_file("/filler", xs(997)).value();
  const auto mode = GENERATE(open_mode::write, open_mode::append, open_mode::update);
  background waiter(fs.other(), open("/a", mode, {.preallocate = 500, .on_full = when_full::wait}));
  await_waiting(fs.volume(), 1);
  const open_options at_once{.timeout = lock_timeout::immediate()};
  CHECK(error_of(fs->open("/a", open_mode::read, at_once)) == errc::would_block);
  CHECK(fs.refusal([&] { return fs->remove("/a"); }) == errc::busy);
  CHECK(fs->file_size("/a").value() == 3);
  fs->remove("/filler").value();
  CHECK(!waiter.get().code());
  CHECK(fs->file_size("/a").value() == 500);
}

TEST_CASE("space: whatever gives bytes back serves who waits", "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->create_directory("/d").value();
  fs->write_file("/d/filler", xs(1000)).value();
  fs->write_file("/empty", "").value();
  background waiter(fs.twin(), append("/a", 600));
  await_waiting(fs.volume(), 1);
  SECTION("remove") { fs->remove("/d/filler").value(); }
  SECTION("remove_tree") { fs->remove_tree("/d").value(); }
  SECTION("truncate") { fs->open("/d/filler", open_mode::update).value()->truncate(400).value(); }
  SECTION("an open that empties the file") { fs->open("/d/filler", open_mode::write).value(); }
  SECTION("write_file of less") { fs->write_file("/d/filler", xs(400)).value(); }
  SECTION("an import over it") {
    fs->import_tree({{"/d/filler", bytes_of(xs(300))}, {"/more", bytes_of(xs(100))}}).value();
  }
  SECTION("a rename over it") { fs->rename("/empty", "/d/filler", if_exists::replace).value(); }
  SECTION("a move over it") { fs->move("/empty", "/d/filler", if_exists::replace).value(); }
  SECTION("a copy over it") { fs->copy("/empty", "/d/filler", if_exists::replace).value(); }
  SECTION("several together") {
    const auto f = fs->open("/d/filler", open_mode::update).value();
    for (std::uint64_t size = 1000; size > 400; size -= 100) {
      CHECK(fs.stats().waiting == 1);
      f->truncate(size - 100).value();
    }
  }
  CHECK(!waiter.get().code());
  CHECK(fs->file_size("/a").value() == 600);
}

TEST_CASE("space: a close gives its slack to who waits", "[api][space]") {
  const scenario fs(accounting::memory, {.max_quota = 200'000});
  fs->write_file("/a", "").value();
  const auto slack = fs->open("/slack", open_mode::append).value();
  slack->write(xs(30'000)).value();
  slack->write(xs(5'000)).value();
  fill_up(*fs, "/filler");
  const std::uint64_t used = fs.used();
  background waiter(fs.twin(), append("/a", 10'000));
  await_waiting(fs.volume(), 1);
  slack->close().value();
  CHECK(!waiter.get().code());
  CHECK(fs.used() < used);
}

TEST_CASE("space: prepared room that is not used serves who waits", "[api][space][prepare]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  const auto f = fs->open("/filler", open_mode::create).value();
  f->prepare(1000).value();
  background waiter(fs.twin(), append("/a", 600));
  await_waiting(fs.volume(), 1);
  SECTION("a commit of less") { f->commit(400).value(); }
  SECTION("a seek") { f->seek(0).value(); }
  SECTION("a smaller room") { f->prepare(400).value(); }
  SECTION("a close") { f->close().value(); }
  CHECK(!waiter.get().code());
  CHECK(fs->file_size("/a").value() == 600);
}

TEST_CASE("space: what was pinned serves who waits when the last pin goes", "[api][space][pin]") {
  const scenario fs(accounting::memory, {.max_quota = 200'000});
  fs->write_file("/a", "").value();
  fs->write_file("/pinned", xs(150'000)).value();
  std::optional<pinned> pin = fs->open("/pinned", open_mode::read).value()->pin(0, 150'000).value();
  fs->remove("/pinned").value();
  background waiter(fs.twin(), append("/a", 100'000));
  await_waiting(fs.volume(), 1);
  std::optional<pinned> copy = pin;
  pin.reset();
  CHECK(fs.stats().waiting == 1);
  copy.reset();
  CHECK(!waiter.get().code());
}

TEST_CASE("space: what a failed operation had reserved serves who waits", "[api][space][guard]") {
  constexpr std::uint64_t plenty = 1'000'000;
  std::function<std::uint64_t()> reading;
  volume_options options{.max_quota = 1000};
  options.memory_guard = {
      .mode = guard_mode::per_write,
      .action = guard_action::reject,
      .interval = std::chrono::seconds(0),
      .available_memory = [&] { return reading ? std::exchange(reading, nullptr)() : plenty; }};
  const scenario fs(accounting::payload, options);
  fs->write_file("/a", "").value();
  std::optional<background> waiter;
  // While the guard is asked, the writer's bytes are reserved.
  reading = [&]() -> std::uint64_t {
    waiter.emplace(fs.twin(), append("/a", 500));
    await_waiting(fs.volume(), 1);
    return 0;
  };
  CHECK(error_of(fs->write_file("/b", xs(600))) == errc::memory_guard);
  REQUIRE(waiter);
  CHECK(!waiter->get().code());
  CHECK(fs.used() == 500);
}

}  // namespace coramfs::tests
