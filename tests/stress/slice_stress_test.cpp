// SPDX-License-Identifier: BSL-1.0
// Threads that look at the tree in slices of a few nodes while others change it: nobody sees two
// moments of a directory, or a part of an import.
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "support/seeds.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr int kept = 20, imported = 10;
constexpr std::uint64_t rounds = sanitizer_slowness > 1 ? 150 : 1000;

/// What a thread does again and again, with the number of the time. False: to no purpose.
using part = std::function<bool(std::uint64_t)>;

/// Runs each on a thread of its own, until each has had its rounds to some purpose.
void run_all(const std::vector<part>& parts) {
  std::atomic<std::size_t> busy{parts.size()};  // those who have not had their rounds
  std::atomic<bool> has_failed{false};
  std::mutex mutex;
  std::exception_ptr thrown;
  std::vector<std::thread> threads;
  for (const part& p : parts) {
    threads.emplace_back([&, p] {
      try {
        // Who has had them goes on, for the others to meet.
        std::uint64_t had = 0;
        for (std::uint64_t i = 0; busy > 0 && !has_failed; ++i)
          if (p(i) && ++had == rounds) --busy;
      } catch (const std::exception&) {
        const std::lock_guard lock(mutex);
        thrown = std::current_exception();
        has_failed = true;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  if (thrown) std::rethrow_exception(thrown);
}

/// What is always in the directory, and one name that changes all the time.
void check_names(std::vector<std::string> names) {
  require(std::is_sorted(names.begin(), names.end()), "names are sorted");
  require(names.size() == kept + 1, "each name is seen once");
  const auto moved = [](const std::string& n) { return n.starts_with("moved"); };
  require(std::count_if(names.begin(), names.end(), moved) == 1, "one has moved");
}

file_map import_of(std::uint64_t round) {
  file_map files;
  for (int i = 0; i < imported; ++i)
    files["/i/x/" + std::to_string(i)] = bytes_of(std::to_string(round));
  return files;
}

}  // namespace

TEST_CASE("slice stress: directories are seen at one moment, and imports as a whole",
          "[stress][slices]") {
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directory("/d").value();
  fs.write_file("/d/moved0", asio::buffer("x", 1)).value();
  for (int i = 0; i < kept; ++i) fs.create_directory("/d/" + std::to_string(i)).value();
  const auto rename = [&](std::uint64_t i) {
    const std::string moved = "/d/moved";
    fs.rename(moved + std::to_string(i), moved + std::to_string(i + 1)).value();
    return true;
  };
  const auto list = [&](std::uint64_t) {
    check_names(fs.list("/d").value());
    return true;
  };
  const auto walk = [&](std::uint64_t) {
    const auto entries = fs.walk("/d").value();
    require(entries.size() == kept + 1, "each directory is seen once");
    auto names = entries.front().directories;
    const auto& files = entries.front().files;
    names.insert(names.end(), files.begin(), files.end());
    check_names(names);
    return true;
  };
  const auto glob = [&](std::uint64_t) {
    auto paths = fs.glob("/d/*").value();
    for (std::string& p : paths) p.erase(0, 3);
    check_names(paths);
    return true;
  };
  const auto import = [&](std::uint64_t i) {
    const error e = error_of(fs.import_tree(import_of(i)));
    require(!e.code() || e == errc::busy, "an import succeeds, or meets one who reads");
    return !e.code();
  };
  // Each removes what it has seen, and may come upon what the other is removing.
  const auto look = [&](std::uint64_t) {
    const auto names = fs.list("/i/x");
    require(!names || names.value().size() == imported, "an import is seen as a whole");
    const auto files = fs.export_tree("/i").value();
    require(files.size() <= imported, "each file is exported once");
    if (!names) return false;
    const error e = error_of(fs.remove_tree("/i"));
    require(!e.code() || e == errc::busy || e == errc::not_found,
            "a removal succeeds, or meets another");
    return true;
  };
  run_all({rename, list, walk, glob, import, import, look, look});
  const auto left = fs.remove_tree("/i");
  CHECK((left || error_of(left) == errc::not_found));
  fs.remove_tree("/d").value();
  CHECK(v.stats().used_bytes == 0);
  CHECK(v.stats().file_count == 0);
}

}  // namespace coramfs::tests
