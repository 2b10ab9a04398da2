// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/clock.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/reclaim.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace coramfs {

namespace detail {
class fault_policy;
}

/// How a new file keeps its bytes.
enum class storage_layout {
  automatic,      ///< a chain, which becomes a table when a write leaves a gap
  sequential,     ///< a chain of chunks: takes appends and overwrites, but no gaps
  random_access,  ///< a table of blocks: takes any offset, and holes take no block
};

/// What the quota counts.
enum class accounting {
  memory,   ///< what is taken from the machine: blocks with their slack, tables, nodes, names
  payload,  ///< the bytes of files alone, as `file_size` shows them: exact figures for tests
};

/// When the memory guard compares with the machine's free memory. `none`: never. `init`: once, when
/// the volume is made, for the whole quota. `per_write`: then, and for each operation that makes
/// content grow, for what it adds.
enum class guard_mode { none, init, per_write };

/// What the memory guard does when there is too little. `warn`: it calls `on_warning` once, and the
/// operation goes on. `reject`: the operation fails with `errc::memory_guard`.
enum class guard_action { warn, reject };

/// A second limit beside the quota: the memory that the machine can still give.
///
/// The callbacks may be called from any thread that uses the volume, from several at once, with no
/// lock held but those of files that the operation has open. They may use the volume; for what
/// they do there the guard is not asked.
struct memory_guard_options {
  guard_mode mode = guard_mode::none;        ///< when it looks
  guard_action action = guard_action::warn;  ///< what it does where memory is short
  /// For how long one reading serves. With zero or less every check takes a fresh one.
  std::chrono::steady_clock::duration interval = std::chrono::seconds(1);
  /// Called with one line of text by `guard_action::warn`. What it throws is swallowed. If empty,
  /// the line goes to `std::clog`.
  std::function<void(std::string_view)> on_warning = {};
  /// Returns the bytes that the machine can still give, or nothing if that is unknown, as it is if
  /// the function throws; then nothing is refused. If empty, the system is asked.
  std::function<std::optional<std::uint64_t>()> available_memory = {};
};

/// How long an operation waits for a file's lock, or for space.
///
/// It is made from any `std::chrono::duration`. Zero or less is `immediate()`, and one that is too
/// long for a deadline to be computed is `forever()`.
class lock_timeout {
 public:
  /// Those of the clock by which it waits.
  /// @{
  using duration = std::chrono::steady_clock::duration;
  using time_point = std::chrono::steady_clock::time_point;
  /// @}

  /// Waits for as long as it takes.
  static constexpr lock_timeout forever() noexcept { return {exactly{}, duration::max()}; }
  /// Does not wait: what is not free at once is refused.
  static constexpr lock_timeout immediate() noexcept { return {exactly{}, duration::zero()}; }

  /// Waits for `d` at most.
  template <class Rep, class Period>
  constexpr lock_timeout(std::chrono::duration<Rep, Period> d) : length_(clamp(d)) {}

  /// Whether it is `forever()`.
  constexpr bool is_forever() const noexcept { return length_ == duration::max(); }
  /// Whether it is `immediate()`.
  constexpr bool is_immediate() const noexcept { return length_ == duration::zero(); }

  /// When a wait that begins at `now` ends, or nothing if it never does.
  CORAMFS_EXPORT std::optional<time_point> deadline(time_point now) const noexcept;

 private:
  struct exactly {};
  constexpr lock_timeout(exactly, duration d) noexcept : length_(d) {}

  // Rounds up, so that a wait never ends early.
  template <class Rep, class Period>
  static constexpr duration clamp(std::chrono::duration<Rep, Period> d) {
    // Wider than any count of nanoseconds, so that nothing overflows before it is compared.
    using wide = std::chrono::duration<long double, duration::period>;
    if (!(d > d.zero())) return duration::zero();
    const long double count = wide(d).count();
    if (count >= static_cast<long double>(duration::max().count())) return duration::max();
    const auto whole = static_cast<duration::rep>(count);
    return duration(static_cast<long double>(whole) < count ? whole + 1 : whole);
  }

