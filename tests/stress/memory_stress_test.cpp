// SPDX-License-Identifier: BSL-1.0
// A volume that is full of files of sizes that shift, so that what is in its memory has to be moved
// for what comes, while threads read, pin, replace, rename and remove what they have in it.
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/dice.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

/// One thread's files, which nobody else changes, and what is in them.
class tenant {
 public:
  tenant(sync::file_system fs, unsigned seed)
      : fs_(std::move(fs)), random_(seed), home_("/" + std::to_string(seed)) {
    if (!fs_.create_directory(home_)) std::abort();
  }

  void work(int steps) {
    for (int i = 0; i < steps; ++i) {
      // Sizes go up and down together, so that slabs of one become sparse, and others are wanted.
      const std::size_t scale = std::size_t{64} << (i / 400 % 9);
      switch (random_.below(8)) {
        case 0:
        case 1:
        case 2: write(new_name(), scale + random_.below(scale)); break;
        case 3:
          if (!files_.empty()) write(any()->first, scale + random_.below(scale));
          break;
        case 4: rename(); break;
        case 5: look(); break;
        default: remove();
      }
    }
    for (const auto& [name, seen] : files_) check(name, seen);
  }

 private:
  struct content {
    std::byte mark;
    std::size_t size;
  };
  using files = std::map<std::string, content>;

  std::string new_name() {
    const std::string stem = random_.one_in(3) ? std::string(60, 'n') : std::string();
    return home_ + "/" + stem + std::to_string(number_++);
  }
  files::iterator any() {
    return std::next(files_.begin(), static_cast<std::ptrdiff_t>(random_.below(files_.size())));
  }

  void write(const std::string& name, std::size_t size) {
    const content c{static_cast<std::byte>(random_.below(255) + 1), size};
    const bytes all(size, c.mark);
    const auto done = fs_.write_file(name, asio::buffer(all));
    if (done) {
      files_.insert_or_assign(name, c);
    } else if (!(done.error() == errc::quota_exceeded || done.error() == errc::out_of_memory)) {
      std::abort();
    } else {
      for (int i = 0; i < 3; ++i) remove();
    }
  }
  void rename() {
    if (files_.empty()) return;
    const auto at = any();
    const std::string to = new_name();
    if (!fs_.rename(at->first, to)) return;
    files_.emplace(to, at->second);
    files_.erase(at);
  }
  void remove() {
    if (files_.empty()) return;
    const auto at = any();
    if (!fs_.remove(at->first)) std::abort();
    files_.erase(at);
  }
  // Keeps a pin while something else is done.
  void look() {
    if (files_.empty()) return;
    const auto [name, c] = *any();
    auto f = fs_.open(name, open_mode::read);
    if (!f) std::abort();
    const auto p = f.value().pin(0, c.size);
    if (!p || !f.value().close()) std::abort();
    write(new_name(), 500 + random_.below(5'000));
    for (const asio::const_buffer& b : p.value()) check(b, c);
    if (files_.contains(name)) check(name, c);  // or it had to make room
  }
  void check(const std::string& name, const content& c) {
    const auto all = fs_.read_file(name);
    if (!all || all.value().size() != c.size) std::abort();
    check(asio::buffer(all.value()), c);
  }
  static void check(asio::const_buffer b, const content& c) {
    const auto* const at = static_cast<const std::byte*>(b.data());
    if (!std::all_of(at, at + b.size(), [&](std::byte seen) { return seen == c.mark; }))
      std::abort();
  }

  sync::file_system fs_;
  dice random_;
  const std::string home_;
  files files_;
  int number_ = 0;
};

}  // namespace

TEST_CASE("stress: what is in a full volume stays as it is, wherever it is moved",
          "[stress][memory]") {
  volume_options options;
  options.max_quota = 6 << 20;
  auto fs = sync::file_system::create(options).value();
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 3; ++seed)
    threads.emplace_back([fs, seed] { tenant(fs, seed).work(8'000); });
  for (std::thread& t : threads) t.join();
  for (unsigned seed = 1; seed <= 3; ++seed) fs.remove_tree("/" + std::to_string(seed)).value();
  CHECK(fs.stats().value().used_bytes == 0);
}

}  // namespace coramfs::tests
