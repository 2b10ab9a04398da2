// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/testing/detail/failure_count.hpp>
#include <coramfs/testing/detail/framework.hpp>
#include <coramfs/testing/detail/quiet_failures.hpp>
#include <coramfs/testing/fixture.hpp>
#include <coramfs/testing/tree.hpp>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

// For tests with GoogleTest 1.11 or newer: a fixture for `TEST_F`, and the comparison of a volume
// with a tree. Whatever includes this has all fixtures of the program know the test that runs, and
// those that SetUpTestSuite makes what has failed in all tests of the suite.

namespace coramfs::testing::detail {

/// GoogleTest, as a fixture sees it.
class gtest_framework final : public framework {
 public:
  /// `suite.test` of the test that runs, or `suite` between the tests of one.
  std::string test_name() const override {
    const ::testing::UnitTest& all = *::testing::UnitTest::GetInstance();
    if (const auto* const test = all.current_test_info())
      return std::string(test->test_suite_name()) + '.' + test->name();
    const auto* const suite = all.current_test_suite();
    return suite != nullptr ? suite->name() : "";
  }
  /// As `ADD_FAILURE`.
  void fail(const std::string& why) noexcept override {
    try {
      ADD_FAILURE() << why;
    } catch (const std::runtime_error&) {
      // With --gtest_throw_on_failure it throws this when it has noted the failure.
    }
  }
  /// Not in the child of a death test, which is to die, and not of a failure that is known already.
  bool may_export() const noexcept override {
#if GTEST_HAS_DEATH_TEST
    if (::testing::internal::InDeathTestChild()) return false;
#endif
    return kept == nullptr;
  }

  /// How often something has failed so far, in all tests and between them, with what was quiet.
  static unsigned long count() {
    return heard + kept_before + (kept != nullptr ? kept->count() : 0);
  }
  /// Has GoogleTest tell of what fails from now on.
  static void listen() { ::testing::UnitTest::GetInstance()->listeners().Append(new listener); }
  /// While it is quiet, what fails is kept from GoogleTest, and only counted.
  static void be_quiet(bool quiet) {
    if (kept != nullptr) kept_before += kept->count();
    kept.reset();
    if (quiet) kept = std::make_unique<kept_failures>();
  }

 private:
  /// Belongs to GoogleTest.
  class listener final : public ::testing::EmptyTestEventListener {
   public:
    void OnTestPartResult(const ::testing::TestPartResult& result) override {
      if (result.failed()) ++heard;
    }
  };

  class kept_failures {
   public:
    unsigned long count() const {
      unsigned long failed = 0;
      for (int i = 0; i < results_.size(); ++i)
        if (results_.GetTestPartResult(i).failed()) ++failed;
      return failed;
    }

   private:
    ::testing::TestPartResultArray results_;
    ::testing::ScopedFakeTestPartResultReporter reporter_{
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &results_};
  };
  static inline std::atomic<unsigned long> heard{0};
  static inline std::unique_ptr<kept_failures> kept;
  static inline unsigned long kept_before = 0;
};

/// Before the tests run.
inline const bool gtest_is_used = [] {
  // Never destroyed: a fixture may be static.
  use_framework(new gtest_framework);
  gtest_framework::listen();
  count_failures_by(&gtest_framework::count);
  quiet_failures_by(&gtest_framework::be_quiet);
  return true;
}();

/// For `EXPECT_TREE`.
inline ::testing::AssertionResult compare_tree(const char* of_volume, const char* of_tree,
                                               const volume& v, const tree_of& expected) {
  const std::string how = difference(v, expected);
  if (how.empty()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << of_volume << " is not " << of_tree << ":\n" << how;
}

}  // namespace coramfs::testing::detail

namespace coramfs::testing {

/// A test of `TEST_F` with a volume: it has the members of `fixture`, and each test has a volume of
/// its own.
///
///     using upload = coramfs::testing::gtest_fixture;
///     TEST_F(upload, leaves_one_file) {
///       fs().write_file("/a", "x").value();
///       EXPECT_TREE(vol(), coramfs::testing::files({{"/a", "x"}}));
///     }
class gtest_fixture : public ::testing::Test {
 protected:
  /// With other options, called by the constructor of a derived class.
  explicit gtest_fixture(volume_options how = small(), fixture_options options = {})
      : fixture_(std::move(how), std::move(options)) {}

  /// As `fixture` has them.
  /// @{
  volume& vol() noexcept { return fixture_.vol(); }
  sync::file_system& fs() noexcept { return fixture_.fs(); }
  file_system fs(asio::any_io_executor on) { return fixture_.fs(std::move(on)); }
  void failed() noexcept { fixture_.failed(); }
  void name(std::string suite_and_test) { fixture_.name(std::move(suite_and_test)); }
  /// @}

 private:
  fixture fixture_;
};

}  // namespace coramfs::testing

/// Compares a volume with a `tree_of`, and shows the `difference`.
/// @{
#define EXPECT_TREE(volume, expected) \
  EXPECT_PRED_FORMAT2(::coramfs::testing::detail::compare_tree, volume, expected)
#define ASSERT_TREE(volume, expected) \
  ASSERT_PRED_FORMAT2(::coramfs::testing::detail::compare_tree, volume, expected)
/// @}
