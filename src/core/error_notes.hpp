// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/error.hpp>

#include "core/error_note.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace coramfs::detail {

/// What is noted of one error.
struct error_note {
  static constexpr std::size_t max_path = 352;  ///< bytes, of the end of a longer one

  void set_path(std::string_view text) noexcept;
  void set_lock(const lock_state& l) noexcept;
  /// Whether nothing can be added to it, but for a lock.
  bool is_complete(bool with_lock) const noexcept {
    return by != call::unknown && path_size != 0 && (knows_lock || !with_lock);
  }
  std::size_t named_holders() const noexcept {
    return std::min<std::size_t>(holder_count, holders.size());
  }
  /// How many of its bytes have to be kept.
  std::size_t size() const noexcept {
    return knows_lock ? sizeof *this : offsetof(error_note, path) + path_size;
  }

  call by = call::unknown;
  bool is_path_cut = false;
  bool knows_lock = false;
  std::uint16_t path_size = 0;
  std::uint32_t holder_count = 0;
  std::uint32_t waiting = 0;
  int code = 0;                                ///< of the error
  std::chrono::steady_clock::duration made{};  ///< the time of the clock, if it knows a lock
  std::array<char, max_path> path;
  std::array<lock_holder, lock_state::most_holders> holders;
};
static_assert(std::is_trivially_copyable_v<error_note>);

/// The last notes of one thread, each with its number. A number is given once, so nobody finds
/// another note than his own: what is overwritten is not found any more.
///
/// Thread safety: one thread at a time adds; `find` may be called at any time.
class alignas(64) note_lane {
 public:
  /// Returns the number of the note, which is not 0. The note takes the place of the one with the
  /// number `before`, if that is the last one of this lane, but not its number: somebody may read
  /// that one now.
  std::uint64_t add(const error_note& n, unsigned lane, std::uint64_t before) noexcept {
    const bool may_replace = (last_ + 1) % versions != 0;
    const bool replaces = before != 0 && before == last_ * lanes + lane && may_replace;
    last_ = replaces ? last_ + 1 : (last_ / versions + 1) * versions;
    const std::uint64_t number = last_ * lanes + lane;
    slots_[slot_of(number)].write(number, n);
    return number;
  }
  /// Returns whether the note is still there. If not, `to` is as it was.
  bool find(std::uint64_t number, error_note& to) const noexcept {
    return slots_[slot_of(number)].read(number, to);
  }
  /// The lane of the note with that number.
  static unsigned lane_of(std::uint64_t number) noexcept {
    return static_cast<unsigned>(number % lanes);
  }

 private:
  static constexpr std::size_t notes = 32;
  static constexpr std::uint64_t lanes = 128;  // more than there are
  // As often, less one, a note may take the place of the one before it. Each has a number.
  static constexpr std::uint64_t versions = 8;
  static std::size_t slot_of(std::uint64_t number) noexcept {
    return number / lanes / versions % notes;
  }

  /// A note in words, so that it can be read while it is overwritten. Each is stored with release
  /// and loaded with acquire: whoever has seen a word of a later note sees that the number is
  /// another one.
  class slot {
   public:
    void write(std::uint64_t number, const error_note& n) noexcept {
      std::array<std::uint64_t, words> copy;
      const std::size_t count = (n.size() + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t);
      std::memcpy(copy.data(), &n, n.size());
      number_.store(0, std::memory_order_relaxed);
      for (std::size_t i = 0; i < count; ++i) words_[i].store(copy[i], std::memory_order_release);
      number_.store(number, std::memory_order_release);
    }
    bool read(std::uint64_t number, error_note& to) const noexcept {
      if (number_.load(std::memory_order_acquire) != number) return false;
      std::array<std::uint64_t, words> copy;
      for (std::size_t i = 0; i < words; ++i) copy[i] = words_[i].load(std::memory_order_acquire);
      if (number_.load(std::memory_order_relaxed) != number) return false;
      std::memcpy(static_cast<void*>(&to), copy.data(), sizeof to);
      return true;
    }

   private:
    static constexpr std::size_t words = sizeof(error_note) / sizeof(std::uint64_t);
    static_assert(sizeof(error_note) % sizeof(std::uint64_t) == 0);

    std::atomic<std::uint64_t> number_{0};
    std::array<std::atomic<std::uint64_t>, words> words_{};
  };

  std::array<slot, notes> slots_{};
  std::uint64_t last_ = 0;
};

/// All notes of the process. They are in static memory, 16 KiB for each lane, so that a failure
/// allocates nothing, and a note may be read when its volume has gone.
class error_notes {
 public:
  static error note(call by, std::string_view path, const error& e, const lock_state* l) noexcept;
  static error rename(call by, const error& e) noexcept;
  /// Returns whether there is a note of the error. If not, `to` is as it was.
  static bool find(const error& e, error_note& to) noexcept;

 private:
  static std::uint64_t add(const error_note& n, std::uint64_t before) noexcept;
};

}  // namespace coramfs::detail
