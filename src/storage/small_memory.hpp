// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/thread_lane.hpp"
#include "storage/fault_point.hpp"
#include "storage/magazine_rack.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace coramfs::detail {

class block_memory;

/// Moves pieces of memory for their owners.
class piece_mover;

/// Where the small things of a volume come from: nodes, names, the pages of directories, contents
/// smaller than a few pages.
///
/// A slab is 64 KiB of the volume's memory cut into pieces of one size, for one use. Sizes go up in
/// steps of 16 bytes, and from 512 bytes on in steps of about 1/16 that fill a slab well. What is
/// charged for a piece is its share of the slab, so a full slab is charged as what it takes.
///
/// What is free in a slab is kept for pieces of the same size and use, and is no more than what has
/// been freed and one slab for each size in use. A slab that holds nothing goes back, unless it has
/// the last room for its size. Where pages run short, slabs are emptied by moving what is in them:
/// `evacuate`.
///
/// A few free pieces are at hand for the threads that take and give such (`magazine_rack`), unless
/// nothing is to be kept for reuse. For their slabs they are in use, and what of a slab is free
/// beside them is counted as free. They are collected before slabs are emptied, and before anybody
/// is refused.
///
/// Thread safety: all members may be called from many threads at once. Order of locks: those of the
/// racks, in the order of the lanes, are below the tree's lock, and the mutex is below these. Only
/// the mutex of the block memory, and with that the quota's lock, are taken under it.
class small_memory {
 public:
  static constexpr std::size_t slab_size = 64 * 1024;  // bytes, and what slabs are aligned to
  static constexpr std::size_t largest = 13'088;       // bytes of a piece: five to a slab

  /// What pieces are for, which says how they are moved, if at all.
  enum class use : unsigned char { fixed, content, name, file };
  static constexpr std::size_t uses = 4;

  explicit small_memory(block_memory& pages) noexcept : pages_(pages) {}
  small_memory(const small_memory&) = delete;
  small_memory& operator=(const small_memory&) = delete;

  static constexpr bool fits(std::size_t bytes) noexcept { return bytes <= largest; }

  /// Takes memory for `bytes`, aligned to 16. Null: memory is refused. Precondition: `fits`, and no
  /// lock below the tree's is held, since this may ask for relief.
  ///
  /// `make` is called with the memory under a lock, and makes of it what a `piece_mover` can look
  /// at: that may happen as soon as the lock is free.
  template <class Make>
  void* take(std::size_t bytes, use what, Make make) noexcept;
  void* take(std::size_t bytes, use what) noexcept {
    return take(bytes, what, [](void*) {});
  }
  /// Takes as many pieces of the same size as there is room for where the first one is, up to
  /// `count`, which is 1 at least. Returns the chain of them; null: memory is refused.
  free_piece* take_some(std::size_t bytes, use what, std::size_t count) noexcept;
  /// Gives a piece back, of whichever volume.
  static void give(void* memory) noexcept;
  /// The memory that a piece is from.
  static block_memory& home_of(const void* memory) noexcept;

  /// The bytes that `take(bytes)` gives.
  static constexpr std::size_t usable(std::size_t bytes) noexcept;
  /// The bytes that they are charged as.
  static constexpr std::uint64_t footprint(std::size_t bytes) noexcept;

  /// Bytes of slabs that no piece is charged for, beyond one slab for each size and use. What
  /// threads have at hand is not among them: at most 14 KiB for each.
  std::uint64_t spare_bytes() const noexcept {
    const std::uint64_t free = free_.load(std::memory_order_relaxed);
    // The shares of a slab's pieces are rounded up: all of them are a sixteenth more at most.
    constexpr std::uint64_t whole = slab_size + slab_size / 16;
    const std::uint64_t stock = shelves_in_use_.load(std::memory_order_relaxed) * whole;
    return free > stock ? free - stock : 0;
  }

  /// Frees the emptiest slab of a size that has more than a slab's worth of free pieces, by having
  /// what is in it moved to others. Returns whether there was one whose pieces could all be moved.
  bool evacuate(piece_mover& mover) noexcept;

  /// Collects what threads have at hand, and gives back all slabs that hold nothing. Returns
  /// whether there were any.
  bool remove_empty_slabs() noexcept;

  /// For tests. Returns whether all pieces have been given back.
  bool is_unused() noexcept;

  /// Gives a piece back that holds what needs no destructor.
  struct giver {
    void operator()(void* piece) const noexcept { give(piece); }
  };

 private:
  struct slab;
  struct sizes;
  class access;
  class whole_access;
  static constexpr std::size_t grain = 16, header = 80, room = slab_size - header;
  static constexpr std::size_t quarters = 4;

  /// The slabs of one size and use that have room, by how full they are.
  struct shelf {
    std::array<slab*, quarters> by_quarter{};
    std::size_t slabs = 0, used = 0;  // pieces that are taken
  };

  static constexpr sizes make_sizes() noexcept;
  static const sizes table;

