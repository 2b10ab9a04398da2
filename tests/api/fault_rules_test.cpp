// SPDX-License-Identifier: BSL-1.0
#include <coramfs/error_details.hpp>
#include <coramfs/testing/fault_policy.hpp>

#include "api/scenario.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <vector>

namespace coramfs::tests {

using testing::fault_point;

namespace {

/// Asks a function, while there is one.
class asked_policy final : public testing::fault_policy {
 public:
  using function =
      std::function<std::optional<error>(fault_point, std::string_view, std::uint64_t)>;

  std::optional<error> at(fault_point p, std::string_view path, std::uint64_t amount) override {
    return ask ? ask(p, path, amount) : std::nullopt;
  }

  function ask;
};

/// Fails one kind of point, and notes the paths and amounts.
struct fails {
  fails(asked_policy& policy, fault_point where, error with = errc::busy) {
    policy.ask = [this, where, with](fault_point p, std::string_view path, std::uint64_t amount) {
      if (p != where) return std::optional<error>();
      paths.emplace_back(path);
      amounts.push_back(amount);
      return std::optional<error>(with);
    };
  }
  fails(const fails&) = delete;
  fails& operator=(const fails&) = delete;

  std::vector<std::string> paths;
  std::vector<std::uint64_t> amounts;
};

constexpr open_options within_a_second{.timeout = std::chrono::seconds(1)};

}  // namespace

TEST_CASE("faults: what promises not to fail has no point", "[faults]") {
  asked_policy faults;
  scenario fs({.faults = &faults});
  fs->create_directories("/d/e").value();
  fs->write_file("/d/file", std::string(200'000, 'f')).value();
  fs->write_file("/d/other", "other").value();
  fs->create_directory("/empty").value();
  auto f = fs->open("/d/file", open_mode::update).value();
  f->reserve(300'000).value();
  f->seek(0, seek_from::end).value();
  f->prepare(20'000).value();
  std::optional<pinned> pin = fs->open("/d/other", open_mode::read).value()->pin(0, 5).value();
  std::vector<fault_point> met;
  faults.ask = [&](fault_point p, std::string_view, std::uint64_t) {
    met.push_back(p);
    return std::optional<error>();
  };

  f->commit(10'000).value();
  char text[10];
  f->read_at(0, text).value();
  f->write_at(0, "in place").value();
  f->seek(0).value();
  f->truncate(100).value();
  f->flush().value();
  f->close().value();
  pin.reset();
  fs->open("/d/file", open_mode::append).value();
  fs->read_file("/d/other").value();
  fs->list("/d").value();
  fs->list_entries("/d").value();
  fs->list_some("/d", "", 10).value();
  fs->walk().value();
  fs->glob("/**").value();
  fs->stat("/d/file").value();
  fs->set_modified("/d/file", {}).value();
  fs->export_tree().value();
  fs->open("/d/file", open_mode::write).value();
  fs->remove("/d/other").value();
  fs->remove_tree("/d").value();
  fs->remove_directory("/empty").value();
  CHECK(met.empty());
  faults.ask = nullptr;
}

TEST_CASE("faults: a wait for a lock ends before it begins, and says who has the file",
          "[faults]") {
  asked_policy faults;
  scenario fs(accounting::payload, {.faults = &faults});
  fs->write_file("/a", "content").value();
  const auto holder = fs->open("/a", open_mode::update, {.label = "holder"}).value();

  fails at_lock(faults, fault_point::lock);
  const error late = fs.refusal([&] { return fs->open("/a", open_mode::read, within_a_second); });
  CHECK(late == errc::timed_out);
  CHECK(late.details().holder_count == 1);
  CHECK(at_lock.paths == std::vector<std::string>{"/a"});
  CHECK(at_lock.amounts == std::vector<std::uint64_t>{0});

  const open_options for_ever{.timeout = lock_timeout::forever()};
  CHECK(error_of(fs->open("/a", open_mode::read, for_ever)) == errc::canceled);

  fails canceled(faults, fault_point::lock, errc::canceled);
  CHECK(error_of(fs->open("/a", open_mode::read, within_a_second)) == errc::canceled);

  // One that does not wait has no such point.
  const open_options at_once{.timeout = lock_timeout::immediate()};
  CHECK(error_of(fs->open("/a", open_mode::read, at_once)) == errc::would_block);
  CHECK(canceled.paths.size() == 1);
  CHECK(fs.stats().waiting == 0);
  faults.ask = nullptr;
}

TEST_CASE("faults: a wait for bytes ends before it begins", "[faults][space]") {
  asked_policy faults;
  scenario fs(accounting::payload, {.max_quota = 1000, .faults = &faults});
  fs.fill("/full", open_mode::create, std::string(900, 'f'));
  const open_options waits{.timeout = std::chrono::seconds(1), .on_full = when_full::wait};
  auto f = fs->open("/a", open_mode::create, waits).value();

  fails at_space(faults, fault_point::space);
  const error late = error_of(f->write(std::string(101, 'a')));
  CHECK(late == errc::timed_out);
  CHECK(late.requested() == 0);
  CHECK(at_space.amounts == std::vector<std::uint64_t>{101});
  CHECK(f->size().value() == 0);

  const open_options preallocated{
      .preallocate = 200, .timeout = std::chrono::seconds(1), .on_full = when_full::wait};
  CHECK(error_of(fs->open("/b", open_mode::create, preallocated)) == errc::timed_out);
  CHECK(at_space.paths == std::vector<std::string>{"/a", "/b"});
  CHECK(!fs->exists("/b").value());
  CHECK(fs.stats().waiting == 0);
  faults.ask = nullptr;
}

TEST_CASE("faults: who waits for bytes is refused them once, and then has them",
          "[faults][space]") {
  asked_policy faults;
  scenario fs({.faults = &faults});
  const open_options waits{.timeout = std::chrono::seconds(1), .on_full = when_full::wait};
  auto f = fs->open("/a", open_mode::create, waits).value();
  fails bytes(faults, fault_point::reserve_bytes);
  CHECK(f->write("some bytes").value() == 10);
  CHECK(bytes.paths == std::vector<std::string>{"/a"});
  fs.expect_slices();  // a handler is not called within its wait
  faults.ask = nullptr;
}

TEST_CASE("faults: the guard is a point only where it may refuse", "[faults]") {
  const auto mode = GENERATE(guard_mode::none, guard_mode::init, guard_mode::per_write);
  const auto action = GENERATE(guard_action::warn, guard_action::reject);
  const bool refuses = action == guard_action::reject;
  asked_policy faults;
  volume_options o{.max_quota = 100'000, .faults = &faults};
  o.memory_guard = {
      .mode = mode, .action = action, .available_memory = [] { return std::uint64_t{1} << 40; }};
  const auto facade = GENERATE(facade_kind::coroutines, facade_kind::threads);
  {
    fails at_creation(faults, fault_point::guard);
    const auto refused = create_file_system(facade, o);
    CHECK(refused.has_value() == (mode == guard_mode::none || !refuses));
    if (!refused) {
      CHECK(refused.error() == errc::memory_guard);
      CHECK(refused.error().requested() == 100'000);
      CHECK(refused.error().available() == 99'999);
    }
  }
  faults.ask = nullptr;
  const auto fs = create_file_system(facade, o).value();
  fails at_write(faults, fault_point::guard);
  const auto written = fs->write_file("/a", "content");
  CHECK(written.has_value() == (mode != guard_mode::per_write || !refuses));
  if (!written) CHECK(written.error() == errc::memory_guard);
  volume v = fs->get_volume();
  CHECK(v.set_quota(200'000).has_value() == (mode == guard_mode::none || !refuses));
}

TEST_CASE("faults: a policy is told the path in its normal form, and the second one of two",
          "[faults]") {
  asked_policy faults;
  scenario fs(accounting::memory, {.faults = &faults});
  std::vector<std::string> paths;
  faults.ask = [&](fault_point, std::string_view path, std::uint64_t) {
    paths.emplace_back(path);
    return std::optional<error>();
  };
  const auto only = [&paths] {
    std::string first = paths.empty() ? "none" : paths.front();
    for (const std::string& p : paths)
      if (p != first) first += " and " + p;
    paths.clear();
    return first;
  };
  fs->create_directories("d//./e/").value();
  CHECK(only() == "/d/e");
  fs.fill("d\\x/../f", open_mode::create, "content");
  CHECK(only() == "/d/f");
  fs->copy("/d/f", "d/g").value();
  CHECK(only() == "/d/g");
  fs->rename("/d/f", "/h-with-a-long-name-that-is-kept-apart-from-the-node/").value();
  CHECK(only() == "/h-with-a-long-name-that-is-kept-apart-from-the-node");
  fs->copy_tree("d", "d2/").value();
  CHECK(only() == "/d2");
  fs->import_tree({{"/i", {}}}).value();
  CHECK(only().empty());
  faults.ask = nullptr;
}

TEST_CASE("faults: a policy may use the volume, which does not ask it about that", "[faults]") {
  asked_policy faults;
  scenario fs({.faults = &faults});
  const auto inner = fs.twin();
  int asked = 0, failed = 0;
  faults.ask = [&](fault_point, std::string_view, std::uint64_t) {
    // Changes what the directory of the operation costs.
    const std::string name = "/d" + std::to_string(++asked);
    if (error_of(inner->create_directory(name)).code()) ++failed;
    if (error_of(inner->write_file(name + "/f", "content")).code()) ++failed;
    return std::optional<error>();
  };
  fs->create_directory("/a").value();
  fs->write_file("/a/f", std::string(100'000, 'f')).value();
  fs->rename("/a/f", "/f").value();
  fs->move("/f", "/b/c/f").value();
  fs->copy_tree("/b", "/b2").value();
  fs->import_tree({{"/i", bytes_of("i")}}).value();
  CHECK(asked >= 6);
  CHECK(failed == 0);
  CHECK(fs->file_size("/b2/c/f").value() == 100'000);
  CHECK(fs->exists("/d1/f").value());
  faults.ask = nullptr;
}

TEST_CASE("faults: while a policy is asked, others change the tree", "[faults][threads]") {
  asked_policy faults;
  scenario fs(accounting::memory, {.faults = &faults});
  const volume v = fs.volume();
  int asked = 0, stopped = 0;
  // They end after the operation, if that stops them.
  std::vector<std::future<std::uint64_t>> others;
  faults.ask = [&](fault_point p, std::string_view, std::uint64_t) {
    if (p == fault_point::lock) return std::optional<error>(errc::timed_out);
    ++asked;
    if (stopped > 0) return std::optional<error>();
    // It takes the tree's lock exclusively.
    others.push_back(std::async(std::launch::async, [&v] { return v.stats().directory_count; }));
    if (others.back().wait_for(std::chrono::seconds(20)) != std::future_status::ready) ++stopped;
    return std::optional<error>();
  };
  fs->create_directory("/a").value();
  fs->create_directories("/a/b/c").value();
  fs->write_file("/a/f", std::string(100'000, 'f')).value();
  fs->rename("/a/f", "/f-of-a-long-name-that-is-kept-apart-from-the-node").value();
  fs->move("/a", "/b/c/a").value();
  fs->copy("/f-of-a-long-name-that-is-kept-apart-from-the-node", "/g").value();
  fs->copy_tree("/b", "/b2").value();
  fs->import_tree({{"/i", bytes_of("i")}}).value();
  const auto f = fs->open("/g", open_mode::update).value();
  CHECK(error_of(fs->open("/g", open_mode::read, within_a_second)) == errc::timed_out);
  CHECK(asked >= 16);
  CHECK(stopped == 0);
  faults.ask = nullptr;
}

}  // namespace coramfs::tests
