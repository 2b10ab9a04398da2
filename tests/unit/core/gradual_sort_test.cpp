// SPDX-License-Identifier: BSL-1.0
#include "core/gradual_sort.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace coramfs::tests {

TEST_CASE("gradual sort: any number of items comes out sorted, after steps in proportion",
          "[core][sort]") {
  std::mt19937 random(1);
  const std::size_t size = GENERATE(0, 1, 2, 3, 2047, 2048, 2049, 4096, 4097, 6145, 20'000, 32'768);
  std::vector<std::string> items(size);
  for (std::string& i : items) i = std::to_string(random() % 10'000);
  auto expected = items;
  std::sort(expected.begin(), expected.end());
  detail::gradual_sort s(std::move(items));
  std::size_t steps = 1;
  while (s.step()) ++steps;
  CHECK(s.take() == expected);
  // Sixteen runs are merged in four passes at most.
  CHECK(steps <= 2 + 6 * (size / 2048 + 1));
}

TEST_CASE("gradual sort: long items are sorted fewer at a time", "[core][sort]") {
  const std::size_t size = 4096, longest = 4096;
  const auto steps_for = [&](std::size_t length) {
    std::vector<std::string> items(size, std::string(length - 4, 'x'));
    for (std::size_t i = 0; i < size; ++i) items[i] += std::to_string(9999 - i);
    auto expected = items;
    std::sort(expected.begin(), expected.end());
    detail::gradual_sort s(std::move(items), length);
    int steps = 1;
    while (s.step()) ++steps;
    CHECK((s.take() == expected));
    return steps;
  };
  CHECK(steps_for(longest) > 50 * steps_for(10));
}

}  // namespace coramfs::tests
