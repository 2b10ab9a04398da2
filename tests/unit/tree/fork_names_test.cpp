// SPDX-License-Identifier: BSL-1.0
// A fork beside the compaction of its origin, which may move long names as soon as the tree's lock
// is free. The fork's clock is asked between two of its steps, so that is where memory is moved.
#include <coramfs/clock.hpp>
#include <coramfs/sync/file_system.hpp>
#include <coramfs/volume.hpp>

#include "support/catch.hpp"
#include "tree/volume_state.hpp"

#include <asio/buffer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace coramfs {

namespace {

std::string long_name(int number) {
  std::string all;
  for (int i = 0; i < 20; ++i) all += std::to_string(10'000'000 + number);
  return all;
}

/// A clock that does something when it is asked for the n-th time.
class acting_clock final : public clock {
 public:
  acting_clock(int at, std::function<void()> action) : at_(at), action_(std::move(action)) {}

  std::chrono::system_clock::time_point system_now() const noexcept override {
    if (++calls_ == at_) action_();
    return std::chrono::system_clock::now();
  }
  std::chrono::steady_clock::time_point steady_now() const noexcept override {
    return std::chrono::steady_clock::now();
  }

 private:
  mutable int calls_ = 0;
  const int at_;
  const std::function<void()> action_;
};

}  // namespace

TEST_CASE("fork: names of the origin may be moved while it is made", "[tree][fork][memory]") {
  const int at = GENERATE(3, 10, 100);
  const volume v = volume::create({.max_quota = 8 << 20}).value();
  sync::file_system fs(v);
  fs.create_directory("/d").value();
  fs.create_directory("/e").value();
  std::set<std::string> names;
  for (int i = 0; i < 200; ++i) {
    names.insert(long_name(i));
    fs.write_file("/d/" + long_name(i), {}).value();
    for (int k = 0; k < 60; ++k) fs.write_file("/e/" + long_name(1000 + 60 * i + k), {}).value();
  }
  // Now there are slabs with few names.
  fs.remove_tree("/e").value();
  detail::volume_state& state = *detail::volume_access::state(v);
  int emptied = 0;
  const auto compact = [&] {
    while (state.relief.free_a_slab()) ++emptied;
    // Others have the memory from now on.
    for (std::size_t size = 7 << 20; size > 1 << 20; size -= 1 << 18) {
      const std::string other(size, '!');
      if (fs.write_file("/other", asio::buffer(other))) break;
    }
  };
  fork_options o;
  o.clock = std::make_shared<acting_clock>(at, compact);
  const volume f = v.fork(o).value();
  CHECK(emptied > 0);
  std::set<std::string> seen;
  for (const std::string& name : sync::file_system(f).list("/d").value()) seen.insert(name);
  CHECK(seen == names);
  for (const std::string& name : names) REQUIRE(sync::file_system(f).is_file("/d/" + name).value());
}

}  // namespace coramfs
