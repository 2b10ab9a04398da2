// SPDX-License-Identifier: BSL-1.0
// How much of a volume is looked at to find what goes from a cache.
#include "operations/eviction.hpp"

#include <coramfs/sync/file_system.hpp>

#include "core/pace.hpp"
#include "support/catch.hpp"
#include "sync/run.hpp"

#include <asio/buffer.hpp>

#include <memory>
#include <string>
#include <vector>

namespace coramfs::detail {

namespace {

constexpr std::uint64_t some = 10'000;

/// A volume of files of one byte in one directory.
class flat {
 public:
  volume over = make();
  sync::file_system fs{over};
  std::shared_ptr<eviction_queues> all =
      std::make_shared<eviction_queues>(least_recently_used_options());

  explicit flat(std::uint64_t count) : count_(count) {
    for (std::uint64_t i = 0; i < count; ++i) add(std::to_string(i));
  }

  void add(const std::string& name) { fs.write_file("/" + name, asio::buffer("x", 1)).value(); }
  void mark_all() {
    for (std::uint64_t i = 0; i < count_; ++i)
      static_cast<void>(fs.read_file("/" + std::to_string(i)).value());
  }
  steps<void> make_room(std::uint64_t bytes) {
    return evict(volume_access::state(over), all, {.bytes = bytes, .nodes = 0, .least_bytes = 1});
  }
  /// How many files were looked at, over and over.
  std::uint64_t seen() { return all->of(volume_access::state(over))->seen; }
  std::uint64_t left() { return over.stats().file_count; }

 private:
  static volume make() {
    volume_options o;
    o.accounting = accounting::payload;
    return volume::create(o).value();
  }
  const std::uint64_t count_;
};

}  // namespace

TEST_CASE("eviction: one who needs room looks at each file a few times, however many there are",
          "[lru]") {
  const bool are_marked = GENERATE(false, true);
  for (const std::uint64_t count : {some, 4 * some}) {
    flat v(count);
    if (are_marked) v.mark_all();
    run_blocking(v.make_room(1)).value();
    CHECK(v.left() == count - 1);
    CHECK(v.seen() <= 4 * count);
  }
}

TEST_CASE("eviction: where all has to go each file is looked at a bounded number of times",
          "[lru]") {
  const bool are_marked = GENERATE(false, true);
  for (const std::uint64_t count : {some, 4 * some}) {
    flat v(count);
    if (are_marked) v.mark_all();
    run_blocking(v.make_room(count)).value();
    CHECK(v.left() == 0);
    CHECK(v.seen() <= 20 * count);
  }
}

TEST_CASE("eviction: where all files are in use each is looked at once", "[lru]") {
  for (const std::uint64_t count : {some, 2 * some}) {
    flat v(count);
    std::vector<sync::file> open;
    for (std::uint64_t i = 0; i < count; ++i)
      open.push_back(v.fs.open("/" + std::to_string(i), open_mode::read).value());
    run_blocking(v.make_room(1)).value();
    CHECK(v.left() == count);
    CHECK(v.seen() == count);
  }
}

TEST_CASE("eviction: a directory that others change is looked at in slices all the same", "[lru]") {
  flat v(some);
  auto evicting = v.make_room(1);
  std::uint64_t turns = 0;
  while (evicting.advance() != progress::done) v.add("new" + std::to_string(turns++));
  evicting.outcome().value();
  CHECK(v.left() == some + turns - 1);
  CHECK(v.seen() <= 5 * some);
  // Some steps beside the files end a slice, too, but none is longer.
  CHECK(turns >= v.seen() / pace::nodes_in_slice() - 1);
}

}  // namespace coramfs::detail
