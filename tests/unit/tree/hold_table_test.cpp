// SPDX-License-Identifier: BSL-1.0
// Files that are open by a mark in a thread's lane: what others find there, and the marks that
// become counts while their handles are closed.
#include "tree/hold_table.hpp"

#include <coramfs/detail/open_file.hpp>
#include <coramfs/sync/file_system.hpp>

#include "core/path.hpp"
#include "support/await_waiting.hpp"
#include "support/catch.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"
#include "unit/tree/memory.hpp"

#include <asio/buffer.hpp>

#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

using detail::fair_lock;
using detail::file_node;
using detail::node_use;
using detail::normal_path;
using detail::tree;
using kind = fair_lock::kind;

constexpr int rounds = 3'000;
constexpr int places = 7;  // of a thread

void spin(int n) {
  for (std::atomic<int> i = 0; i < n; ++i) {
  }
}

/// A volume with files in /d/e, and what is known of them inside.
class fixture {
 public:
  volume v = volume::create().value();
  sync::file_system fs{v};
  tree& names = detail::volume_access::state(v)->tree;

  explicit fixture(int files = 1) {
    fs.create_directories("/d/e").value();
    for (int i = 0; i < files; ++i) fs.write_file(path(i), asio::buffer("x", 1)).value();
  }

  static std::string path(int i) { return "/d/e/" + std::to_string(i); }

  sync::file open(int i, open_mode mode = open_mode::read) {
    return fs.open(path(i), mode, {.timeout = lock_timeout::immediate()}).value();
  }
  file_node& node(int i = 0) {
    const std::string text = path(i);
    const tree::shared_access access(names);
    return *names.find_file(normal_path::given_out(text));
  }
  bool is_busy(const char* directory) {
    const tree::exclusive_access access(names);
    const auto at = names.look_up(normal_path::given_out(directory)).value();
    return names.is_busy(*at.found);
  }
  bool is_busy(file_node& f) {
    const tree::exclusive_access access(names);
    return names.is_busy(f);
  }
  bool is_hot(file_node& f) {
    const tree::shared_access access(names);
    return f.is_hot;
  }
  void heat(int i = 0) {
    file_node& warm = node(i);
    node_use used;
    {
      const tree::shared_access access(names);
      used = names.use_at_once(warm, kind::shared);
    }
    names.heat(used);
    REQUIRE(is_hot(warm));
  }
};

/// What ends when its holds have.
class counted final : public detail::lifetime {
 public:
  std::atomic<int> ends{0};

 private:
  void end() noexcept override { ++ends; }
};

/// A tree with one file, that is nobody's volume.
class lone_file {
 public:
  counted whole;
  memory from;
  tree names{whole, from.small()};

  lone_file() {
    std::unique_ptr<file_node> fresh(
        new (from.small()) file_node(storage_layout::automatic, detail::time_point()));
    REQUIRE(fresh->name.assign(from.small(), "a"));
    file_ = fresh.get();
    REQUIRE(names.root().entries.reserve(1));
    const tree::exclusive_access access(names);
    names.link({&names.root(), "a", nullptr}, detail::detached_node(fresh.release()));
  }

  node_use use() {
    const tree::shared_access access(names);
    return names.use_at_once(*file_, kind::shared);
  }
  void drop_owner() {
    names.holds().count_all();
    whole.drop_owner();
  }

 private:
  file_node* file_ = nullptr;
};

}  // namespace

TEST_CASE("hold table: a file that is open by a mark is busy with all that is above it",
          "[tree][holds]") {
  fixture f(2);
  for (const open_mode mode : {open_mode::read, open_mode::update, open_mode::append}) {
    {
      const sync::file open = f.open(0, mode);
      CHECK_FALSE(f.node().has_users());
      CHECK(f.is_busy(f.node()));
      CHECK(f.is_busy("/d"));
      CHECK(f.is_busy("/d/e"));
      CHECK_FALSE(f.is_busy(f.node(1)));
      CHECK(f.v.stats().open_handles == 1);
      CHECK(f.fs.remove(f.path(0)).error() == errc::busy);
      CHECK(f.fs.rename("/d", "/g").error() == errc::busy);
      CHECK(f.fs.remove_tree("/d/e").error() == errc::busy);
    }
    CHECK_FALSE(f.is_busy(f.node()));
    CHECK_FALSE(f.is_busy("/d"));
    CHECK(f.v.stats().open_handles == 0);
  }
  f.fs.rename("/d", "/g").value();
  f.fs.remove_tree("/g").value();
}

