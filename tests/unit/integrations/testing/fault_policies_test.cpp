// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sync/file_system.hpp>
#include <coramfs/testing/faults.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace coramfs::tests {

using testing::fault_point;
using testing::fault_policy;

namespace {

sync::file_system over(fault_policy& p) {
  return sync::file_system::create({.faults = &p}).value();
}

// Which of so many writes fail, as a text of dots and crosses.
std::string failures_of(fault_policy& p, int writes = 64) {
  sync::file_system fs = over(p);
  std::string text;
  for (int i = 0; i < writes; ++i)
    text += fs.write_file("/" + std::to_string(i), "content") ? '.' : 'x';
  return text;
}

}  // namespace

TEST_CASE("fault policies: the nth time at a point fails, and no other", "[testing][faults]") {
  const auto point =
      GENERATE(fault_point::reserve_nodes, fault_point::reserve_bytes, fault_point::allocate);
  CHECK(failures_of(testing::fail_nth(point, 3), 6) == "..x...");
  CHECK(failures_of(testing::fail_nth(point, 1), 6) == "x.....");
  CHECK(failures_of(testing::fail_nth(point, 0), 6) == "......");
}

TEST_CASE("fault policies: from the nth time at a point on all fail", "[testing][faults]") {
  const auto point =
      GENERATE(fault_point::reserve_nodes, fault_point::reserve_bytes, fault_point::allocate);
  CHECK(failures_of(testing::fail_from(point, 3), 6) == "..xxxx");
  CHECK(failures_of(testing::fail_from(point, 1), 6) == "xxxxxx");
  CHECK(failures_of(testing::fail_from(point, 0), 6) == "xxxxxx");
}

TEST_CASE("fault policies: a policy is had by reference, and each call makes a new one",
          "[testing][faults]") {
  fault_policy& first = testing::fail_nth(fault_point::allocate, 1);
  fault_policy& second = testing::fail_nth(fault_point::allocate, 1);
  CHECK(&first != &second);
  CHECK(failures_of(first, 2) == "x.");
  CHECK(failures_of(first, 2) == "..");
  CHECK(failures_of(second, 2) == "x.");
  CHECK(&testing::never() == &testing::never());
  volume_options options;
  options.faults = &testing::fail_nth(fault_point::allocate, 1);
  auto fs = sync::file_system::create(options).value();
  CHECK(error_of(fs.write_file("/a", "a")) == errc::out_of_memory);
}

TEST_CASE("fault policies: one lives until 65,536 more have been made", "[testing][faults]") {
  fault_policy& kept = testing::fail_nth(fault_point::allocate, 2);
  CHECK(failures_of(kept, 1) == ".");
  for (int i = 0; i < 65'535; ++i) testing::fail_rate(static_cast<std::uint64_t>(i), 0.5);
  CHECK(failures_of(kept, 2) == "x.");
}

TEST_CASE("fault policies: nothing fails with none", "[testing][faults]") {
  CHECK(failures_of(testing::never()) == std::string(64, '.'));
}

TEST_CASE("fault policies: a pattern and an error choose what fails", "[testing][faults]") {
  sync::file_system fs = over(testing::fail_at("/in/**/*.bin", errc::quota_exceeded));
  fs.create_directories("/in/deep").value();
  fs.write_file("/in/a.txt", "a").value();
  fs.write_file("/a.bin", "a").value();
  const error refused = fs.write_file("/in/deep/a.bin", "a").error();
  CHECK(refused == errc::quota_exceeded);
  CHECK(refused.available() == refused.requested() - 1);
  CHECK(error_of(fs.write_file("in//a.bin", "a")) == errc::quota_exceeded);
  CHECK(error_of(fs.rename("/a.bin", "/in/a-name-that-takes-memory-beside-its-own-node-.bin")) ==
        errc::quota_exceeded);

  sync::file_system other = over(testing::fail_at("/a", errc::node_limit_exceeded));
  CHECK(other.create_directory("/a").error() == errc::node_limit_exceeded);
  CHECK(other.create_directory("/a/b").error() == errc::not_found);
  CHECK(other.create_directory("/b").has_value());
}

TEST_CASE("fault policies: an error that no point gives is refused", "[testing][faults]") {
  CHECK_THROWS_AS(testing::fail_at("/**", errc::busy), std::invalid_argument);
  CHECK_THROWS_AS(testing::fail_at("/**", errc::not_found), std::invalid_argument);
  CHECK_THROWS_AS(testing::fail_at(std::string(1'000'000, '*'), errc::quota_exceeded),
                  std::invalid_argument);
}

TEST_CASE("fault policies: a rate fails as often as it says, by its seed", "[testing][faults]") {
  CHECK(failures_of(testing::fail_rate(1, 0)) == std::string(64, '.'));
  CHECK(failures_of(testing::fail_rate(1, -1)) == std::string(64, '.'));
  CHECK(failures_of(testing::fail_rate(1, 1)) == std::string(64, 'x'));
  CHECK(failures_of(testing::fail_rate(1, 2)) == std::string(64, 'x'));
  const std::string tenth = failures_of(testing::fail_rate(7, 0.1), 1000);
  CHECK(failures_of(testing::fail_rate(7, 0.1), 1000) == tenth);
  CHECK(failures_of(testing::fail_rate(8, 0.1), 1000) != tenth);
  // Three points each: 271 of 1000 are likely.
  const auto failed = std::count(tenth.begin(), tenth.end(), 'x');
  CHECK(failed > 200);
  CHECK(failed < 350);
}

TEST_CASE("fault policies: a swarm has points that never fail, others for each seed",
          "[testing][faults]") {
  CHECK(failures_of(testing::swarm(4)) == failures_of(testing::swarm(4)));
  std::set<std::vector<bool>> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    sync::file_system fs = over(testing::swarm(seed));
    std::vector<bool> codes(3);
    for (int i = 0; i < 200; ++i) {
      const auto written = fs.write_file("/" + std::to_string(i), "content");
      if (written) continue;
      codes[0] = codes[0] || written.error() == errc::node_limit_exceeded;
      codes[1] = codes[1] || written.error() == errc::quota_exceeded;
      codes[2] = codes[2] || written.error() == errc::out_of_memory;
    }
    seen.insert(codes);
  }
  // All combinations of the three come about.
  CHECK(seen.size() == 8);
}

TEST_CASE("fault policies: points have names", "[testing][faults]") {
  CHECK(to_string(fault_point::reserve_bytes) == "reserve_bytes");
  CHECK(to_string(fault_point::decode) == "decode");
  CHECK(to_string(static_cast<fault_point>(99)) == "unknown");
}

}  // namespace coramfs::tests
