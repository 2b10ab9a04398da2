// SPDX-License-Identifier: BSL-1.0
// A large import as a coroutine: others get a turn between its slices and may change the tree,
// and still it is whole or it is not.
#include "api/sliced_operation.hpp"
#include "support/manual_clock.hpp"

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

constexpr int many = 20'000;
constexpr int slices = many / 2048;

file_map many_files(const std::string& in) {
  file_map files;
  for (int i = 0; i < many; ++i) files[in + "/" + std::to_string(i)] = bytes_of("content");
  return files;
}

class fixture : public sliced_operation {
 public:
  error ended = errc::canceled;
  int turns = 0;

  void import(
      file_map files, std::function<void()> between = [] {}) {
    turns = turns_during(
        [&]() -> asio::awaitable<void> {
          const auto done = co_await fs.import_tree(files);
          ended = error_of(done);
        },
        std::move(between));
  }
  std::uint64_t used() { return v.stats().used_bytes; }
};

}  // namespace

TEST_CASE("import slices: others run while it goes on, and see all or nothing",
          "[api][import][slices]") {
  fixture t;
  const bool is_there = GENERATE(false, true);
  if (is_there) t.threads.create_directories("/new/deep").value();
  const auto files = many_files("/new/deep");
  int parts_seen = 0;
  t.import(files, [&] {
    const std::uint64_t seen = t.v.stats().file_count;
    if (seen != 0 && seen != many) ++parts_seen;
    if (seen == 0 && !is_there && t.threads.exists("/new").value()) ++parts_seen;
  });
  CHECK(!t.ended.code());
  CHECK(parts_seen == 0);
  // It reads the keys and checks them, plans, builds, and frees what it was given.
  CHECK(t.turns >= 5 * slices);
  CHECK(t.threads.export_tree().value() == files);
}

TEST_CASE("import slices: others run while a large file is stored, and while many are replaced",
          "[api][import][slices]") {
  fixture t;
  SECTION("large") {
    const std::string content(16 << 20, 'x');
    t.import({{"/new/large", bytes_of(content)}});
    CHECK(t.turns >= 15);
    CHECK(text_of(t.threads.read_file("/new/large").value()) == content);
  }
  SECTION("many") {
    const auto files = many_files("/a");
    t.threads.import_tree(files).value();
    const std::uint64_t used = t.used();
    t.import(files);
    // The old ones are freed in slices, too.
    CHECK(t.turns >= 6 * slices);
    CHECK(t.used() == used);
  }
  CHECK(!t.ended.code());
}

TEST_CASE("import slices: what others make and remove meanwhile is merged, and all costs are true",
          "[api][import][slices]") {
  fixture t, expected;
  const auto files = many_files("/a/b/c");
  int turn = 0;
  SECTION("a directory that was missing comes, with something in it") {
    t.import(files, [&] {
      if (turn++ != 4 * slices) return;
      REQUIRE(!t.threads.exists("/a").value());
      t.threads.create_directories("/a/b").value();
      t.threads.write_file("/a/other", buffer_of("content")).value();
    });
    expected.threads.create_directories("/a/b").value();
    expected.threads.write_file("/a/other", buffer_of("content")).value();
  }
  SECTION("a directory that was there goes") {
    t.threads.create_directories("/a/b").value();
    t.import(files, [&] {
      if (turn++ == 4 * slices) t.threads.remove_tree("/a").value();
    });
  }
  SECTION("a file that was there goes, and one that was not comes") {
    t.threads.create_directories("/a/b/c").value();
    t.threads.write_file("/a/b/c/1", buffer_of("content")).value();
    t.import(files, [&] {
      if (turn++ != 4 * slices) return;
      t.threads.remove("/a/b/c/1").value();
      t.threads.write_file("/a/b/c/2", buffer_of("longer content")).value();
    });
  }
  SECTION("a directory comes and goes again and again") {
    // It takes so many turns from a plan to its end: each time the directory has changed.
    t.import(files, [&] {
      const bool should_be_there = turn++ / (2 * slices + 2) % 2 == 1;
      if (t.v.stats().file_count == many || t.threads.exists("/a").value() == should_be_there)
        return;
      if (should_be_there) {
        t.threads.create_directory("/a").value();
      } else {
        t.threads.remove_tree("/a").value();
      }
    });
    // Three plans go wrong; the next would be at its end two stages later.
    CHECK(turn >= 11 * slices);
    CHECK(turn <= 14 * slices);
  }
  CHECK(!t.ended.code());
  expected.threads.import_tree(files).value();
  CHECK(t.used() == expected.used());
  CHECK(t.v.stats().file_count == expected.v.stats().file_count);
  CHECK(t.v.stats().directory_count == expected.v.stats().directory_count);
  CHECK(t.threads.export_tree().value() == expected.threads.export_tree().value());
  t.threads.remove_tree("/a").value();
  CHECK(t.used() == 0);
}

