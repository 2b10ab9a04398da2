// SPDX-License-Identifier: BSL-1.0
// The checker itself: it finds an order where there is one, and none where there is none.
#include "linearizability/history.hpp"

#include "support/catch.hpp"

namespace coramfs::tests {

namespace {

using kind = call::kind;

call write(std::size_t path, int content, std::uint64_t begin, std::uint64_t end) {
  return {kind::write, path, 0, content, 0, call::done, begin, end};
}
call read(std::size_t path, int seen, std::uint64_t begin, std::uint64_t end) {
  return {kind::read, path, 0, 0, 0, seen, begin, end};
}
call rename(std::size_t from, std::size_t to, int result, std::uint64_t begin, std::uint64_t end) {
  return {kind::rename, from, to, 0, 0, result, begin, end};
}
call exists(std::size_t path, int seen, std::uint64_t begin, std::uint64_t end) {
  return {kind::exists, path, 0, 0, 0, seen, begin, end};
}

}  // namespace

TEST_CASE("history: calls that overlap may have had their effect in any order",
          "[linearizability]") {
  CHECK(is_linearizable({write(0, 1, 0, 9), read(0, call::not_found, 1, 2), read(0, 1, 3, 4)}));
  CHECK(is_linearizable({write(0, 1, 0, 3), write(0, 2, 1, 2), read(0, 1, 4, 5)}));
  CHECK(is_linearizable({write(0, 1, 0, 3), write(0, 2, 1, 2), read(0, 2, 4, 5)}));
}

TEST_CASE("history: what had ended is seen by what began later", "[linearizability]") {
  CHECK(!is_linearizable({write(0, 1, 0, 1), read(0, call::not_found, 2, 3)}));
  CHECK(!is_linearizable({write(0, 1, 0, 1), write(0, 2, 2, 3), read(0, 1, 4, 5)}));
}

TEST_CASE("history: two who look see the changes in the same order", "[linearizability]") {
  CHECK(!is_linearizable(
      {write(0, 1, 0, 9), write(0, 2, 1, 8), read(0, 1, 10, 11), read(0, 2, 12, 13)}));
  CHECK(!is_linearizable({write(0, 1, 0, 9), read(0, 1, 1, 2), read(0, call::not_found, 3, 4)}));
}

TEST_CASE("history: a file that is renamed is under one of its names at every moment",
          "[linearizability]") {
  const call made = write(0, 1, 0, 1);
  CHECK(!is_linearizable({made, rename(0, 1, call::done, 2, 9), exists(0, call::no, 3, 4),
                          exists(1, call::no, 5, 6)}));
  CHECK(is_linearizable({made, rename(0, 1, call::done, 2, 9), exists(1, call::no, 3, 4),
                         exists(0, call::no, 5, 6)}));
}

TEST_CASE("history: an import appears as a whole", "[linearizability]") {
  const call both{kind::import, 0, 1, 1, 2, call::done, 0, 9};
  CHECK(is_linearizable({both, read(0, 1, 1, 2), read(1, 2, 3, 4)}));
  CHECK(!is_linearizable({both, read(0, 1, 1, 2), read(1, call::not_found, 3, 4)}));
}

TEST_CASE("history: only a file that is there is busy, and only while another holds it",
          "[linearizability]") {
  const call made = write(0, 1, 0, 1);
  CHECK(!is_linearizable({rename(0, 1, call::busy, 2, 3)}));
  CHECK(is_linearizable({made, rename(0, 1, call::busy, 2, 3)}));
  CHECK(!is_busy_for_a_reason({made, rename(0, 1, call::busy, 2, 3)}));
  CHECK(!is_busy_for_a_reason({made, rename(0, 1, call::busy, 2, 5), read(2, 1, 3, 4)}));
  CHECK(is_busy_for_a_reason({made, rename(0, 1, call::busy, 2, 5), read(0, 1, 3, 4)}));
}

}  // namespace coramfs::tests
