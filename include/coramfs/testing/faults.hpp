// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/error.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/options.hpp>
#include <coramfs/sync/file_system.hpp>
#include <coramfs/testing/detail/body.hpp>
#include <coramfs/testing/fault_policy.hpp>
#include <coramfs/testing/outcome.hpp>
#include <coramfs/testing/schedule.hpp>
#include <coramfs/testing/simulation.hpp>
#include <coramfs/volume.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coramfs::testing {

/// Its name, as `reserve_bytes`; "unknown" for an enumerator outside of the type.
CORAMFS_EXPORT std::string_view to_string(fault_point p) noexcept;

// Policies for `volume_options::faults`. Each call makes a new one, which begins from its start.
//
//     options.faults = &coramfs::testing::fail_nth(coramfs::testing::fault_point::allocate, 3);
//
// What they return lives until 65,536 more have been made in the process, whoever made them, and to
// the end of the process if they are never made. So it may be kept by reference, costs no more than
// some megabytes in a program that makes one for each of a million seeds, and outlives every volume
// of a test. They are references, and not values that own themselves, since `volume_options` only
// points to a policy: in a value it would dangle at the end of that very line.
//
// Where a point can give several errors, they choose the first that `fault_point` names. All may
// throw `std::bad_alloc`. Their `at` may be called by several threads at once; the order in which
// threads come to points is then a part of what a seed repeats. None of them uses the volume.
/// Nothing fails. It is always the same one.
CORAMFS_EXPORT fault_policy& never() noexcept;
/// The `n`th time, from 1, that a volume comes to that point, it fails; no other does.
CORAMFS_EXPORT fault_policy& fail_nth(fault_point p, unsigned n);
/// It fails the `n`th time, from 1, and each time after it: what has run out stays so.
CORAMFS_EXPORT fault_policy& fail_from(fault_point p, unsigned n);
/// Every point that `gives` that error fails with it, where the path matches the pattern, which is
/// one as for `file_system::glob`. A pattern matches a path alone, not what is below it: that takes
/// `/a/**`. Where memory for the comparison is refused, nothing fails.
///
/// Throws `std::invalid_argument` for an error that no point of a volume gives, and for a pattern
/// that is too long for `glob`.
CORAMFS_EXPORT fault_policy& fail_at(std::string_view glob, errc e);
/// Each point fails with that probability, by the seed: from 0 to 1, and what is beyond is taken
/// for the nearest of these.
CORAMFS_EXPORT fault_policy& fail_rate(std::uint64_t seed, double probability);
/// By the seed, a third of the points never fails, a third of them rarely, one time in 64, and a
/// third one time in 4. So runs with several seeds meet combinations that one with all faults on
/// would hide behind the most frequent of them.
CORAMFS_EXPORT fault_policy& swarm(std::uint64_t seed);

/// How `each_failure` runs.
struct each_failure_options {
  /// So many runs at most, from 1.
  unsigned limit = 10'000;
  /// The schedule of each run's simulation, for a body of coroutines.
  schedule order = schedule::fifo();
  /// Called with a line of text about each run whose fault was swallowed, and about the fault of a
  /// run that failed. If it is empty, the line goes to `std::clog`.
  std::function<void(std::string_view)> tell = {};
};

/// Runs a body again and again, each time with a new volume, and lets one point of it fail: the
/// first one that it comes to, then the second, and so on, until a run ends before that point has
/// come. Returns how many runs it has made, the last one included, in which nothing failed.
///
/// The body is to do something and to say where it went wrong, as any code does: it throws the
/// error as `value()` does, or another `std::system_error`. A run has **reported** the fault if it
/// ends so, or if it has called `report_error`, by which a body says that it saw an error and made
/// do without what failed. A run that ends as if nothing had happened is told as "swallowed at
/// allocate "/x" (72 bytes)", which is for the reader to judge: code that ignores an error looks
/// like that, and so does one that has another way. An operation that waits for bytes does report
/// what it finds missing, by waiting for it.
///
/// After each run, the failed ones too, the books of the volume must be right: no handle is open,
/// nobody waits, and when everything in it has been removed, nothing is charged any more. So the
/// body keeps no file, no pin and no volume beyond its end. What it leaves in the volume is its own
/// to check, before it ends.
///
/// `options.faults` is not used. `volume::create` itself does not fail.
///
/// A body of coroutines runs on a simulation of its own in each run. It returns an awaitable, or it
/// begins what is to be done on the simulation or the executor of the file system, and returns: the
/// run ends when nothing is left to be done. Where a body returns a result, or an awaitable of one,
/// its error is thrown by `value()`. `order` chooses the steps. What is spawned with
/// `asio::detached` loses what it throws, so its fault counts as swallowed: `simulation::spawn`.
///
///     coramfs::testing::each_failure({}, [](coramfs::sync::file_system& fs) {
///       upload(fs, "/in/a.bin", content).value();
///     });
///
/// Throws `std::runtime_error` if the books are not right, and if the limit is reached;
/// `stuck_error` if coroutines can never end; and whatever else the body throws, such as a failed
/// assertion of a test framework, and a `std::system_error` in a run in which nothing failed.
/// @{
CORAMFS_EXPORT unsigned each_failure(volume_options options,
                                     std::function<void(sync::file_system&)> body,
                                     each_failure_options how = {});