  bool relieve() noexcept;
  slab* slab_with_room(std::size_t size, use what) noexcept;
  void* take_piece(slab& from) noexcept;
  free_piece* take_pieces(slab& from, std::size_t count) noexcept;
  void* take_piece(std::size_t size, use what) noexcept;
  void give_all(free_piece* first) noexcept;
  void change_used(slab& s, int by) noexcept;
  void change_free(std::uint64_t more, std::uint64_t less) noexcept;
  static slab& slab_of(const void* piece) noexcept;
  slab* add_slab(shelf& to, std::size_t size, use what) noexcept;
  void remove_slab(slab& s) noexcept;
  void give_piece(slab& s, void* memory) noexcept;
  shelf& shelf_of(const slab& s) noexcept;
  void file_away(slab& s) noexcept;
  void take_out(slab& s) noexcept;
  slab* find_sparse(const piece_mover& mover) noexcept;
  bool move_pieces(slab& from, piece_mover& mover) noexcept;

  block_memory& pages_;
  // Written under the mutex.
  std::atomic<std::uint64_t> free_{0};  // bytes
  std::atomic<std::size_t> shelves_in_use_{0};

  std::array<magazine_rack, thread_lanes> racks_;

  std::mutex mutex_;
  // Guarded by mutex_.
  static constexpr std::size_t most_sizes = 96;
  std::size_t slabs_ = 0;
  std::uint64_t evacuations_ = 0;
  std::array<std::array<shelf, most_sizes>, uses> shelves_{};
};

/// A thread's way to pieces: by the rack of its lane, or by the slabs where it has none.
class small_memory::access {
 public:
  explicit access(small_memory& to) noexcept;
  access(const access&) = delete;
  access& operator=(const access&) = delete;
  ~access();

  /// Returns a piece of a size of the table, or null if no page is to be had without relief.
  void* take(std::size_t size, use what) const noexcept;
  void give(slab& to, void* piece) const noexcept;

 private:
  small_memory& memory_;
  magazine_rack* rack_ = nullptr;  // locked; null: the mutex is locked instead
};

class piece_mover {
 public:
  /// Returns whether pieces of this use may be moved at all.
  virtual bool may_move(small_memory::use what) const noexcept = 0;
  /// Has the owner of a piece use `to` instead, which has as many bytes. Returns whether it does: a
  /// piece that is in use may not be moved now. Called under the mutex of `small_memory`.
  virtual bool move(small_memory::use what, void* from, void* to) noexcept = 0;

 protected:
  ~piece_mover() = default;
};

/// The sizes of pieces, and which is the smallest for a request.
struct small_memory::sizes {
  std::array<std::uint16_t, most_sizes> bytes{};
  std::array<std::uint16_t, most_sizes> in_slab{};
  std::array<std::uint16_t, most_sizes> share{};
  std::array<std::uint8_t, largest / grain + 1> for_grains{};
  std::size_t count = 0;

  constexpr std::size_t find(std::size_t wanted) const noexcept {
    return for_grains[(wanted + grain - 1) / grain];
  }
};

template <class Make>
void* small_memory::take(std::size_t bytes, use what, Make make) noexcept {
  if (memory_is_refused()) return nullptr;
  const std::size_t size = table.find(bytes);
  for (bool has_more = true;;) {
    {
      const access mine(*this);
      if (void* const piece = mine.take(size, what)) {
        make(piece);
        return piece;
      }
    }
    if (!has_more) return nullptr;
    // What relief has collected from threads may be enough, though no slab went.
    has_more = relieve();
  }
}

constexpr small_memory::sizes small_memory::make_sizes() noexcept {
  constexpr std::size_t fine = 512;
  sizes s;
  const auto add = [&s](std::size_t bytes) {
    s.bytes[s.count] = static_cast<std::uint16_t>(bytes);
    s.in_slab[s.count] = static_cast<std::uint16_t>(room / bytes);
    s.share[s.count] = static_cast<std::uint16_t>((slab_size + room / bytes - 1) / (room / bytes));
    ++s.count;
  };
  for (std::size_t bytes = grain; bytes <= fine; bytes += grain) add(bytes);
  for (std::size_t in_slab = room / (fine + grain); in_slab >= room / largest; --in_slab) {
    const std::size_t bytes = room / in_slab / grain * grain;
    if (bytes * 16 >= s.bytes[s.count - 1] * std::size_t{17}) add(bytes);
  }
  for (std::size_t grains = 0, c = 0; grains < s.for_grains.size(); ++grains) {
    if (s.bytes[c] < grains * grain) ++c;
    s.for_grains[grains] = static_cast<std::uint8_t>(c);
  }
  return s;
}

inline constexpr small_memory::sizes small_memory::table = make_sizes();

constexpr std::size_t small_memory::usable(std::size_t bytes) noexcept {
  return table.bytes[table.find(bytes)];
}

constexpr std::uint64_t small_memory::footprint(std::size_t bytes) noexcept {
  return table.share[table.find(bytes)];
}

}  // namespace coramfs::detail
