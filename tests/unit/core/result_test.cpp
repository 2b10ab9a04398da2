// SPDX-License-Identifier: BSL-1.0
#include <coramfs/result.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <memory>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

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
  return success();
}

result<int> limited() { return error(errc::quota_exceeded, 5, 3); }

template <class T>
constexpr bool is_made_of_braces = requires(void (&take)(T)) {
  take({});
};

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

TEST_CASE("result: braces alone make none", "[core][result]") {
  // `return {};` would be a failure where somebody means success.
  CHECK_FALSE(is_made_of_braces<result<void>>);
  CHECK_FALSE(is_made_of_braces<result<int>>);
  CHECK(is_made_of_braces<std::string>);
}

TEST_CASE("result: of a temporary value() is a value", "[core][result]") {
  CHECK(std::is_same_v<decltype(limited().value()), int>);
  const auto names = []() -> result<std::vector<std::string>> {
    return std::vector<std::string>{"a", "b"};
  };
  std::string all;
  for (const std::string& n : names().value()) all += n;
  CHECK(all == "ab");
  auto moved = made().value();
  CHECK(*moved == 7);
  auto kept = made();
  CHECK(&kept.value() == &kept.value());
}

TEST_CASE("result: another value in place of an error, and the value where there is one",
          "[core][result]") {
  CHECK(half(4).value_or(9) == 2);
  CHECK(half(3).value_or(9) == 9);
  CHECK(made().value_or(nullptr) != nullptr);
  const result<std::string> name = quarter(8);
  CHECK(name.value_or("none") == "2");
  CHECK(name->size() == 1);
  CHECK(*name == "2");
  auto held = made();
  *held = std::make_unique<int>(8);
  CHECK(*held.value() == 8);
  CHECK(**made() == 7);
  CHECK(check_even(2));
}

#ifdef __cpp_lib_expected
TEST_CASE("result: to and from std::expected", "[core][result]") {
  std::expected<std::unique_ptr<int>, error> e = made();
  REQUIRE(e.has_value());
  CHECK(**e == 7);
  const result<std::unique_ptr<int>> back = std::move(e);
  CHECK(*back.value() == 7);
  const std::expected<int, error> bad = limited();
  CHECK(bad.error().requested() == 5);
  CHECK(result<int>(bad).error() == errc::quota_exceeded);
  const std::expected<void, error> none = check_even(2), odd = check_even(1);
  CHECK(none.has_value());
  CHECK(odd.error() == errc::invalid_argument);
  CHECK(result<void>(none).has_value());
}
#endif

TEST_CASE("result: value() on a failure throws a system_error with its code", "[core][result]") {
  try {
    limited().value();
    FAIL("nothing was thrown");
  } catch (const std::system_error& e) {
    CHECK(e.code() == errc::quota_exceeded);
    CHECK(e.code() == std::errc::no_space_on_device);
    CHECK(std::string(e.what()) == limited().error().message());
  }
  try {
    half(1).value();
    FAIL("nothing was thrown");
  } catch (const failure& e) {
    CHECK(e.why() == errc::invalid_argument);
    const failure copy = e;
    CHECK(std::string(copy.what()) == "invalid argument");
  }
  CHECK_THROWS_AS(check_even(1).value(), std::system_error);
  CHECK_NOTHROW(check_even(2).value());
  const result<int> kept = half(1);
  CHECK_THROWS_AS(kept.value(), std::system_error);
}

TEST_CASE("result: what it holds can be written", "[core][result]") {
  const auto written = [](const auto& what) {
    std::ostringstream to;
    to << what;
    return to.str();
  };
  CHECK(written(errc::not_found) == "not found");
  CHECK(written(limited().error()) == "quota exceeded: requested 5 bytes, 3 available");
  CHECK(written(limited()) == written(limited().error()));
  CHECK(written(half(14)) == "7");
  CHECK(written(quarter(8)) == "2");
  CHECK(written(check_even(2)) == "success");
  CHECK(written(result<std::vector<int>>(std::vector<int>{1})) == "a value");
  // What a test framework shows of a comparison that fails.
  CHECK(Catch::Detail::stringify(limited()) == written(limited()));
  CHECK(Catch::Detail::stringify(errc::busy) == "busy: open or being opened");
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

TEST_CASE("result: it is taken apart into an error and a value", "[core][result]") {
  const auto size = [](bool good) -> result<std::string> {
    if (!good) return error(errc::too_large, 5, 3);
    return std::string("text");
  };
  {
    auto [ec, text] = size(true);
    CHECK(!ec);
    CHECK(!ec.code());
    CHECK(text == "text");
  }
  {
    const auto [ec, text] = size(false);
    CHECK(ec == errc::too_large);
    CHECK(static_cast<bool>(ec));
    CHECK(ec.requested() == 5);
    CHECK(text.empty());
  }
  {
    auto [ec] = result<void>(errc::busy);
    CHECK(ec == errc::busy);
    auto [none] = result<void>(success());
    CHECK(!none);
  }
  {
    auto [ec, owner] = result<std::unique_ptr<int>>(std::make_unique<int>(3));
    CHECK(!ec);
    CHECK(*owner == 3);
  }
  {
    const auto kept = size(true);
    const auto& [ec, text] = kept;
    CHECK(!ec);
    CHECK(text == "text");
    CHECK(kept.value() == "text");
  }
  {
    // A failure is one, whatever the code says.
    auto [ec, number] = result<int>(error(std::error_code()));
    CHECK(ec == errc::canceled);
    CHECK(number == 0);
  }
}

}  // namespace coramfs::tests
