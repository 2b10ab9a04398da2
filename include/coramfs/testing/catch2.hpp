// SPDX-License-Identifier: BSL-1.0
#pragma once

// For tests with Catch2 2.13 or 3: a fixture for `TEST_CASE_METHOD`, a matcher for trees, and a
// listener, by which all fixtures of the program know the test that runs.
//
// Catch2 3 has the listener wherever this is included. Catch2 2 can have it only in one file: the
// one that defines CATCH_CONFIG_MAIN or CATCH_CONFIG_RUNNER, if it includes this behind that, or,
// where main comes from elsewhere, any file that defines CORAMFS_CATCH2_LISTENER before it includes
// this.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#define CORAMFS_CATCH2_GENERATION 3
#define CORAMFS_CATCH2_HAS_LISTENERS
#else
#define CORAMFS_CATCH2_GENERATION 2
#if defined(CORAMFS_CATCH2_LISTENER) && !defined(CATCH_CONFIG_EXTERNAL_INTERFACES)
#if defined(TWOBLUECUBES_SINGLE_INCLUDE_CATCH_HPP_INCLUDED) && !defined(CATCH_CONFIG_MAIN) && \
    !defined(CATCH_CONFIG_RUNNER)
#error \
    "include <coramfs/testing/catch2.hpp> before <catch2/catch.hpp> in the file that defines CORAMFS_CATCH2_LISTENER"
#endif
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#endif
#include <catch2/catch.hpp>
#if defined(CATCH_CONFIG_EXTERNAL_INTERFACES)
#define CORAMFS_CATCH2_HAS_LISTENERS
#endif
#endif

#include <coramfs/asio.hpp>
#include <coramfs/testing/detail/failure_count.hpp>
#include <coramfs/testing/detail/framework.hpp>
#include <coramfs/testing/fixture.hpp>
#include <coramfs/testing/tree.hpp>

#include <atomic>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::testing::detail {

/// Catch2, as a fixture sees it: what the listener has heard.
class catch2_framework final : public framework {
 public:
  /// `case.section.section`. The sections are those that were entered last, which may have ended.
  std::string test_name() const override {
    std::string name = of_case;
    for (const std::string& section : sections) name += '.' + section;
    return name;
  }
  /// As `FAIL_CHECK`.
  void fail(const std::string& why) noexcept override {
    try {
#if defined(CATCH_CONFIG_PREFIX_ALL)
      CATCH_FAIL_CHECK(why);
#else
      FAIL_CHECK(why);
#endif
    } catch (const Catch::TestFailureException&) {
      // With `--abort` Catch2 leaves the test by this; it has noted the failure, and ends anyway.
    }
  }

  bool was_skipped() const noexcept override { return is_left; }

  static unsigned long count() { return the().failures.load(); }
  /// The one of the program. It is never destroyed: a fixture may be static.
  static catch2_framework& the() {
    static auto& one = *new catch2_framework;
    return one;
  }

  std::atomic<unsigned long> failures{0};
  std::string of_case;
  std::vector<std::string> sections;
  std::size_t depth = 0;           ///< of sections, the case itself included
  bool is_left = false;            ///< by SKIP
  const void* heard_by = nullptr;  ///< the one listener that tells it; null: no run is under way
  framework* used_before = nullptr;
};

#if defined(CORAMFS_CATCH2_HAS_LISTENERS)

#if CORAMFS_CATCH2_GENERATION < 3
using catch2_listener_base = Catch::TestEventListenerBase;
using catch2_assertion_answer = bool;
#else
using catch2_listener_base = Catch::EventListenerBase;
using catch2_assertion_answer = void;
#endif

/// Tells the framework what runs. There is one for each file that has registered it, and the first
/// is listened to.
class catch2_listener final : public catch2_listener_base {
 public:
  using catch2_listener_base::catch2_listener_base;

