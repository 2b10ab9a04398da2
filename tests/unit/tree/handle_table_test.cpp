// SPDX-License-Identifier: BSL-1.0
// The records of open handles, which other threads look at while they come and go.
#include "tree/handle_table.hpp"

#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "tree/volume_state.hpp"

#include <asio/buffer.hpp>

#include <atomic>
#include <barrier>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr int more_than_lanes = 100;  // threads

struct fixture {
  volume v = volume::create().value();
  sync::file_system fs{v};

  explicit fixture(int files) {
    for (int i = 0; i < files; ++i) fs.write_file(path(i), asio::buffer("x", 1)).value();
  }
  static std::string path(int i) { return "/" + std::to_string(i); }
  sync::file open(int i, const char* label = nullptr) {
    return fs.open(path(i), open_mode::read, {.label = label}).value();
  }
  /// How often each path is open.
  std::map<std::string, int> all() const {
    std::map<std::string, int> count;
    const auto handles = v.open_handles().value();
    for (const open_handle& h : handles) ++count[h.path];
    return count;
  }
};

}  // namespace

TEST_CASE("handle table: it grows to whatever is open at once, and lists all", "[tree][handles]") {
  constexpr int files = 1000;
  fixture f(files);
  std::vector<sync::file> open;
  for (int i = 0; i < files; ++i) open.push_back(f.open(i));
  CHECK(f.all().size() == files);
  open.erase(open.begin(), open.begin() + files / 2);
  CHECK(f.all().size() == files / 2);
  CHECK(f.all().count("/0") == 0);
  for (int i = 0; i < files / 2; ++i) open.push_back(f.open(0));
  CHECK(f.all()["/0"] == files / 2);
  open.clear();
  CHECK(f.all().empty());
}

TEST_CASE("handle table: what other threads have closed is taken anew", "[tree][handles]") {
  fixture f(2);
  // The list of a lane is used up again and again, so it has to be filled from what was returned.
  for (int round = 0; round < 100; ++round) {
    std::vector<sync::file> open;
    for (int i = 0; i < 20; ++i) open.push_back(f.open(0));
    std::thread([&] { open.clear(); }).join();
    const auto again = f.open(1, "again");
    const auto handles = f.v.open_handles().value();
    REQUIRE(handles.size() == 1);
    REQUIRE(handles[0].label == "again");
  }
}

TEST_CASE("handle table: a record that had a label has none for a handle without one",
          "[tree][handles]") {
  fixture f(1);
  { const auto labelled = f.open(0, "a label of which nothing stays"); }
  const auto plain = f.open(0);
  CHECK(f.v.open_handles().value().at(0).label.empty());
}

TEST_CASE("handle table: threads without a lane have records, too", "[tree][handles]") {
  fixture f(more_than_lanes);
  std::barrier opened(more_than_lanes), looked(more_than_lanes);
  std::vector<std::thread> threads;
  std::size_t seen = 0;
  for (int i = 0; i < more_than_lanes; ++i) {
    threads.emplace_back([&, i] {
      const auto mine = f.open(i);
      opened.arrive_and_wait();
      if (i == 0) seen = f.all().size();
      looked.arrive_and_wait();
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(seen == more_than_lanes);
  CHECK(f.all().empty());
}

TEST_CASE("handle table: whoever looks while handles come and go sees whole entries",
          "[tree][handles][race]") {
  constexpr int threads = 3, rounds = 2'000;
  // A label for each file, so that what belongs to two handles does not fit together.
  static constexpr const char* labels[] = {"the label of /0", "the label of /1", "the label of /2"};
  fixture f(threads);
  const auto held = f.fs.open("/held", open_mode::create, {.label = "the label of /held"}).value();
  std::atomic<int> running = threads;
  std::vector<std::thread> openers;
  std::optional<sync::file> handed[threads];
  for (int i = 0; i < threads; ++i) {
    openers.emplace_back([&, i] {
      for (int round = 0; round < rounds; ++round) {
        const int file = (i + round) % threads;
        sync::file first = f.open(file, labels[file]);
        const sync::file second = std::move(first);
        const auto removed = f.fs.remove(fixture::path(file));
        if (removed) std::abort();  // it is open
      }
      handed[i] = f.open(i, labels[i]);
      --running;
    });
  }
  int wrong = 0;
  while (running.load() > 0) {
    const auto handles = f.v.open_handles().value();
    for (const open_handle& h : handles)
      if (h.label != "the label of " + h.path ||
          (h.mode == open_mode::create) != (h.path == "/held"))
        ++wrong;
    // Looks for who has it, too.
    if (const auto busy = f.fs.remove("/held"); busy.error().details().holders.size() != 1) ++wrong;
  }
  for (std::thread& t : openers) t.join();
  CHECK(wrong == 0);
  CHECK(f.all().size() == threads + 1);
  for (auto& h : handed) h.reset();
  CHECK(f.all().size() == 1);
}

TEST_CASE("handle table: files that are removed as soon as they are closed are never looked at",
          "[tree][handles][race]") {
  constexpr int rounds = 2'000;
  fixture f(1);
  std::atomic<bool> is_over = false;
  std::thread looker([&] {
    while (!is_over.load()) {
      for (const auto& [path, count] : f.all())
        if (path != "/0" && path != "/d/new") std::abort();
    }
  });
  f.fs.create_directory("/d").value();
  for (int i = 0; i < rounds; ++i) {
    f.fs.open("/d/new", open_mode::create).value().close().value();
    f.fs.remove("/d/new").value();
  }
  is_over.store(true);
  looker.join();
  CHECK(f.all().empty());
}

}  // namespace coramfs::tests
