// SPDX-License-Identifier: BSL-1.0
// A large copy_tree as a coroutine: others get a turn in each of its phases and may change the
// tree, and still the copy is whole or it is not, and is charged as what it is.
#include "api/sliced_operation.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr int many = 20'000;
constexpr int slices = many / 2048;

/// A copy goes through two phases that can be told apart: it looks at the source, and when it has
/// paid, which the guard hears of, it makes the copy.
class fixture : public sliced_operation {
 public:
  explicit fixture(volume_options options = {}) {
    options.memory_guard.mode = guard_mode::per_write;
    options.memory_guard.interval = {};
    options.memory_guard.available_memory = [this]() -> std::optional<std::uint64_t> {
      if (is_copying_) ++payments;
      return std::nullopt;
    };
    v = volume::create(options).value();
    fs = file_system(context.get_executor(), v);
    threads = sync::file_system(v);
  }

  error ended = errc::canceled;
  int payments = 0;
  int turns_before = 0, turns_after = 0;  // it had paid

  void copy(
      const std::string& from, const std::string& to, std::function<void()> between = [] {}) {
    payments = turns_before = turns_after = 0;
    turns_during(
        [&]() -> asio::awaitable<void> {
          is_copying_ = true;
          const auto done = co_await fs.copy_tree(from, to);
          ended = error_of(done);
          is_copying_ = false;
        },
        [&] {
          ++(has_paid() ? turns_after : turns_before);
          const bool is_copying = std::exchange(is_copying_, false);
          between();
          is_copying_ = is_copying;
        });
  }
  bool has_paid() const { return payments > 0; }

  std::uint64_t used() { return v.stats().used_bytes; }
  bool exists(const std::string& path) { return threads.exists(path).value(); }

  /// All below a directory, by paths from there: files with their contents, and directories.
  file_map below(const std::string& top) {
    file_map all;
    int twins = 0;
    const std::vector<walk_entry> entries = threads.walk(top).value();
    for (const walk_entry& e : entries) {
      const std::string in = e.path.substr(top.size()) + "/";
      twins += !all.try_emplace(in).second;
      for (const std::string& f : e.files)
        twins += !all.try_emplace(in + f, threads.read_file(e.path + "/" + f).value()).second;
    }
    CHECK(twins == 0);
    return all;
  }

  /// A removal gives back what there was, whatever has been charged for it.
  void check_costs() {
    const std::vector<std::string> top = threads.list("/").value();
    for (const std::string& name : top) {
      const std::string path = "/" + name;
      if (threads.is_directory(path).value()) {
        threads.remove_tree(path).value();
      } else {
        threads.remove(path).value();
      }
    }
    const volume_stats s = v.stats();
    CHECK(s.used_bytes == 0);
    CHECK(s.file_count == 0);
    CHECK(s.directory_count == 1);
    CHECK(s.open_handles == 0);
    CHECK(s.waiting == 0);
  }

 private:
  bool is_copying_ = false;
};

std::string numbered(const std::string& in, int i) { return in + "/" + std::to_string(i); }

}  // namespace

TEST_CASE("copy_tree slices: others run in each phase, and see all or nothing",
          "[api][copy][slices]") {
  fixture t;
  std::string from;
  SECTION("of one directory with many files") {
    from = "/wide";
    t.make_wide(many, 0);
  }
  SECTION("of one directory with many directories") {
    from = "/wide";
    t.make_wide(1, many);
  }
  SECTION("of many directories with some of both") {
    from = "/many";
    t.make_many(many / 10, 9);
  }
  SECTION("of directories in directories") {
    from = "/deep";
    std::string path = from;
    for (int i = 0; i < 200; ++i) {
      t.threads.create_directories(path).value();
      for (int d = 0; d < many / 200; ++d) t.threads.create_directory(numbered(path, d)).value();
      path += "/d";
    }
    t.threads.write_file("/deep/d/f", buffer_of("content")).value();
  }
  const std::uint64_t used = t.used(), files = t.v.stats().file_count,
                      directories = t.v.stats().directory_count;
  int parts_seen = 0;
  t.copy(from, "/copy", [&] {
    const volume_stats s = t.v.stats();
    if (s.used_bytes != used || s.file_count != files || s.directory_count != directories)
      ++parts_seen;
    if (t.exists("/copy")) ++parts_seen;
  });
  CHECK(!t.ended.code());
  CHECK(parts_seen == 0);
  CHECK(t.turns_before >= slices - 1);
  CHECK(t.turns_after >= slices - 1);
  CHECK(t.payments == 1);
  CHECK(t.used() == 2 * used);
  CHECK(t.v.stats().file_count == 2 * files);
  CHECK(t.v.stats().directory_count == 2 * directories - 1);
  CHECK((t.below("/copy") == t.below(from)));
  t.check_costs();
}

