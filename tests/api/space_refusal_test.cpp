// SPDX-License-Identifier: BSL-1.0
// What ends a wait for space without it, and what does not wait at all.
#include "api/space.hpp"

namespace coramfs::tests {

namespace {

constexpr open_options waits_briefly{.timeout = std::chrono::milliseconds(1),
                                     .on_full = when_full::wait};

}  // namespace

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

TEST_CASE("space: who waited for it in vain is told how much there was", "[api][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(900)).value();
  const auto own = fs.twin();
  {
    const auto f = own->open("/a", open_mode::create, waits_briefly).value();
    f->write("abc").value();
    const error write = fs.refusal([&] { return f->write(xs(98)); });
    CHECK(write.message() == "timed out: write \"/a\": requested 98 bytes, 97 available");
    CHECK(write.requested() == 98);
    CHECK(write.available() == 97);
    CHECK(fs.refusal([&] { return f->prepare(99); }).message() ==
          "timed out: prepare \"/a\": requested 99 bytes, 97 available");
  }
  open_options options = waits_briefly;
  options.preallocate = 500;
  CHECK(fs.refusal([&] { return own->open("/new", open_mode::create, options); }).message() ==
        "timed out: open \"/new\": requested 500 bytes, 97 available");
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
        "quota exceeded: write \"/a\": requested 101 bytes, 100 available");
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
        "quota exceeded: write \"/a\": requested 601 bytes, 100 available");
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

}  // namespace coramfs::tests
