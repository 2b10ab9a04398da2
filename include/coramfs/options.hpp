// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace coramfs {

/// How a new file keeps its bytes.
enum class storage_layout {
  automatic,      ///< a chain, which becomes a table when a write leaves a gap
  sequential,     ///< a chain of chunks: appends and overwrites, no gaps
  random_access,  ///< a table of fixed-size blocks: any offset, holes cost nothing
};

/// What the quota counts.
enum class accounting {
  memory,   ///< what is taken from the machine: blocks with their slack, tables, nodes, names
  payload,  ///< the bytes of files alone, as `file_size` shows them: exact figures for tests
};

/// When the memory guard looks at the machine's free memory.
enum class guard_mode { none, init, per_write };

/// What the memory guard does when there is too little.
enum class guard_action { warn, reject };

/// A second limit beside the quota: the memory that the machine can still give.
struct memory_guard_options {
  guard_mode mode = guard_mode::none;
  guard_action action = guard_action::warn;
  /// For how long one reading serves. Zero or less: a fresh reading for every check.
  std::chrono::steady_clock::duration interval = std::chrono::seconds(1);
  /// Called with one line of text by `guard_action::warn`. Default: a line on `std::clog`.
  std::function<void(std::string_view)> on_warning = {};
  /// Bytes that the machine can still give; nothing if that is unknown. Default: ask the system.
  std::function<std::optional<std::uint64_t>()> available_memory = {};
};

/// How long an operation waits for a file's lock, or for space.
///
/// Made from any `std::chrono::duration`; zero or less is `immediate()`, and one too long
/// for a deadline to be computed is `forever()`.
class lock_timeout {
 public:
  using duration = std::chrono::steady_clock::duration;
  using time_point = std::chrono::steady_clock::time_point;

  static constexpr lock_timeout forever() noexcept { return {exactly{}, duration::max()}; }
  static constexpr lock_timeout immediate() noexcept { return {exactly{}, duration::zero()}; }

  template <class Rep, class Period>
  constexpr lock_timeout(std::chrono::duration<Rep, Period> d) : length_(clamp(d)) {}

  constexpr bool is_forever() const noexcept { return length_ == duration::max(); }
  constexpr bool is_immediate() const noexcept { return length_ == duration::zero(); }

  /// When a wait that begins at `now` ends; nothing for one that never does.
  constexpr std::optional<time_point> deadline(time_point now) const noexcept {
    if (is_forever() || now.time_since_epoch() > duration::max() - length_) return std::nullopt;
    return now + length_;
  }

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

/// The settings of a volume, fixed when it is made.
struct volume_options {
  // What the volume does.
  std::uint64_t max_quota = 256 * 1024 * 1024;  ///< bytes; a hard limit
  std::optional<std::uint64_t> max_nodes = {};  ///< files + directories, at least 1 for the root
  storage_layout default_storage = storage_layout::automatic;
  /// Bytes: a larger file of `storage_layout::automatic` never becomes a table.
  std::uint64_t promotion_hard_limit = 512 * 1024 * 1024;
  coramfs::accounting accounting = coramfs::accounting::memory;
  /// Bytes: as much of the pages that are freed is kept for what is to come, but never more than
  /// the quota has left, and none with `guard_mode::per_write`, which is to see what is taken.
  /// Pages go back to the system in turns of 4 MiB: a coroutine's operation that gives up more
  /// ends when all of it has gone; a `close`, an asynchronous `open` and the last copy of a pin
  /// leave the rest to the calls that take memory next.
  std::uint64_t max_recycled = 512 * 1024 * 1024;
  /// For operations that name no timeout of their own.
  lock_timeout default_lock_timeout = std::chrono::seconds(30);
  memory_guard_options memory_guard = {};
};

}  // namespace coramfs
