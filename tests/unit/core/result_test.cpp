// SPDX-License-Identifier: BSL-1.0
#include <coramfs/result.hpp>

#include "support/describe.hpp"

#include <memory>
#include <string>

namespace coramfs::tests {

namespace {

result<int> half(int n) {
  if (n % 2 != 0) return errc::invalid_argument;
  return n / 2;
}

result<std::string> quarter(int n) {
  BOOST_OUTCOME_TRY(const int once, half(n));
  BOOST_OUTCOME_TRY(const int twice, half(once));
  return std::to_string(twice);
}

result<void> check_even(int n) {
  BOOST_OUTCOME_TRY(half(n));
  return boost::outcome_v2::success();
}

result<int> limited() { return error(errc::quota_exceeded, 5, 3); }

result<std::unique_ptr<int>> made() { return std::make_unique<int>(7); }

}  // namespace

TEST_CASE("result: it has a value or an error", "[core][result]") {
  const result<int> good = half(4), bad = half(3);
  CHECK(good.has_value());
  CHECK(good);
  CHECK(good.value() == 2);
  CHECK(!bad.has_value());
  CHECK(!bad);
  CHECK(bad.error() == errc::invalid_argument);
}

TEST_CASE("result: the default is canceled", "[core][result]") {
  CHECK(error_of(result<int>()) == errc::canceled);
  CHECK(error_of(result<void>()) == errc::canceled);
  CHECK(error_of(result<std::unique_ptr<int>>()) == errc::canceled);
  CHECK(std::is_nothrow_default_constructible_v<result<int>>);
}

TEST_CASE("result: value() on a failure throws a system_error with its code", "[core][result]") {
  try {
    limited().value();
    FAIL("nothing was thrown");
  } catch (const std::system_error& e) {
    CHECK(e.code() == errc::quota_exceeded);
    CHECK(e.code() == std::errc::no_space_on_device);
    CHECK(std::string(e.what()).find("requested 5 bytes, 3 available") != std::string::npos);
  }
  CHECK_THROWS_AS(check_even(1).value(), std::system_error);
  CHECK_NOTHROW(check_even(2).value());
  const result<int> kept = half(1);
  CHECK_THROWS_AS(kept.value(), std::system_error);
}

TEST_CASE("result: error() on a success throws", "[core][result]") {
  CHECK_THROWS_AS(half(2).error(), boost::outcome_v2::bad_result_access);
}

TEST_CASE("result: TRY passes the failure on with its numbers", "[core][result]") {
  CHECK(quarter(8).value() == "2");
  CHECK(error_of(quarter(7)) == errc::invalid_argument);
  CHECK(error_of(quarter(6)) == errc::invalid_argument);
  CHECK(error_of(check_even(3)) == errc::invalid_argument);
  const auto through = []() -> result<std::string> {
    BOOST_OUTCOME_TRY(const int n, limited());
    return std::to_string(n);
  };
  CHECK(through().error().requested() == 5);
  CHECK(through().error().available() == 3);
}

TEST_CASE("result: what can only be moved is moved out", "[core][result]") {
  std::unique_ptr<int> out = made().value();
  CHECK(*out == 7);
  result<std::unique_ptr<int>> kept = made();
  out = std::move(kept).value();
  CHECK(*out == 7);
  result<std::unique_ptr<int>> assigned;
  assigned = made();
  CHECK(*assigned.value() == 7);
}

}  // namespace coramfs::tests