TEST_CASE("copy_tree slices: each directory is seen at one moment, whatever others do to it",
          "[api][copy][slices]") {
  fixture t;
  t.make_wide(many / 2, many / 2);
  const file_map kept = t.below("/wide");
  // Each turn moves the only names that are not kept: who sees two of them, or none, has seen two
  // moments.
  int number = 0;
  t.threads.write_file("/wide/moved0", buffer_of("content")).value();
  t.threads.create_directory("/wide/renamed0").value();
  t.copy("/wide", "/copy", [&] {
    // A directory that goes before its own turn is left out.
    if (t.has_paid() || number > 2) return;
    const std::string old = std::to_string(number), fresh = std::to_string(++number);
    t.threads.rename("/wide/moved" + old, "/wide/moved" + fresh).value();
    t.threads.rename("/wide/renamed" + old, "/wide/renamed" + fresh).value();
  });
  CHECK(!t.ended.code());
  CHECK(number == 3);
  file_map expected = kept;
  expected["/moved3"] = bytes_of("content");
  expected["/renamed3/"] = {};
  CHECK((t.below("/copy") == expected));
  t.check_costs();
}

TEST_CASE("copy_tree slices: what it has seen in vain is let go of in slices",
          "[api][copy][slices]") {
  fixture t;
  t.make_wide(many, 0);
  t.copy("/wide", "/copy", [&] {
    if (t.turns_before == slices - 1 && !t.has_paid())
      t.threads.create_directory("/wide/new").value();
  });
  CHECK(!t.ended.code());
  CHECK(t.turns_before >= 3 * (slices - 1));
  CHECK((t.below("/copy") == t.below("/wide")));
  t.check_costs();
}

TEST_CASE("copy_tree slices: a directory that others change in every turn is still copied",
          "[api][copy][slices]") {
  fixture t;
  t.make_wide(many, 0);
  const file_map kept = t.below("/wide");
  int number = 0;
  t.copy("/wide", "/copy", [&] {
    if (!t.has_paid()) t.threads.create_directory(numbered("/wide", number++)).value();
  });
  CHECK(!t.ended.code());
  // It begins anew a few times, and then takes all in one go.
  CHECK(number >= 4);
  CHECK(number <= 10);
  const file_map copied = t.below("/copy");
  CHECK(copied.size() >= kept.size());
  CHECK(std::includes(copied.begin(), copied.end(), kept.begin(), kept.end()));
  t.check_costs();
}