  duration length_;
};

/// The settings of a volume. But for the quota they are fixed when it is made.
struct volume_options {
  /// Bytes: a hard limit of what `accounting` counts. Nothing is allocated in proportion to it.
  /// `volume::set_quota` changes it later.
  std::uint64_t max_quota = 256 * 1024 * 1024;
  /// Files and directories, with the root, so at least 1. If empty, there is no such limit.
  std::optional<std::uint64_t> max_nodes = {};
  /// How every new file keeps its bytes.
  storage_layout default_storage = storage_layout::automatic;
  /// Bytes: a larger file of `storage_layout::automatic` never becomes a table.
  std::uint64_t promotion_hard_limit = 512 * 1024 * 1024;
  /// What `max_quota` counts.
  coramfs::accounting accounting = coramfs::accounting::memory;
  /// Bytes: how much memory that was freed is kept for reuse. It is never more than the quota has
  /// left, and nothing with `guard_mode::per_write`, whose readings are to show what is taken.
  ///
  /// Pages go back to the system in turns of 4 MiB: a coroutine's operation that gives up more
  /// ends when all of it has gone; a `close`, an asynchronous `open` and the last copy of a pin
  /// leave the rest to the calls that take memory next.
  std::uint64_t max_recycled = 512 * 1024 * 1024;
  /// For operations that name no timeout of their own, for each wait anew.
  lock_timeout default_lock_timeout = std::chrono::seconds(30);
  /// Whether, and how, the machine's free memory is a limit, too.
  memory_guard_options memory_guard = {};
  /// What the times of nodes, `open_handle::since` and the guard's interval go by, exactly. If
  /// null, it is the system's clocks; times that are shown are those of their last tick then.
  ///
  /// It does not end a wait: coroutines wait by the time of their context, and threads by
  /// `std::chrono::steady_clock`.
  std::shared_ptr<const coramfs::clock> clock = {};
  /// What is asked to remove files where the volume is full, before a request is refused or made to
  /// wait: a function, a coroutine on an executor (`coramfs/reclaim_on.hpp`), or
  /// `least_recently_used` (`coramfs/least_recently_used.hpp`). It is asked for `open`,
  /// `open_unnamed`, `write_file`, and all that makes an open file larger but the plain
  /// `file::write_some`, `file::write_some_at` and room for streams of text. Empty: nobody is.
  reclaim_callback reclaim = {};
  /// For tests: the `testing::fault_policy` that decides where operations fail though they need not
  /// (`coramfs/testing/fault_policy.hpp`). It must outlive the volume, its files and its
  /// operations. Null, as it is but for tests: nothing fails without need.
  detail::fault_policy* faults = nullptr;
};

/// The settings of a fork, each of which is the origin's where it is not set: the quota that the
/// origin has now, and what it was made with. From the options of a volume all are set.
struct fork_options {
  CORAMFS_EXPORT fork_options() noexcept;
  /// All settings of a volume.
  CORAMFS_EXPORT fork_options(volume_options all);

  /// As the member of `volume_options` that has the same name.
  /// @{
  std::optional<std::uint64_t> max_quota = {};
  std::optional<std::optional<std::uint64_t>> max_nodes = {};
  std::optional<storage_layout> default_storage = {};
  std::optional<std::uint64_t> promotion_hard_limit = {};
  std::optional<coramfs::accounting> accounting = {};
  std::optional<std::uint64_t> max_recycled = {};
  std::optional<lock_timeout> default_lock_timeout = {};
  std::optional<memory_guard_options> memory_guard = {};
  std::optional<std::shared_ptr<const coramfs::clock>> clock = {};
  std::optional<reclaim_callback> reclaim = {};
  std::optional<detail::fault_policy*> faults = {};
  /// @}
};

}  // namespace coramfs
