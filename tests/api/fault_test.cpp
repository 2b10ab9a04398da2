// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/fault_policy.hpp>

#include "api/scenario.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace coramfs::tests {

using testing::fault_point;

namespace {

/// Fails the nth point that operations come to while it is armed, and notes them.
class failing_point final : public testing::fault_policy {
 public:
  struct met_point {
    fault_point point;
    std::string path;
    std::uint64_t amount;
  };

  /// With 0 none fails.
  void arm(std::size_t nth) {
    met.clear();
    nth_ = nth;
    is_armed_ = true;
  }
  void disarm() { is_armed_ = false; }
  bool has_failed() const { return nth_ != 0 && met.size() >= nth_; }

  std::optional<error> at(fault_point p, std::string_view path, std::uint64_t amount) override {
    if (!is_armed_) return std::nullopt;
    met.push_back({p, std::string(path), amount});
    // The code of no point: each makes its own of it.
    if (met.size() == nth_) return errc::busy;
    return std::nullopt;
  }

  std::vector<met_point> met;

 private:
  std::size_t nth_ = 0;
  bool is_armed_ = false;
};

/// A volume of 8 MiB whose guard refuses nothing, and whose points are asked about.
volume_options options_with(failing_point& faults) {
  volume_options o{.max_quota = 8 * 1024 * 1024, .max_nodes = 1000};
  o.memory_guard = {.mode = guard_mode::per_write,
                    .action = guard_action::reject,
                    .available_memory = [] { return std::uint64_t{1} << 40; }};
  o.faults = &faults;
  return o;
}

struct operation {
  const char* name;
  std::function<error(any_file_system&)> run;
  bool asks_twice = false;
};

template <class Call>
operation simple(const char* name, Call call) {
  return {name, [call](any_file_system& fs) { return error_of(call(fs)); }};
}

/// On a handle that is closed before anything is looked at.
template <class Call>
operation on_file(const char* name, Call call, bool asks_twice = false) {
  const auto run = [call](any_file_system& fs) {
    auto f = fs.open("/d/file", open_mode::update);
    return f ? error_of(call(*f.value())) : f.error();
  };
  return {name, run, asks_twice};
}

const std::string large(300'000, 'l');

// What takes something. Each succeeds once, in this order, where nothing fails.
const std::vector<operation> taking{
    simple("create_directory", [](auto& fs) { return fs.create_directory("/d"); }),
    simple("create_directories", [](auto& fs) { return fs.create_directories("/x/y/z"); }),
    simple("open create", [](auto& fs) { return fs.open("/d/file", open_mode::create); }),
    simple("open and preallocate",
           [](auto& fs) { return fs.open("/d/p", open_mode::append, {.preallocate = 200'000}); }),
    simple("preallocate in place",
           [](auto& fs) { return fs.open("/d/p", open_mode::write, {.preallocate = 400'000}); }),
    simple("write_file new", [](auto& fs) { return fs.write_file("/d/w", large); }),
    simple("write_file larger", [](auto& fs) { return fs.write_file("/d/w", large + large); }),
    on_file("write", [](auto& f) { return f.write("a few bytes"); }),
    on_file("append", [](auto& f) { return f.write_at(11, large); }),
    on_file("append again", [](auto& f) { return f.write_at(300'011, large); }),
    on_file("adopt",
            [](auto& f) {
              f.seek(0, seek_from::end).value();
              return f.write(bytes_of(large));
            }),
    on_file("overwrite what is pinned",
            [](auto& f) -> result<std::size_t> {
              const auto p = f.pin(0, 10);
              if (!p) return p.error();
              return f.write_at(0, "other");
            }),
    on_file("prepare",
            [](auto& f) -> result<void> {
              f.seek(0, seek_from::end).value();
              const auto room = f.prepare(100'000);
              if (!room) return room.error();
              return f.commit(50'000);
            }),
    on_file(
        "prepare over what is there", [](auto& f) { return f.prepare(100'000); }, true),
    on_file("reserve", [](auto& f) { return f.reserve(2'000'000); }),
    on_file("grow", [](auto& f) { return f.truncate(f.size().value() + 200'000); }),
    simple("rename",
           [](auto& fs) {
             return fs.rename("/d/p", "/d/a-name-that-takes-more-memory-than-the-old-one-did");
           }),
    simple("move", [](auto& fs) { return fs.move("/d/w", "/m/n/o"); }),
    simple("copy", [](auto& fs) { return fs.copy("/d/file", "/d/copy"); }),
    simple("copy over a file",
           [](auto& fs) { return fs.copy("/d/file", "/m/n/o", if_exists::replace); }),
    simple("copy_tree", [](auto& fs) { return fs.copy_tree("/d", "/d2"); }),
    simple("open_unnamed", [](auto& fs) { return fs.open_unnamed({.preallocate = 200'000}); }),
    simple("give_names",
           [](auto& fs) -> result<void> {
             any_file_system::file_set files;
             const std::string name(100, 'n');
             for (const char* const path : {"/d/", "/names/deep/"}) {
               auto f = fs.open_unnamed();
               if (!f) return f.error();
               files[path + name] = std::move(f).value();
             }
             return fs.give_names(files, {"/names/empty"});
           }),
    simple("import_tree",
           [](auto& fs) {
             return fs.import_tree({{"/d/i", bytes_of(large)}, {"/new/deep/a", bytes_of("a")}});
           }),
};

errc expected(fault_point p) {
  switch (p) {
    case fault_point::reserve_bytes: return errc::quota_exceeded;
    case fault_point::reserve_nodes: return errc::node_limit_exceeded;
    case fault_point::guard: return errc::memory_guard;
    case fault_point::allocate: return errc::out_of_memory;
    case fault_point::lock:
    case fault_point::space: return errc::timed_out;
    default: return errc::busy;
  }
}

// Fails each point of an operation in turn, and then runs it without a failure. Returns the points.
std::vector<failing_point::met_point> fail_each(scenario& fs, failing_point& faults,
                                                const operation& op) {
  for (std::size_t nth = 1;; ++nth) {
    CAPTURE(op.name, nth);
    const std::string before = fs.picture();
    faults.arm(nth);
    const error e = op.run(*fs);
    faults.disarm();
    if (!faults.has_failed()) {
      INFO(e.message());
      REQUIRE(!e.code());
      return faults.met;
    }
    const failing_point::met_point& at = faults.met[nth - 1];
    INFO(e.message());
    REQUIRE(e == expected(at.point));
    const bool has_numbers = at.point == fault_point::reserve_bytes ||
                             at.point == fault_point::reserve_nodes ||
                             at.point == fault_point::guard;
    // What needs room twice tells of both.
    if (!op.asks_twice) {
      REQUIRE(e.requested() == (has_numbers ? at.amount : 0));
      REQUIRE(e.available() <= (has_numbers ? at.amount - 1 : 0));
    }
    REQUIRE(fs.picture() == before);
  }
}

bool has(const std::vector<failing_point::met_point>& all, fault_point p) {
  return std::ranges::any_of(all, [p](const auto& m) { return m.point == p; });
}

}  // namespace

TEST_CASE("faults: a point that fails fails its operation in earnest, and changes nothing",
          "[faults]") {
  failing_point faults;
  scenario fs(options_with(faults));
  for (const operation& op : taking) {
    CAPTURE(op.name);
    const volume_stats before = fs.stats();
    const auto met = fail_each(fs, faults, op);
    const volume_stats after = fs.stats();
    if (after.used_bytes > before.used_bytes) CHECK(has(met, fault_point::reserve_bytes));
    if (after.chunk_count > before.chunk_count) CHECK(has(met, fault_point::allocate));
    if (after.file_count > before.file_count) CHECK(has(met, fault_point::reserve_nodes));
    for (const auto& m : met) CHECK((m.path.empty() || m.path.front() == '/'));
  }
  fs.expect_slices();
}

TEST_CASE("faults: the bytes that a fault tells of are those of a refusal", "[faults]") {
  failing_point faults;
  scenario fs(options_with(faults));
  for (const operation& op : taking) {
    CAPTURE(op.name);
    error fault{std::error_code()};
    for (std::size_t nth = 1;; ++nth) {
      faults.arm(nth);
      fault = op.run(*fs);
      faults.disarm();
      if (!faults.has_failed() || fault == errc::quota_exceeded) break;
    }
    if (!fault.code()) continue;
    volume v = fs.volume();
    v.set_quota(fs.used() + fault.requested() - 1).value();
    const error refusal = op.run(*fs);
    INFO(refusal.message());
    CHECK(refusal == errc::quota_exceeded);
    CHECK(refusal.requested() == fault.requested());
    v.set_quota(8 * 1024 * 1024).value();
    const error none = op.run(*fs);
    INFO(none.message());
    REQUIRE(!none.code());
  }
  fs.expect_slices();
}

TEST_CASE(
    "faults: a hole that needs a copy of what is pinned fails at each point, and is none then",
    "[faults][holes]") {
  failing_point faults;
  scenario fs(accounting::memory, storage_layout::random_access, options_with(faults));
  fs->create_directory("/d").value();
  fs->write_file("/d/file", large).value();
  const auto met = fail_each(fs, faults, on_file("punch_hole", [](auto& f) -> result<void> {
                               const auto p = f.pin(0, 200'000);
                               if (!p) return p.error();
                               return f.punch_hole(100, 130'000);
                             }));
  CHECK(has(met, fault_point::reserve_bytes));
  CHECK(has(met, fault_point::guard));
  CHECK(has(met, fault_point::allocate));
}

}  // namespace coramfs::tests