unsigned each_failure(volume_options options, std::function<void(file_system&)> body,
                      each_failure_options how = {});
unsigned each_failure(volume_options options, std::function<void(simulation&, file_system&)> body,
                      each_failure_options how = {});
template <class Body>
requires coramfs::detail::returning_body<Body, sync::file_system&>
unsigned each_failure(volume_options options, Body body, each_failure_options how = {}) {
  return each_failure(std::move(options),
                      std::function<void(sync::file_system&)>([&](sync::file_system& fs) {
                        coramfs::detail::require_success(body(fs));
                      }),
                      std::move(how));
}
template <class Body>
requires coramfs::detail::returning_body<Body, file_system&>
unsigned each_failure(volume_options options, Body body, each_failure_options how = {});
template <class Body>
requires coramfs::detail::returning_body<Body, simulation&, file_system&>
unsigned each_failure(volume_options options, Body body, each_failure_options how = {});
/// @}

/// Says, within a body of `each_failure` and in any thread, that it has seen the error of the point
/// that failed. `of` is the volume that the body works on; for any other volume nothing happens.
CORAMFS_EXPORT void report_error(const volume& of) noexcept;

}  // namespace coramfs::testing

namespace coramfs::detail {

/// What a run calls when it has made its volume: from then on a point fails.
using begin_failing = std::function<void(const volume&)>;

/// Runs `run` as `each_failure` does, with the options for its volume.
CORAMFS_EXPORT unsigned run_each_failure(
    volume_options options, std::function<void(volume_options, const begin_failing&)> run,
    testing::each_failure_options how);

// Here, since a library that has the executors of Asio in it gives out a hundred symbols of theirs.
inline unsigned simulate_each_failure(volume_options options,
                                      std::function<void(testing::simulation&, file_system&)> begin,
                                      testing::each_failure_options how) {
  const testing::schedule order = how.order;
  const auto run = [&](volume_options chosen, const begin_failing& begins) {
    // What is suspended after a failure goes before the file system does that it uses.
    std::optional<file_system> fs;
    testing::simulation sim(order);
    const volume v = volume::create(sim.options(std::move(chosen))).value();
    fs.emplace(sim.get_executor(), v);
    begins(v);
    begin(sim, *fs);
    testing::outcome end = sim.run();
    if (!end.is_stuck) return;
    sim.clear();
    throw testing::stuck_error(std::move(end));
  };
  return run_each_failure(std::move(options), run, std::move(how));
}

}  // namespace coramfs::detail

namespace coramfs::testing {

inline unsigned each_failure(volume_options options, std::function<void(file_system&)> body,
                             each_failure_options how) {
  return coramfs::detail::simulate_each_failure(
      std::move(options), [&body](simulation&, file_system& fs) { body(fs); }, std::move(how));
}

inline unsigned each_failure(volume_options options,
                             std::function<void(simulation&, file_system&)> body,
                             each_failure_options how) {
  return coramfs::detail::simulate_each_failure(std::move(options), std::move(body),
                                                std::move(how));
}

template <class Body>
requires coramfs::detail::returning_body<Body, file_system&>
unsigned each_failure(volume_options options, Body body, each_failure_options how) {
  return coramfs::detail::simulate_each_failure(
      std::move(options),
      [&](simulation& on, file_system& fs) { coramfs::detail::run_to_end(on, body(fs)); },
      std::move(how));
}

template <class Body>
requires coramfs::detail::returning_body<Body, simulation&, file_system&>
unsigned each_failure(volume_options options, Body body, each_failure_options how) {
  return coramfs::detail::simulate_each_failure(
      std::move(options),
      [&](simulation& on, file_system& fs) { coramfs::detail::run_to_end(on, body(on, fs)); },
      std::move(how));
}

}  // namespace coramfs::testing