TEST_CASE("hold table: a mark is closed in another thread as in its own", "[tree][holds]") {
  fixture f;
  std::optional<sync::file> open;
  std::thread([&] { open.emplace(f.open(0)); }).join();
  CHECK(f.is_busy(f.node()));
  open.reset();
  CHECK_FALSE(f.is_busy(f.node()));
  CHECK(f.v.stats().open_handles == 0);
}

TEST_CASE("hold table: of more handles than a thread has places each is busy until it is closed",
          "[tree][holds]") {
  constexpr int files = 3 * places;
  const int order = GENERATE(0, 1, 2);
  fixture f(files);
  std::vector<std::optional<sync::file>> all;
  for (int i = 0; i < files; ++i) {
    all.emplace_back(f.open(i, i % 2 == 0 ? open_mode::read : open_mode::update));
    CHECK(f.v.stats().open_handles == std::uint64_t(i) + 1);
    CHECK(f.is_busy(f.node(0)));
  }
  for (int i = 0; i < files; ++i) CHECK(f.is_busy(f.node(i)));
  for (int n = 0; n < files; ++n) {
    const int i = order == 0 ? n : order == 1 ? files - 1 - n : n * 5 % files;
    CHECK(f.is_busy("/d"));
    all[std::size_t(i)].reset();
    CHECK_FALSE(f.is_busy(f.node(i)));
    CHECK(f.v.stats().open_handles == std::uint64_t(files - 1 - n));
  }
  CHECK_FALSE(f.is_busy("/d"));
}

TEST_CASE("hold table: handles go on when their volume has gone", "[tree][holds]") {
  std::vector<sync::file> all;
  {
    fixture f(3 * places);
    f.heat(0);
    for (int i = 0; i < 3 * places; ++i) all.push_back(f.open(i));
  }
  for (sync::file& f : all) {
    char c = 0;
    CHECK(f.read(asio::buffer(&c, 1)).value() == 1);
    CHECK(c == 'x');
    f.close().value();
  }
}

TEST_CASE("hold table: what is held ends with the last of a mark and the owner", "[tree][holds]") {
  lone_file f;
  node_use first = f.use(), second = f.use();
  REQUIRE(first);
  REQUIRE(second);
  first.release();
  f.drop_owner();
  CHECK(f.whole.ends == 0);
  second.release();
  CHECK(f.whole.ends == 1);
}

TEST_CASE("hold table race: of a handle that is closed and an owner that goes one ends the volume",
          "[tree][holds][race]") {
  std::optional<lone_file> f;
  std::optional<node_use> open;
  std::barrier together(2);
  int wrong = 0;
  std::thread closes([&] {
    for (int i = 0; i < rounds; ++i) {
      together.arrive_and_wait();
      spin(i / 40 % 40);
      open->release();
      together.arrive_and_wait();
    }
  });
  for (int i = 0; i < rounds; ++i) {
    f.emplace();
    open.emplace(f->use());
    together.arrive_and_wait();
    spin(i % 40);
    f->drop_owner();
    together.arrive_and_wait();
    wrong += f->whole.ends != 1 ? 1 : 0;
  }
  closes.join();
  CHECK(wrong == 0);
}

// The first one closes while the second one opens: with the mark of either the file is busy.
TEST_CASE("hold table race: a first reader's close against a second reader's open",
          "[tree][holds][race]") {
  const bool hot = GENERATE(false, true);
  fixture f;
  if (hot) f.heat();
  file_node& node = f.node();
  std::optional<sync::file> first;
  std::barrier together(2);
  int wrong = 0;
  std::thread closes([&] {
    for (int i = 0; i < rounds; ++i) {
      together.arrive_and_wait();
      spin(i / 40 % 40);
      first.reset();
      together.arrive_and_wait();
    }
  });
  for (int i = 0; i < rounds; ++i) {
    first.emplace(f.open(0));
    together.arrive_and_wait();
    spin(i % 40);
    {
      const sync::file second = f.open(0);
      wrong += f.is_busy(node) ? 0 : 1;
      wrong += f.fs.remove(f.path(0)).has_value() ? 1 : 0;
    }
    together.arrive_and_wait();
    wrong += f.is_busy(node) || !node.lock.is_idle() || f.v.stats().open_handles != 0 ? 1 : 0;
  }
  closes.join();
  CHECK(wrong == 0);
}

