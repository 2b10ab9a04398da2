// SPDX-License-Identifier: BSL-1.0
// What a volume keeps of memory when all that was in it has gone, and many threads have taken part.
#include <coramfs/sync/file_system.hpp>
#include <coramfs/volume.hpp>

#include "support/catch.hpp"
#include "support/dice.hpp"
#include "tree/volume_state.hpp"

#include <cstddef>
#include <latch>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs {

namespace {

constexpr std::size_t slab = detail::small_memory::slab_size;

/// Threads that have removed many files in random order, and are still there.
class removal {
 public:
  static constexpr int threads = 8, files_each = 5'000;

  explicit removal(const volume_options& options)
      : v(volume::create(options).value()), state(*detail::volume_access::state(v)) {
    sync::file_system fs(v);
    tests::dice random(3);
    std::vector<std::string> paths;
    for (int i = 0; i < threads * files_each; ++i) {
      paths.push_back("/" + std::to_string(i));
      fs.write_file(paths.back(), {}).value();
      std::swap(paths.back(), paths[random.below(paths.size())]);
    }
    std::latch removed(threads + 1);
    for (int t = 0; t < threads; ++t) {
      const auto first = paths.begin() + t * files_each;
      all_.emplace_back([this, &removed, mine = std::vector(first, first + files_each)] {
        sync::file_system here(v);
        for (const std::string& path : mine) here.remove(path).value();
        removed.count_down();
        ends_.wait();
      });
    }
    removed.arrive_and_wait();
  }
  ~removal() {
    ends_.count_down();
    for (std::thread& t : all_) t.join();
  }

  volume v;
  detail::volume_state& state;

 private:
  std::vector<std::thread> all_;
  std::latch ends_{1};
};

}  // namespace

TEST_CASE("kept memory: each thread keeps a slab at most for each kind of thing",
          "[tree][memory]") {
  removal r({.max_quota = 64 << 20});
  r.state.blocks.keep_at_most(0);
  CHECK(r.state.blocks.resident_bytes() <= (2 * removal::threads + 4) * slab);
}

TEST_CASE("kept memory: a quota that is lowered has all of it back", "[tree][memory]") {
  removal r({.max_quota = 64 << 20});
  r.v.set_quota(1 << 20).value();
  CHECK(r.state.blocks.resident_bytes() <= (1 << 20) + 2 * slab);
  r.v.set_quota(0).value();
  CHECK(r.state.blocks.resident_bytes() <= 2 * slab);
}

TEST_CASE("kept memory: none is where nothing is to be kept", "[tree][memory]") {
  const bool has_guard = GENERATE(false, true);
  volume_options options{.max_quota = 64 << 20};
  if (has_guard) {
    options.memory_guard.mode = guard_mode::per_write;
  } else {
    options.max_recycled = 0;
  }
  removal r(options);
  CHECK(r.state.blocks.resident_bytes() <= 4 * slab);
}

}  // namespace coramfs