TEST_CASE("copy_tree slices: what others remove before its turn is left out",
          "[api][copy][slices]") {
  fixture t;
  constexpr int directories = 200, files = many / directories;
  t.make_many(directories, files);
  const file_map before = t.below("/many");
  bool has_changed = false;
  std::function<void()> change;
  std::function<bool()> is_time;
  std::size_t least = 0, most = before.size();
  SECTION("directories, before they are seen") {
    is_time = [&] { return t.turns_before == 3; };
    change = [&] {
      for (int d = 0; d < directories; ++d) t.threads.remove_tree(numbered("/many", d)).value();
    };
    // Those that were seen, without their files.
    least = 2;
    most = directories;
  }
  SECTION("directories, renamed before they are seen") {
    is_time = [&] { return t.turns_before == 3; };
    change = [&] {
      for (int d = 0; d < directories; ++d)
        t.threads.rename(numbered("/many", d), numbered("/many", directories + d)).value();
    };
    least = 2;
    most = directories;
  }
  SECTION("directories, and files come in their places") {
    is_time = [&] { return t.turns_before == 3; };
    change = [&] {
      for (int d = 0; d < directories; ++d) {
        t.threads.remove_tree(numbered("/many", d)).value();
        t.threads.write_file(numbered("/many", d), buffer_of("content")).value();
      }
    };
    least = 2;
    most = directories;
  }
  SECTION("all, after they are seen") {
    is_time = [&] { return t.has_paid(); };
    change = [&] { t.threads.remove_tree("/many").value(); };
    least = most = directories + 1;
  }
  SECTION("half of the files, after they are seen") {
    is_time = [&] { return t.has_paid(); };
    change = [&] {
      for (int d = 0; d < directories; ++d)
        for (int f = 0; f < files; f += 2)
          t.threads.remove(numbered(numbered("/many", d), f)).value();
    };
    least = most = 1 + directories + directories * files / 2;
  }
  t.copy("/many", "/copy", [&] {
    if (has_changed || !is_time()) return;
    has_changed = true;
    change();
  });
  CHECK(has_changed);
  CHECK(!t.ended.code());
  const file_map copied = t.below("/copy");
  CHECK(copied.size() >= least);
  CHECK(copied.size() <= most);
  CHECK(std::includes(before.begin(), before.end(), copied.begin(), copied.end()));
  t.check_costs();
}

TEST_CASE("copy_tree slices: what others add to what is not seen yet is copied",
          "[api][copy][slices]") {
  fixture t;
  t.make_many(200, 100);
  bool has_changed = false;
  t.copy("/many", "/copy", [&] {
    if (std::exchange(has_changed, true)) return;
    for (int d = 0; d < 200; ++d) {
      t.threads.write_file(numbered("/many", d) + "/new", buffer_of("new")).value();
      t.threads.create_directory(numbered("/many", d) + "/empty").value();
    }
  });
  CHECK(!t.ended.code());
  const file_map all = t.below("/many"), copied = t.below("/copy");
  CHECK(copied.size() >= 200 * 100 + 2 * 150);
  CHECK(std::includes(all.begin(), all.end(), copied.begin(), copied.end()));
  t.check_costs();
}