TEST_CASE("hold table: a file that threads open in turns becomes hot, one of a single thread not",
          "[tree][holds][hot]") {
  constexpr int turns = 300;
  fixture f(2);
  std::barrier turn(2);
  std::thread other([&] {
    for (int i = 0; i < turns; ++i) {
      turn.arrive_and_wait();
      f.open(0);
      turn.arrive_and_wait();
    }
  });
  for (int i = 0; i < turns; ++i) {
    f.open(0);
    f.open(1);
    turn.arrive_and_wait();
    turn.arrive_and_wait();
  }
  other.join();
  CHECK(f.is_hot(f.node(0)));
  CHECK_FALSE(f.is_hot(f.node(1)));
  f.open(0, open_mode::update);
  CHECK_FALSE(f.is_hot(f.node(0)));
}

TEST_CASE("hold table: a file that many read at once keeps writers out, and lets them in after",
          "[tree][holds][hot]") {
  fixture f;
  f.heat();
  file_node& node = f.node();
  sync::file reader = f.open(0);
  CHECK(node.lock.is_idle());
  const auto refused =
      f.fs.open(f.path(0), open_mode::update, {.timeout = lock_timeout::immediate()});
  CHECK(refused.error() == errc::would_block);
  CHECK_FALSE(f.is_hot(node));
  // It is a count now, and closes as one.
  CHECK(f.is_busy(node));
  CHECK(f.v.stats().open_handles == 1);
  std::thread writer([&] { f.fs.open(f.path(0), open_mode::write).value(); });
  await_waiting(f.v, 1);
  CHECK(f.fs.open(f.path(0), open_mode::read, {.timeout = lock_timeout::immediate()}).error() ==
        errc::would_block);
  reader.close().value();
  writer.join();
  CHECK(node.lock.is_idle());
  CHECK_FALSE(f.is_busy(node));
  CHECK(f.fs.file_size(f.path(0)).value() == 0);
}

// The reader's mark becomes a count while it is taken away.
TEST_CASE("hold table race: the last reader of a hot file goes while a writer comes",
          "[tree][holds][hot][race]") {
  fixture f;
  file_node& node = f.node();
  std::optional<sync::file> reader;
  std::barrier together(2);
  int wrong = 0;
  std::thread closes([&] {
    for (int i = 0; i < rounds / 10; ++i) {
      together.arrive_and_wait();
      spin(i / 20 % 60);
      reader.reset();
      together.arrive_and_wait();
    }
  });
  for (int i = 0; i < rounds / 10; ++i) {
    f.heat();
    reader.emplace(f.open(0));
    together.arrive_and_wait();
    spin(i % 20);
    f.fs.open(f.path(0), open_mode::update).value();
    together.arrive_and_wait();
    wrong += f.is_busy(node) || !node.lock.is_idle() || f.v.stats().open_handles != 0 ? 1 : 0;
  }
  closes.join();
  CHECK(wrong == 0);
}

TEST_CASE("hold table race: many read one file, some write it, and nobody sees half a write",
          "[tree][holds][hot][race]") {
  constexpr int readers = 3, writes = 200;
  fixture f;
  f.fs.write_file(f.path(0), asio::buffer("aa", 2)).value();
  std::atomic<bool> is_over{false};
  std::atomic<int> torn{0}, reads{0};
  std::vector<std::thread> all;
  for (int t = 0; t < readers; ++t)
    all.emplace_back([&] {
      while (!is_over) {
        auto file = f.fs.open(f.path(0), open_mode::read).value();
        char c[2] = {};
        file.read(asio::buffer(c)).value();
        torn += c[0] != c[1] ? 1 : 0;
        ++reads;
      }
    });
  for (int i = 0; i < writes; ++i) {
    const int seen = reads;
    await([&] { return reads > seen + 20; });
    auto file = f.fs.open(f.path(0), open_mode::update).value();
    const char c = static_cast<char>('a' + i % 26);
    file.write(asio::buffer(&c, 1)).value();
    file.write(asio::buffer(&c, 1)).value();
  }
  is_over = true;
  for (std::thread& t : all) t.join();
  CHECK(torn == 0);
  CHECK_FALSE(f.is_busy(f.node()));
  CHECK(f.v.stats().open_handles == 0);
}

}  // namespace coramfs::tests
