// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/open_options.hpp>

#include "core/clock.hpp"
#include "core/label_text.hpp"
#include "core/thread_lane.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace coramfs::detail {

class file_node;

/// What a record tells of a handle.
struct handle_entry {
  file_node* file;
  open_mode mode;
  std::chrono::steady_clock::duration since;  ///< the time of the clock
  label_text label;
};

/// The entry of one handle. It takes one cache line, which the opener writes.
///
/// Thread safety: `read` may be called at any time; the rest is for the `handle_table`.
class alignas(64) handle_record {
 public:
  /// Returns whether a handle is open, and what is known of it. Its file stays where it is if the
  /// tree's lock was held before the call, for as long as that is.
  bool read(handle_entry& to) const noexcept;

 private:
  friend class handle_table;

  // The state, from its lowest bit on: whether a handle has the record, the lane that it belongs
  // to, whether the handle has a label, its mode, and how often the record was taken.
  static constexpr std::uint64_t in_use = 1, one_lane = in_use << 1, lanes = 128,
                                 has_label = one_lane * lanes, one_mode = has_label << 1, modes = 8,
                                 one_turn = one_mode * modes;

  void take(file_node& f, open_mode mode, const char* label,
            std::chrono::steady_clock::time_point since) noexcept {
    file_.store(&f, std::memory_order_release);
    since_.store(since.time_since_epoch().count(), std::memory_order_release);
    if (label != nullptr) set_label(label);
    const std::uint64_t before = state_.load(std::memory_order_relaxed);
    constexpr std::uint64_t stays = ~(has_label | (modes - 1) * one_mode);
    state_.store((before & stays) + one_turn + static_cast<std::uint64_t>(mode) * one_mode +
                     (label != nullptr ? has_label : 0) + in_use,
                 std::memory_order_release);
  }
  void set_label(const char* label) noexcept;
  /// Returns the lane that it belongs to.
  unsigned give_back() noexcept {
    const std::uint64_t state = state_.load(std::memory_order_relaxed);
    state_.store(state & ~in_use, std::memory_order_release);
    return static_cast<unsigned>(state / one_lane % lanes);
  }

  // What stands behind the state is stored with release and loaded with acquire: whoever has seen a
  // word of a later turn sees that the state is another one.
  std::atomic<std::uint64_t> state_{0};
  std::atomic<file_node*> file_{nullptr};
  std::atomic<std::chrono::steady_clock::rep> since_{0};
  std::array<std::atomic<std::uint64_t>, 4> label_{};
  handle_record* next_ = nullptr;  // of those that are free
};

/// Which handles are open, for those who ask: who has a file, with what label, since when.
///
/// Each thread takes the records for its handles from a list of its own. It writes them, and gives
/// them back, without an atomic step and without a line that others use. A handle that another
/// thread closes goes to a second list, from which the first one is filled again. So the table
/// grows to the most handles that each thread has had open at once, and stays so until the volume
/// ends. A handle that finds no memory for a record has none.
///
/// A record is taken when the handle has its file, and given back before the handle lets go of it.
/// So whoever holds the tree's lock, and then finds a record in use, knows that its file is there.
///
/// Thread safety: all members may be called from many threads at once. The mutex is a leaf.
class handle_table {
 public:
  explicit handle_table(volume_clock clock = volume_clock()) noexcept : clock_(clock) {}
  handle_table(const handle_table&) = delete;
  handle_table& operator=(const handle_table&) = delete;
  ~handle_table();

  /// Notes a handle. Returns its record, or null if there is no memory for one.
  handle_record* add(file_node& f, open_mode mode, const char* label) noexcept {
    return add(f, mode, label, clock_.since());
  }
  /// The same of one that has been open since another time.
  handle_record* add(file_node& f, open_mode mode, const char* label,
                     std::chrono::steady_clock::time_point since) noexcept {
    const unsigned mine = thread_lane();
    if (mine == no_lane) return add_without_lane(f, mode, label, since);
    return take(lanes_[mine], mine, f, mode, label, since);
  }
  /// Forgets a handle. Null: it has no record.
  void remove(handle_record* r) noexcept {
    if (r == nullptr) return;
    const unsigned of = r->give_back();
    if (of != thread_lane()) return give_to(of, *r);
    r->next_ = std::exchange(lanes_[of].free, r);
  }

  /// Where one is among the records.
  struct cursor {
    unsigned lane = 0;
    std::size_t block = 0, index = 0;
  };
  /// Calls `see` for the handles among the next 128 records, and moves on. Returns whether there
  /// may be more. Under the tree's lock, if the files are looked at.
  template <class See>
  bool see_some(cursor& at, See see) const {
    constexpr int most = 128;
    handle_entry e;
    for (int i = 0; i < most; ++i) {
      const handle_record* const r = next(at);
      if (r == nullptr) return false;
      if (r->read(e)) see(e);
    }
    return true;
  }
  /// Calls it for those among the first 1,024 records.
  template <class See>
  void see_first(See see) const {
    constexpr int steps = 8;
    cursor at;
    for (int i = 0; i < steps && see_some(at, see); ++i) continue;
  }

 private:
  // Blocks of 8 records, 16, and so on: for 131,064 handles of each thread.
  static constexpr std::size_t cache_line = 64, first_block = 8, most_blocks = 14;

  struct alignas(cache_line) lane {
    handle_record* free = nullptr;  // the lane's thread's own
    std::array<std::atomic<handle_record*>, most_blocks> blocks{};
    // Those that other threads have given back. They write to it, so it has another line than
    // `free`.
    std::atomic<handle_record*> returned{nullptr};
  };
  static_assert(sizeof(lane) == 2 * cache_line);

  handle_record* take(lane& in, unsigned number, file_node& f, open_mode mode, const char* label,
                      std::chrono::steady_clock::time_point since) noexcept {
    if (in.free == nullptr && !refill(in, number)) return nullptr;
    handle_record* const r = in.free;
    in.free = r->next_;
    r->take(f, mode, label, since);
    return r;
  }
  static bool refill(lane& in, unsigned number) noexcept;
  void give_to(unsigned of, handle_record& r) noexcept;
  handle_record* add_without_lane(file_node& f, open_mode mode, const char* label,
                                  std::chrono::steady_clock::time_point since) noexcept;
  const handle_record* next(cursor& at) const noexcept;

  const volume_clock clock_;
  std::array<lane, thread_lanes> lanes_;
  std::mutex mutex_;   // of those threads that have no lane
  lane without_lane_;  // its own list is guarded by mutex_
  // Its number, which no thread has for its own.
  static constexpr unsigned nobodys = no_lane + 1;
};

}  // namespace coramfs::detail