TEST_CASE("copy_tree slices: files that others make longer or shorter are paid for as they are",
          "[api][copy][slices][quota]") {
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  fixture t({.accounting = counting});
  t.make_many(2'000, 2);
  bool has_changed = false;
  const std::string longer(10'000, 'x');
  t.copy("/many", "/copy", [&] {
    if (!t.has_paid() || std::exchange(has_changed, true)) return;
    for (int d = 0; d < 2'000; ++d) {
      t.threads.write_file(numbered("/many", d) + "/0", buffer_of(longer)).value();
      t.threads.write_file(numbered("/many", d) + "/1", buffer_of("")).value();
    }
  });
  CHECK(has_changed);
  CHECK(!t.ended.code());
  CHECK((t.below("/copy") == t.below("/many")));
  t.check_costs();
}

TEST_CASE("copy_tree slices: a file that has become too long is refused before it is copied",
          "[api][copy][slices][quota]") {
  constexpr std::uint64_t large = 30 << 20;
  fixture t({.max_quota = 3 * large, .accounting = accounting::payload});
  t.make_many(5'000, 1);
  bool has_changed = false;
  t.copy("/many", "/copy", [&] {
    if (!t.has_paid() || std::exchange(has_changed, true)) return;
    const std::string longer(2 * large, 'x');
    t.threads.write_file("/many/1/0", buffer_of(longer)).value();
  });
  CHECK(has_changed);
  CHECK(t.ended == errc::quota_exceeded);
  // To copy it would take 60 slices.
  CHECK(t.turns_after < 30);
  CHECK(!t.exists("/copy"));
  t.check_costs();
}

TEST_CASE("copy_tree slices: what others do to its top or to its target decides",
          "[api][copy][slices][errors]") {
  const bool is_wide = GENERATE(true, false);
  fixture t;
  if (is_wide) {
    t.make_wide(many / 2, many / 2);
    t.threads.rename("/wide", "/from").value();
  } else {
    t.make_many(many / 10, 9);
    t.threads.rename("/many", "/from").value();
  }
  t.threads.create_directory("/to").value();
  bool has_changed = false;
  const auto copy = [&](bool has_paid, std::function<void()> change) {
    t.copy("/from", "/to/copy", [&] {
      if (has_changed || t.has_paid() != has_paid) return;
      has_changed = true;
      change();
    });
    CHECK(has_changed);
  };
  SECTION("the top goes while it is seen") {
    copy(false, [&] { t.threads.remove_tree("/from").value(); });
    // What has been seen of it is there: its directories without their files.
    if (is_wide) CHECK(t.ended == errc::not_found);
    if (!is_wide) CHECK(!t.ended.code());
  }
  SECTION("a file comes in its place") {
    copy(false, [&] {
      t.threads.remove_tree("/from").value();
      t.threads.write_file("/from", buffer_of("content")).value();
    });
    if (is_wide) CHECK(t.ended == errc::not_a_directory);
    if (!is_wide) CHECK(!t.ended.code());
  }
  SECTION("another directory comes in its place") {
    copy(false, [&] {
      t.threads.remove_tree("/from").value();
      t.threads.write_file("/x", buffer_of("content")).value();
      t.threads.create_directory("/from").value();
      t.threads.rename("/x", "/from/x").value();
    });
    CHECK(!t.ended.code());
    if (is_wide) CHECK((t.below("/to/copy") == t.below("/from")));
  }
  SECTION("something comes in the place of the copy") {
    const bool has_paid = GENERATE(false, true);
    copy(has_paid, [&] { t.threads.write_file("/to/copy", buffer_of("content")).value(); });
    CHECK(t.ended == errc::already_exists);
    CHECK(t.threads.file_size("/to/copy").value() == 7);
    // It has not paid for nothing, and what was made is let go of in slices.
    CHECK(t.has_paid() == has_paid);
    if (has_paid) CHECK(t.turns_after >= 2 * slices);
  }
  SECTION("what the copy is to come into goes") {
    const bool has_paid = GENERATE(false, true);
    copy(has_paid, [&] { t.threads.remove_tree("/to").value(); });
    CHECK(t.ended == errc::not_found);
    CHECK(t.has_paid() == has_paid);
  }
  SECTION("a file comes in the place of what the copy is to come into") {
    copy(true, [&] {
      t.threads.remove_tree("/to").value();
      t.threads.write_file("/to", buffer_of("content")).value();
    });
    CHECK(t.ended == errc::not_a_directory);
  }
  if (t.ended.code()) CHECK(!t.threads.is_directory("/to/copy").value());
  t.check_costs();
}

TEST_CASE("copy_tree slices: it is one request of the quota, of what it has seen",
          "[api][copy][slices][quota]") {
  constexpr int files = many / 2;
  constexpr std::uint64_t size = 7;
  fixture t({.max_quota = 2 * files * size - 1, .accounting = accounting::payload});
  t.make_wide(files, 1);
  t.copy("/wide", "/copy");
  CHECK(t.ended == errc::quota_exceeded);
  CHECK(t.ended.requested() == files * size);
  CHECK(t.ended.available() == files * size - 1);
  t.copy("/wide", "/copy", [&] {
    if (t.turns_before == 1) t.threads.remove("/wide/f0").value();
    if (t.turns_before == 2)
      t.threads.write_file("/other", buffer_of("twenty-one bytes long")).value();
  });
  CHECK(t.ended == errc::quota_exceeded);
  CHECK(t.ended.requested() == (files - 1) * size);
  CHECK(t.ended.available() == (files + 1) * size - 1 - 21);
  CHECK(t.payments == 0);
  CHECK(!t.exists("/copy"));
  t.check_costs();
}

TEST_CASE("copy_tree slices: what is left out is not asked for", "[api][copy][slices][quota]") {
  // The directories are seen as entries of theirs first, and in the middle of their own turns
  // the others go.
  const auto copy_and_remove = [](fixture& t, std::function<void()> then) {
    t.make_wide(0, many);
    t.copy("/wide", "/copy", [&t, then] {
      if (t.turns_before != slices + slices / 2) return;
      for (int d = 0; d < many; ++d) t.threads.remove_tree("/wide/d" + std::to_string(d)).value();
      then();
    });
  };
  std::uint64_t used = 0, directories = 0;
  {
    fixture t;
    copy_and_remove(t, [] {});
    CHECK(!t.ended.code());
    t.threads.remove_tree("/wide").value();
    used = t.used();
    directories = t.v.stats().directory_count - 1;
    CHECK(directories > 1'000);
    CHECK(directories < many);
  }
  SECTION("in bytes") {
    fixture t({.max_quota = 64 << 20});
    copy_and_remove(t, [&] {
      const std::uint64_t all = t.v.stats().free_bytes - used / 2;
      t.threads.open("/filler", open_mode::create, {.preallocate = all}).value();
    });
    CHECK(t.ended == errc::quota_exceeded);
    CHECK(t.ended.requested() == used);
    t.check_costs();
  }
  SECTION("in nodes") {
    const bool fits = GENERATE(true, false);
    fixture t({.max_nodes = many + 2 + directories});
    copy_and_remove(t, [&] {
      for (int i = 0; i < many - (fits ? 0 : -1); ++i)
        t.threads.create_directory(numbered("", i)).value();
    });
    if (fits) CHECK(!t.ended.code());
    if (!fits) CHECK(t.ended == errc::node_limit_exceeded);
    t.check_costs();
  }
}

TEST_CASE("copy_tree slices: a cancelled one ends in any phase, and leaves nothing",
          "[api][copy][slices][cancellation]") {
  volume_options options;
  options.accounting = GENERATE(accounting::memory, accounting::payload);
  std::uint64_t used = 0;
  int turns = 0;
  {
    fixture t(options);
    t.make_many(many / 20, 9);
    used = t.used();
    t.copy("/many", "/copy");
    turns = t.turns_before + t.turns_after;
    REQUIRE(t.turns_before >= slices / 2);
    REQUIRE(t.turns_after >= slices / 2);
  }
  // Whatever a cancelled one kept would be missing at the end.
  options.max_quota = 2 * used;
  options.max_nodes = 1 + 2 * (1 + many / 20 * 10);
  fixture t(options);
  t.make_many(many / 20, 9);
  REQUIRE(t.used() == used);
  int canceled = 0;
  for (int turn = 1; turn < turns; ++turn) {
    const error e = t.canceled_at<void>(turn, [&] { return t.fs.copy_tree("/many", "/copy"); });
    if (e == errc::canceled) ++canceled;
    const bool is_there = t.exists("/copy");
    REQUIRE(is_there == !e.code());
    if (t.exists("/copy")) t.threads.remove_tree("/copy").value();
    REQUIRE(t.used() == used);
    REQUIRE(t.v.stats().waiting == 0);
    REQUIRE(t.v.stats().open_handles == 0);
  }
  CHECK(canceled >= turns - 2);
  t.copy("/many", "/copy");
  CHECK(!t.ended.code());
  CHECK(t.used() == 2 * used);
  t.check_costs();
}

TEST_CASE("copy_tree slices: one whose context dies in any phase leaves nothing",
          "[api][copy][slices][cancellation]") {
  fixture t;
  t.make_many(many / 20, 9);
  const std::uint64_t used = t.used();
  for (int turn = 1; turn < slices; ++turn) {
    auto context = std::make_unique<asio::io_context>();
    file_system fs(context->get_executor(), t.v);
    bool is_done = false;
    spawn(*context, [&]() -> asio::awaitable<void> {
      co_await fs.copy_tree("/many", "/copy");
      is_done = true;
    });
    for (int i = 0; i < turn; ++i) context->run_one();
    context.reset();
    REQUIRE(!is_done);
    REQUIRE(!t.exists("/copy"));
    REQUIRE(t.used() == used);
  }
  t.check_costs();
}

}  // namespace coramfs::tests