  void testRunStarting(const Catch::TestRunInfo& run) override {
    catch2_listener_base::testRunStarting(run);
    if (to().heard_by != nullptr) return;
    to().heard_by = this;
    to().used_before = use_framework(&to());
    count_failures_by(&catch2_framework::count);
  }
  // A session may run again, with other listeners. Who fails after a run, as a static fixture can,
  // is not told by Catch2 any more, but what was counted still is.
  void testRunEnded(const Catch::TestRunStats& stats) override {
    if (to().heard_by == this) {
      to().heard_by = nullptr;
      use_framework(std::exchange(to().used_before, nullptr));
    }
    catch2_listener_base::testRunEnded(stats);
  }
  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    catch2_listener_base::testCaseStarting(info);
    if (to().heard_by != this) return;
    to().of_case = info.name;
    to().depth = 0;
  }
  void sectionStarting(const Catch::SectionInfo& info) override {
    catch2_listener_base::sectionStarting(info);
    if (to().heard_by != this) return;
    // Catch2 runs a case once for each leaf, and begins with a section that is the case.
    if (to().depth == 0) to().is_left = false;
    to().sections.resize(to().depth == 0 ? 0 : to().depth - 1);
    if (to().depth++ > 0) to().sections.emplace_back(info.name.data(), info.name.size());
  }
  void sectionEnded(const Catch::SectionStats& stats) override {
    catch2_listener_base::sectionEnded(stats);
    if (to().heard_by == this) --to().depth;
  }
  catch2_assertion_answer assertionEnded(const Catch::AssertionStats& stats) override {
    if (to().heard_by == this) {
      if (!stats.assertionResult.isOk()) ++to().failures;
#if CORAMFS_CATCH2_GENERATION >= 3 && CATCH_VERSION_MINOR >= 3
      if (stats.assertionResult.getResultType() == Catch::ResultWas::ExplicitSkip)
        to().is_left = true;
#endif
    }
    return catch2_listener_base::assertionEnded(stats);
  }

 private:
  static catch2_framework& to() { return catch2_framework::the(); }
};

CATCH_REGISTER_LISTENER(catch2_listener)

#endif

}  // namespace coramfs::testing::detail

namespace coramfs::testing::detail {

#if CORAMFS_CATCH2_GENERATION < 3
using catch2_matcher_base = Catch::MatcherBase<volume>;
#else
using catch2_matcher_base = Catch::Matchers::MatcherBase<volume>;
#endif

}  // namespace coramfs::testing::detail

namespace coramfs::testing {

/// A test of `TEST_CASE_METHOD` with a volume: it has the members of `fixture`. Catch2 makes one
/// for each leaf of the sections, so each has a volume of its own.
///
///     TEST_CASE_METHOD(coramfs::testing::catch2_fixture, "upload: it leaves one file") {
///       fs().write_file("/a", "x").value();
///       CHECK_THAT(vol(), coramfs::testing::has_tree({{"/a", "x"}}));
///     }
class catch2_fixture {
 protected:
  /// With other options, called by the constructor of a derived class. Throws `std::logic_error` if
  /// there is no listener, which Catch2 2 has in one file alone.
  explicit catch2_fixture(volume_options how = small(), fixture_options options = {})
      : fixture_((require_listener(), std::move(how)), std::move(options)) {}

  /// As `fixture` has them.
  /// @{
  volume& vol() noexcept { return fixture_.vol(); }
  sync::file_system& fs() noexcept { return fixture_.fs(); }
  file_system fs(asio::any_io_executor on) { return fixture_.fs(std::move(on)); }
  void failed() noexcept { fixture_.failed(); }
  void name(std::string suite_and_test) { fixture_.name(std::move(suite_and_test)); }
  /// @}

 private:
  static void require_listener() {
    if (detail::catch2_framework::the().heard_by == nullptr)
      throw std::logic_error(
          "catch2_fixture: no listener tells it what fails; include "
          "<coramfs/testing/catch2.hpp> in the file that defines CATCH_CONFIG_MAIN, or "
          "define CORAMFS_CATCH2_LISTENER before that in one file");
  }

  fixture fixture_;
};

/// What `has_tree` makes.
class tree_matcher final : public detail::catch2_matcher_base {
 public:
  /// Matches a volume that has exactly this tree.
  explicit tree_matcher(tree_of expected) : expected_(std::move(expected)) {}

  /// What Catch2 calls.
  /// @{
  bool match(const volume& v) const override {
    difference_ = difference(v, expected_);
    return difference_.empty();
  }
  std::string describe() const override {
    if (difference_.empty()) return "has the tree";
    return "has the tree, but for\n" + difference_;
  }
  /// @}

 private:
  tree_of expected_;
  mutable std::string difference_;
};

/// A matcher for a volume that has exactly a tree; it shows the `difference`.
/// @{
inline tree_matcher has_tree(tree_of expected) { return tree_matcher(std::move(expected)); }
inline tree_matcher has_tree(std::initializer_list<std::pair<std::string, std::string>> expected) {
  return tree_matcher(files(expected));
}
/// @}

}  // namespace coramfs::testing

namespace Catch {

/// What Catch2 shows for a volume.
template <>
struct StringMaker<coramfs::volume> {
  static std::string convert(const coramfs::volume& v) {
    const coramfs::volume_stats now = v.stats();
    return "volume (files: " + std::to_string(now.file_count) +
           ", bytes: " + std::to_string(now.used_bytes) + ")";
  }
};

}  // namespace Catch
