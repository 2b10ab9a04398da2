// SPDX-License-Identifier: BSL-1.0
// Operations that wait for space, on both facades alike: each waiter is a thread with a file
// system of its own. What only coroutines can do is in space_cancellation_test.cpp.
#include "api/scenario.hpp"

#include "support/await_waiting.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <mutex>

namespace coramfs::tests {

namespace {

constexpr open_options waits{.on_full = when_full::wait};
constexpr open_options waits_briefly{.timeout = std::chrono::milliseconds(1),
                                     .on_full = when_full::wait};

std::string xs(std::size_t n) { return std::string(n, 'x'); }

/// An operation on a thread of its own, and how it ended.
class background {
 public:
  using operation = std::function<error(any_file_system&)>;

  background(std::unique_ptr<any_file_system> fs, operation op)
      : fs_(std::move(fs)),
        done_(std::async(std::launch::async, [&fs = *fs_, op = std::move(op)] { return op(fs); })) {
  }

  error get() { return done_.get(); }
  bool ended() const {
    return done_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

 private:
  std::unique_ptr<any_file_system> fs_;
  std::future<error> done_;
};

/// Appends `n` bytes to a file, which is open for waiting.
background::operation append(std::string path, std::size_t n, open_options options = waits) {
  return [=](any_file_system& fs) {
    const auto f = fs.open(path, open_mode::append, options).value();
    return error_of(f->write(xs(n)));
  };
}

background::operation open(std::string path, open_mode mode, open_options options) {
  return [=](any_file_system& fs) { return error_of(fs.open(path, mode, options)); };
}

/// Uses up what is left of a volume, whatever a file costs.
void fill_up(any_file_system& fs, const std::string& path) {
  std::size_t size = fs.stats().value().free_bytes;
  while (!fs.write_file(path, xs(size)) && size > 0) --size;
}

std::uint64_t available(any_file_system& fs, const std::string& path) {
  return error_of(fs.write_file(path, xs(100'000))).available();
}

}  // namespace

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

TEST_CASE("space: a wait ends in time, and leaves everything as it was", "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(900)).value();
  const auto f = fs.other()->open("/a", open_mode::create, waits_briefly).value();
  f->write("abc").value();
  const auto begin = std::chrono::steady_clock::now();
  CHECK(fs.refusal([&] { return f->write(xs(98)); }) == errc::timed_out);
  CHECK(fs.refusal([&] { return f->write(bytes_of(xs(98))); }) == errc::timed_out);
  CHECK(fs.refusal([&] { return f->write_at(1, xs(100)); }) == errc::timed_out);
  CHECK(fs.refusal([&] { return f->truncate(101); }) == errc::timed_out);
  CHECK(fs.refusal([&] { return f->prepare(98); }) == errc::timed_out);
  CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(5));
  CHECK(f->tell().value() == 3);
  CHECK(f->write(xs(97)).value() == 97);
}

TEST_CASE("space: an open that waited too long leaves no new file and no emptied old one",
          "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", "old").value();
  fs->write_file("/filler", xs(997)).value();
  const auto own = fs.twin();
  open_options options = waits_briefly;
  options.preallocate = 500;
  for (const auto mode : {open_mode::write, open_mode::append, open_mode::update})
    CHECK(fs.refusal([&] { return own->open("/a", mode, options); }) == errc::timed_out);
  CHECK(fs.refusal([&] { return own->open("/new", open_mode::create, options); }) ==
        errc::timed_out);
  CHECK(fs->read_file("/a").value() == "old");
}

TEST_CASE("space: without a timeout of the open, the volume's ends the wait", "[api][space]") {
  const scenario fs(accounting::payload,
                    {.max_quota = 1000, .default_lock_timeout = std::chrono::milliseconds(1)});
  fs->write_file("/filler", xs(1000)).value();
  const auto f = fs.twin()->open("/a", open_mode::create, waits).value();
  CHECK(fs.refusal([&] { return f->write("x"); }) == errc::timed_out);
}

TEST_CASE("space: an immediate timeout rejects, as if it did not wait", "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(900)).value();
  open_options options{.timeout = lock_timeout::immediate(), .on_full = when_full::wait};
  const auto f = fs->open("/a", open_mode::create, options).value();
  CHECK(fs.refusal([&] { return f->write(xs(101)); }).message() ==
        "quota exceeded: requested 101 bytes, 100 available");
  CHECK(fs.refusal([&] { return f->write_at(0, xs(101)); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] { return f->truncate(101); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] { return f->prepare(101); }) == errc::quota_exceeded);
  options.preallocate = 101;
  CHECK(fs.refusal([&] { return fs->open("/b", open_mode::write, options); }) ==
        errc::quota_exceeded);
  CHECK(f->write(xs(100)).value() == 100);
}

TEST_CASE("space: what can never fit is refused at once", "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(500)).value();
  const auto f = fs->open("/a", open_mode::create, waits).value();
  f->write(xs(400)).value();
  // Its own 400 bytes stay, whatever others free.
  CHECK(fs.refusal([&] { return f->write(xs(601)); }).message() ==
        "quota exceeded: requested 601 bytes, 100 available");
  CHECK(fs.refusal([&] { return f->write(bytes_of(xs(601))); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] { return f->write_at(400, xs(601)); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] { return f->truncate(1001); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] { return f->prepare(601); }) == errc::quota_exceeded);
  for (const auto mode : {open_mode::write, open_mode::append, open_mode::create}) {
    const open_options options{.preallocate = 1001, .on_full = when_full::wait};
    CHECK(fs.refusal([&] { return fs->open("/b", mode, options); }) == errc::quota_exceeded);
  }
  f->close().value();
  const open_options options{.preallocate = 1001, .on_full = when_full::wait};
  CHECK(fs.refusal([&] { return fs->open("/a", open_mode::append, options); }) ==
        errc::quota_exceeded);
}

TEST_CASE("space: what fits exactly when all others have gone is waited for", "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", xs(400)).value();
  fs->write_file("/filler", xs(1)).value();
  background waiter(fs.twin(), append("/a", 600));
  await_waiting(fs.volume(), 1);
  fs->remove("/filler").value();
  CHECK(!waiter.get().code());
  CHECK(fs.used() == 1000);
}

TEST_CASE("space: with nodes charged too, what can never fit is refused at once", "[api][space]") {
  const scenario fs(accounting::memory, {.max_quota = 50'000});
  const auto f = fs->open("/a", open_mode::create, waits).value();
  CHECK(fs.refusal([&] { return f->write(xs(50'000)); }) == errc::quota_exceeded);
  const open_options options{.preallocate = 50'000, .on_full = when_full::wait};
  CHECK(fs.refusal([&] { return fs->open("/b", open_mode::create, options); }) ==
        errc::quota_exceeded);
}

TEST_CASE("space: nodes are not waited for", "[api][space]") {
  const scenario fs({.max_nodes = 2});
  fs->write_file("/a", "").value();
  CHECK(fs.refusal([&] { return fs->open("/b", open_mode::create, waits); }) ==
        errc::node_limit_exceeded);
}

TEST_CASE("space: the guard is not waited for", "[api][space][guard]") {
  volume_options options{.max_quota = 1000};
  options.memory_guard = {.mode = guard_mode::per_write,
                          .action = guard_action::reject,
                          .interval = std::chrono::seconds(0),
                          .available_memory = [first = true]() mutable {
                            return std::exchange(first, false) ? 1000u : 10u;
                          }};
  const scenario fs(accounting::payload, options);
  const auto f = fs->open("/a", open_mode::create, waits).value();
  CHECK(fs.refusal([&] { return f->write(xs(11)); }) == errc::memory_guard);
  CHECK(fs.refusal([&] { return f->truncate(11); }) == errc::memory_guard);
}

TEST_CASE("space: what need not grow does not wait", "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", xs(1000)).value();
  const auto f = fs->open("/a", open_mode::update, waits).value();
  CHECK(f->write(std::string(1000, 'y')).value() == 1000);
  CHECK(f->write_at(1, "zz").value() == 2);
  CHECK(f->truncate(999).value() == 999);
  CHECK(f->truncate(1000).value() == 1000);
  CHECK(f->write("").value() == 0);
  f->close().value();
  CHECK(f->write("x").error() == errc::not_open);
}

TEST_CASE("space: what takes no options does not wait", "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", xs(600)).value();
  const auto rejects = fs->open("/b", open_mode::create).value();
  CHECK(fs.refusal([&] { return rejects->write(xs(401)); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] { return fs->write_file("/c", xs(401)); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] { return fs->copy("/a", "/c"); }) == errc::quota_exceeded);
  CHECK(fs.refusal([&] {
    return fs->import_tree({{"/c", bytes_of(xs(401))}});
  }) == errc::quota_exceeded);
}

TEST_CASE("space: threads and coroutines stand in one queue, served in the order they came",
          "[api][space][fairness]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  constexpr int writers = 6;
  for (int i = 0; i < 10; ++i) fs->write_file("/filler" + std::to_string(i), xs(100)).value();
  std::mutex mutex;
  std::string order;
  std::vector<std::unique_ptr<background>> all;
  for (int i = 0; i < writers; ++i) {
    const auto write = [&, i](any_file_system& own) {
      const error e = append("/" + std::to_string(i), 100)(own);
      const std::lock_guard lock(mutex);
      order += static_cast<char>('0' + i);
      return e;
    };
    all.push_back(std::make_unique<background>(i % 2 ? fs.twin() : fs.other(), write));
    await_waiting(fs.volume(), all.size());
  }
  for (int i = 0; i < writers; ++i) {
    fs->remove("/filler" + std::to_string(i)).value();
    CHECK(!all[static_cast<std::size_t>(i)]->get().code());
  }
  CHECK(order == "012345");
}

TEST_CASE("space: a large request is not overtaken by small ones behind it",
          "[api][space][fairness]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(1000)).value();
  background large(fs.twin(), append("/large", 800));
  await_waiting(fs.volume(), 1);
  background small(fs.other(), append("/small", 10));
  await_waiting(fs.volume(), 2);
  const auto f = fs->open("/filler", open_mode::update).value();
  for (std::uint64_t size = 900; size > 200; size -= 100) {
    f->truncate(size).value();
    CHECK(fs.stats().waiting == 2);
    CHECK(error_of(fs->write_file("/passing", "x")) == errc::quota_exceeded);
  }
  f->truncate(200).value();
  CHECK(!large.get().code());
  CHECK(fs.stats().waiting == 1);
  f->truncate(190).value();
  CHECK(!small.get().code());
  CHECK(fs.used() == 1000);
}

TEST_CASE("space: others may take what was free before, not what was freed since",
          "[api][space][fairness]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(900)).value();
  background waiter(fs.twin(), append("/a", 500));
  await_waiting(fs.volume(), 1);
  fs->write_file("/filler", xs(700)).value();
  CHECK(fs.stats().free_bytes == 300);
  CHECK(available(*fs, "/b") == 100);
  CHECK(error_of(fs->write_file("/b", xs(101))).message() ==
        "quota exceeded: requested 101 bytes, 100 available");
  fs->write_file("/b", xs(60)).value();
  CHECK(fs.stats().free_bytes == 240);
  CHECK(available(*fs, "/c") == 40);
  fs->write_file("/filler", xs(440)).value();
  CHECK(!waiter.get().code());
  CHECK(available(*fs, "/c") == 0);
}

TEST_CASE("space: what was set aside for one who leaves passes on", "[api][space][fairness]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(1000)).value();
  background large(fs.twin(),
                   append("/large", 800,
                          {.timeout = std::chrono::milliseconds(50), .on_full = when_full::wait}));
  await([&] { return fs.stats().waiting == 1 || large.ended(); });
  background small(fs.other(), append("/small", 200));
  fs->write_file("/filler", xs(700)).value();
  CHECK(large.get() == errc::timed_out);
  CHECK(!small.get().code());
  CHECK(available(*fs, "/b") == 100);
  CHECK(fs.stats().waiting == 0);
}

TEST_CASE("space: when the last waiter leaves all that is free is everybody's",
          "[api][space][fairness]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(1000)).value();
  background waiter(
      fs.twin(),
      append("/a", 900, {.timeout = std::chrono::milliseconds(20), .on_full = when_full::wait}));
  fs->write_file("/filler", xs(200)).value();
  CHECK(waiter.get() == errc::timed_out);
  CHECK(available(*fs, "/b") == 800);
  fs->write_file("/b", xs(800)).value();
}

TEST_CASE("space: figures count who waits, and what waiters get only when they have it",
          "[api][space][stats]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(1000)).value();
  background first(fs.twin(), append("/a", 300));
  await_waiting(fs.volume(), 1);
  background second(fs.other(), append("/b", 300));
  await_waiting(fs.volume(), 2);
  CHECK(fs.stats().open_handles == 2);
  CHECK(fs.used() == 1000);
  CHECK(fs.stats().peak_bytes == 1000);
  fs->remove("/filler").value();
  CHECK(!first.get().code());
  CHECK(!second.get().code());
  CHECK(fs.used() == 600);
  CHECK(fs.stats().waiting == 0);
  CHECK(fs.stats().peak_bytes == 1000);
}

TEST_CASE("space: while one waits for it, all that needs none goes on", "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(1000)).value();
  background waiter(fs.twin(), append("/a", 300));
  await_waiting(fs.volume(), 1);
  fs->create_directories("/d/e").value();
  fs->write_file("/d/empty", "").value();
  fs->rename("/d/empty", "/d/e/empty").value();
  CHECK(fs->read_file("/filler").value().size() == 1000);
  CHECK(fs->list("/").value() == std::vector<std::string>{"a", "d", "filler"});
  CHECK(fs.refusal([&] { return fs->remove("/a"); }) == errc::busy);
  CHECK(fs.stats().waiting == 1);
  fs->remove("/filler").value();
  CHECK(!waiter.get().code());
}

TEST_CASE("space: producers who outrun a consumer wait for it, and none is lost",
          "[api][space][threads]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  constexpr int producers = 4, rounds = 50;
  std::vector<std::unique_ptr<background>> all;
  for (int p = 0; p < producers; ++p) {
    all.push_back(
        std::make_unique<background>(p % 2 ? fs.twin() : fs.other(), [p](any_file_system& own) {
          for (int i = 0; i < rounds; ++i) {
            const std::string name = "/" + std::to_string(p) + "-" + std::to_string(i);
            const auto f = own.open("/part" + name.substr(1), open_mode::create, waits).value();
            f->write(xs(300)).value();
            f->close().value();
            own.rename("/part" + name.substr(1), name).value();
          }
          return error(std::error_code());
        }));
  }
  int consumed = 0;
  await([&] {
    const auto names = fs->glob("/*-*").value();
    for (const std::string& name : names) {
      if (name.starts_with("/part")) continue;
      CHECK(fs->file_size(name).value() == 300);
      fs->remove(name).value();
      ++consumed;
    }
    return consumed == producers * rounds;
  });
  for (auto& one : all) CHECK(!one->get().code());
  CHECK(fs.stats().peak_bytes <= 1000);
}

}  // namespace coramfs::tests
