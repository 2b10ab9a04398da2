// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/options.hpp>
#include <coramfs/sync/file_system.hpp>
#include <coramfs/testing/tree.hpp>
#include <coramfs/volume.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace coramfs::detail {
class fixture_state;
}  // namespace coramfs::detail

namespace coramfs::testing {

/// Options for the volume of a test: 16 MiB, `accounting::payload`, waits of a second at most, and
/// the layout that the environment variable `CORAMFS_TEST_LAYOUT` names: `automatic`, `sequential`
/// or `random_access`. So a suite runs in all layouts without a change. Throws
/// `std::invalid_argument` if it names anything else; unset or empty, it is `automatic`.
CORAMFS_EXPORT volume_options small();

/// How a fixture begins and ends.
struct fixture_options {
  /// What the volume has at first.
  tree_of tree = {};
  /// The name of the folder for the tree of a failed test, `suite.test`. If empty, it is that of
  /// the test that the framework runs, or without one that of the program.
  std::string name = {};
  /// Bytes: how much of the files is written to disk.
  std::uint64_t max_export = 64 * 1024 * 1024;
};

/// A volume for a test, which is looked at when the test ends.
///
/// If the test has passed, nothing may be left of it: no open handle, no operation that waits, no
/// pin, and no charge but that of the tree. Else the test fails, and is told what is left, with the
/// labels of the handles. So what uses the volume is declared after the fixture, and ends first.
///
/// If the test has failed, in this way or in any other, the tree is written to the folder
/// `suite.test` in the one that the environment variable `CORAMFS_TEST_OUTPUT` names, or in
/// `coramfs-failed`: first `manifest.txt` with all paths, sizes, generations, times, holders and
/// holes, `stats.txt` with the figures of the volume, in a simulation `seed.txt` with its schedule,
/// and then the files, the largest last, up to `max_export` bytes; the manifest says what was cut.
/// What somebody has open for writing is not written. Names that some system can not have are
/// percent-encoded, and the manifest has both. The folder is emptied before, if a fixture of
/// another process has made it; one that this process has written stays, and the next of that name
/// has a number behind it, from `suite.test.2` on. Links below the output folder are not followed.
/// What goes wrong with that is said on standard error, as is where the tree is, and leaves the
/// test's own failure as it is. Where that can not be done, as without POSIX, it is said there,
/// too.
///
/// It has failed if the framework has seen a failure since the fixture was made, if an exception
/// destroys the fixture, or if `failed()` was called. The exception by which Catch2 skips a test is
/// no failure, and what such a test leaves none either. A framework is known to it by an adapter:
/// <coramfs/testing/catch2.hpp> or <coramfs/testing/gtest.hpp>. Without one, and where a fixture
/// ends outside the runs of Catch2, as a static one can, a failure is written to standard error,
/// and the process exits with the status 1, when it does, unless a run of Catch2 has told of it.
/// The fixture of a process that was forked off does nothing at its end in the child.
///
/// In the body of `explore` and without a framework, a failure is one of that run, and nothing for
/// the status: what `explore` throws or returns tells of it. While `explore` makes a failure
/// smaller, fixtures write no trees.
///
/// In a simulation, which is that of the step that the thread runs, or else the youngest that it
/// has made, the volume gets the simulation's clock, if the options have none. So the fixture is
/// declared after the simulation.
///
/// Charges are compared with `accounting::payload`, which `small()` has: what a tree is charged for
/// by its memory depends on how it came about.
///
/// Thread safety: none. It belongs to the thread that has made it; its volume may be used by many.
///
/// Lifetime: the volume outlives it while others have it, as any volume does.
///
///     coramfs::testing::fixture t;
///     t.fs().write_file("/in/a", "x").value();
///     if (!coramfs::testing::difference(t.vol(), coramfs::testing::files({{"/in/a",
///     "x"}})).empty())
///       t.failed();
class CORAMFS_EXPORT fixture {
 public:
  /// Makes the volume, and in it the tree. Throws `std::runtime_error` if the volume refuses the
  /// options or the tree, and `std::bad_alloc`.
  explicit fixture(volume_options how = small(), fixture_options options = {});
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  /// Looks at what is left, as it is said above. It never throws.
  ~fixture();

  /// The volume.
  volume& vol() noexcept;
  /// A file system over it for coroutines on an executor.
  file_system fs(asio::any_io_executor on) { return {std::move(on), vol()}; }
  /// The one for threads.
  sync::file_system& fs() noexcept;

  /// Says that the test has failed, for who is not seen by a framework.
  void failed() noexcept;
  /// Gives the folder of a failed test another name.
  void name(std::string suite_and_test);

 private:
  std::unique_ptr<coramfs::detail::fixture_state> state_;
};

}  // namespace coramfs::testing
