// SPDX-License-Identifier: BSL-1.0
#include "tree/negative_answers.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <string>

namespace coramfs::tests {

using detail::negative_answers;
using time_point = negative_answers::time_point;
using std::chrono::seconds;

namespace {

constexpr detail::hash_key key{1, 2};
const time_point start(seconds(1000));

negative_answers::name name(int number) {
  return negative_answers::name_of("/" + std::to_string(number), key);
}

}  // namespace

TEST_CASE("negative answers: one is found until its time has come", "[negative_answers]") {
  negative_answers all;
  CHECK(!all.find(name(1), start));
  all.keep(name(1), errc::corrupt_archive, start + seconds(10));
  CHECK(all.find(name(1), start).value() == errc::corrupt_archive);
  CHECK(all.find(name(1), start + seconds(9)).has_value());
  CHECK(!all.find(name(1), start + seconds(10)));
  CHECK(!all.find(name(2), start));
}

TEST_CASE("negative answers: a later one takes the place of an earlier one for the same path",
          "[negative_answers]") {
  negative_answers all;
  all.keep(name(1), errc::corrupt_archive, start + seconds(10));
  all.keep(name(1), errc::busy, start + seconds(5));
  CHECK(all.find(name(1), start).value() == errc::busy);
  CHECK(!all.find(name(1), start + seconds(5)));
}

TEST_CASE("negative answers: many paths make it forget, and take no more room",
          "[negative_answers]") {
  constexpr int many = 50'000, most = 1024;
  negative_answers all;
  for (int i = 0; i < many; ++i) all.keep(name(i), errc::busy, start + seconds(i));
  int found = 0;
  for (int i = 0; i < many; ++i) found += all.find(name(i), start) ? 1 : 0;
  CHECK(found == most);
  // What ends last stays.
  CHECK(all.find(name(many - 1), start).has_value());
  all.keep(name(-1), errc::busy, start + seconds(many));
  CHECK(all.find(name(-1), start).has_value());
}

}  // namespace coramfs::tests