TEST_CASE("import slices: one that begins anew keeps the times of its files, by the volume's clock",
          "[api][import][slices][clock]") {
  const auto clock = std::make_shared<manual_clock>();
  sliced_operation t;
  const volume v = volume::create({.clock = clock}).value();
  file_system fs(t.context.get_executor(), v);
  sync::file_system threads(v);
  const auto files = many_files("/a/b/c");
  const auto born = clock->system_now();
  const auto later = born + std::chrono::hours(1);
  error ended = errc::canceled;
  int turn = 0;
  t.turns_during(
      [&]() -> asio::awaitable<void> {
        const auto done = co_await fs.import_tree(files);
        ended = error_of(done);
      },
      [&] {
        if (turn++ != 4 * slices) return;
        clock->advance(std::chrono::hours(1));
        threads.create_directory("/a").value();
      });
  REQUIRE(!ended.code());
  const auto made = [&](const char* path) { return threads.stat(path).value().created_at; };
  CHECK(made("/a") == later);
  // Those of the first plan were dropped.
  CHECK(made("/a/b") == later);
  CHECK(made("/a/b/c") == later);
  // They were stored when the plan went wrong, or just after.
  CHECK(made("/a/b/c/0") == born);
  for (const auto& f : files) {
    const file_status s = threads.stat(f.first).value();
    REQUIRE((s.created_at == born || s.created_at == later));
    REQUIRE(s.modified_at == s.created_at);
  }
}

TEST_CASE("import slices: what others put in its way meanwhile refuses it, and nothing stays",
          "[api][import][slices][errors]") {
  fixture t, expected;
  const auto files = many_files("/a/b/c");
  errc refusal{};
  std::function<void(sync::file_system&)> put;
  file opened;
  SECTION("a file where a directory is needed") {
    refusal = errc::not_a_directory;
    put = [](sync::file_system& fs) { fs.write_file("/a", buffer_of("content")).value(); };
  }
  SECTION("a directory where a file is to be") {
    refusal = errc::is_a_directory;
    put = [](sync::file_system& fs) { fs.create_directories("/a/b/c/77").value(); };
  }
  SECTION("a file that is open, in a place of one") {
    refusal = errc::busy;
    put = [](sync::file_system& fs) {
      fs.create_directories("/a/b/c").value();
      fs.write_file("/a/b/c/77", buffer_of("content")).value();
    };
  }
  int turn = 0;
  sync::file held;
  t.import(files, [&] {
    if (turn++ != 4 * slices) return;
    REQUIRE(!t.threads.exists("/a").value());
    put(t.threads);
    if (refusal == errc::busy) held = t.threads.open("/a/b/c/77", open_mode::read).value();
  });
  CHECK(t.ended == refusal);
  put(expected.threads);
  CHECK(t.used() == expected.used());
  CHECK(t.v.stats().file_count == expected.v.stats().file_count);
  CHECK(t.v.stats().directory_count == expected.v.stats().directory_count);
}

TEST_CASE("import slices: what others take meanwhile is not there for it",
          "[api][import][slices][quota]") {
  fixture t;
  volume_options options;
  options.max_nodes = many + 10;
  t.threads = sync::file_system::create(options).value();
  t.fs = file_system(t.context.get_executor(), t.threads.get_volume());
  t.threads.create_directories("/a/b").value();
  int turn = 0;
  // It pays for four nodes less than it needs in the end.
  t.import(many_files("/a/b/c"), [&] {
    if (turn++ != 4 * slices) return;
    t.threads.remove_tree("/a").value();
    for (int i = 0; i < 8; ++i) t.threads.create_directory("/" + std::to_string(i)).value();
  });
  CHECK(t.ended == errc::node_limit_exceeded);
  CHECK(t.threads.stats().value().file_count == 0);
  CHECK(t.threads.stats().value().directory_count == 9);
}

TEST_CASE("import slices: keys thousands of levels deep take turns for what they are",
          "[api][import][slices]") {
  fixture t;
  constexpr int files = 200, levels = 1'990;
  std::string deep;
  for (int i = 0; i < levels; ++i) deep += "/x";
  const bool is_there = GENERATE(false, true);
  if (is_there) t.threads.create_directories(deep).value();
  file_map all;
  for (int i = 0; i < files; ++i) all[deep + "/f" + std::to_string(i)] = bytes();
  t.import(all);
  CHECK(!t.ended.code());
  CHECK(t.v.stats().file_count == files);
  CHECK(t.v.stats().directory_count == levels + 1);
  // The keys are compared with each other some eight times, copied and gone through: some
  // slices; and in each slice a way down may be looked up from the root.
  CHECK(t.turns >= 4);
  CHECK(t.turns <= 60);
}

TEST_CASE("import slices: a key below another is found out, wherever they stand in their order",
          "[api][import][errors]") {
  fixture t;
  const auto refused = [&](std::initializer_list<const char*> keys) {
    file_map all;
    for (const char* k : keys) all[k] = bytes_of("content");
    t.import(std::move(all));
    CHECK(t.v.stats().file_count == 0);
    return t.ended == errc::not_a_directory;
  };
  CHECK(refused({"/a", "/a/b"}));
  CHECK(refused({"/a", "/a-", "/a-b", "/a/b"}));
  CHECK(refused({"/a", "/a!", "/a!/x", "/a!/y", "/a/b"}));
  CHECK(refused({"/a/b", "/a/b-c", "/a/b.c", "/a/b/c/d/e"}));
  CHECK(refused({"/a", "/a.", "/a..", "/a./x"}));
  t.import({{"/a", {}}, {"/a-", {}}, {"/a-b", {}}, {"/aa", {}}, {"/ab/c", {}}, {"/abc/d", {}}});
  CHECK(!t.ended.code());
  CHECK(t.v.stats().file_count == 6);
}

}  // namespace coramfs::tests
