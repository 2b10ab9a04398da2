// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/brief_lock.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace coramfs::detail {

/// What stands in a piece of memory that nobody uses.
struct free_piece {
  free_piece* next;
};

/// Free pieces of slabs that a thread has at hand: it takes what it gave back last, and writes to
/// no memory that others use. Each of a few magazines has pieces of one kind, a size and a use, and
/// of one slab, which stays for them: so no more slabs stay than there are magazines. A kind that
/// has none takes over one that is empty, or else the one of another kind that it is the turn of.
/// After Bonwick and Adams, "Magazines and Vmem", USENIX 2001.
///
/// Guarded by `lock`. The owner only tries to take it, and goes to the slabs where it is taken: by
/// one who collects all free pieces. Whoever has it may take the mutex of the slabs, and so it may
/// be held for as long as the system needs to give memory.
class alignas(64) magazine_rack {
 public:
  /// A size and a use of pieces, as one number.
  using kind = std::uint16_t;

  /// How many pieces of that many bytes a magazine has at most; 0: there are none of such pieces.
  static constexpr std::size_t capacity(std::size_t bytes) noexcept {
    const std::size_t fit = std::min(most_pieces, most_bytes / bytes);
    return fit > 1 ? fit : 0;
  }

  /// Returns a piece, or null if there is none of that kind.
  void* take(kind wanted) noexcept {
    magazine* const m = find(wanted);
    if (m == nullptr || m->count == 0) return nullptr;
    --m->count;
    return std::exchange(m->first, m->first->next);
  }
  enum class put_result : unsigned char {
    done,
    full,        ///< `make_room` makes room for it
    not_wanted,  ///< it is too large, or of another slab than those that are there
  };
  /// Puts a piece of so many bytes here, whose slab is aligned to `slab_size`.
  put_result put(kind of, std::size_t bytes, std::size_t slab_size, void* piece) noexcept {
    if (capacity(bytes) == 0) return put_result::not_wanted;
    magazine* m = find(of);
    if (m == nullptr) m = find_empty();
    if (m == nullptr) return put_result::full;
    if (m->count != 0 && !are_together(m->first, piece, slab_size)) return put_result::not_wanted;
    if (m->count == capacity(bytes)) return put_result::full;
    m->of = of;
    m->first = new (piece) free_piece{m->first};
    ++m->count;
    return put_result::done;
  }
  /// Makes room for pieces of a kind. Returns the chain of those that stood there, of whichever
  /// kind.
  free_piece* make_room(kind for_pieces) noexcept {
    magazine* const m = find(for_pieces);
    return empty(m != nullptr ? *m : magazines_[next_to_go_++ % magazines]);
  }
  /// Calls `act` with the chain of each magazine that has pieces.
  template <class Act>
  void empty_all(Act act) noexcept {
    for (magazine& m : magazines_)
      if (m.count != 0) act(empty(m));
  }

  brief_lock lock;

 private:
  static constexpr std::size_t magazines = 7, most_pieces = 16, most_bytes = 2048;
  static constexpr kind none = 0xffff;

  struct magazine {
    free_piece* first = nullptr;
    kind of = none;
    std::uint16_t count = 0;
  };

  magazine* find(kind k) noexcept {
    for (magazine& m : magazines_)
      if (m.of == k) return &m;
    return nullptr;
  }
  magazine* find_empty() noexcept {
    for (magazine& m : magazines_)
      if (m.count == 0) return &m;
    return nullptr;
  }
  static bool are_together(const void* a, const void* b, std::size_t slab_size) noexcept {
    const auto slab_of = [&](const void* piece) {
      return reinterpret_cast<std::uintptr_t>(piece) / slab_size;
    };
    return slab_of(a) == slab_of(b);
  }
  static free_piece* empty(magazine& m) noexcept {
    m.count = 0;
    return std::exchange(m.first, nullptr);
  }

  std::array<magazine, magazines> magazines_{};
  std::size_t next_to_go_ = 0;
};

}  // namespace coramfs::detail
