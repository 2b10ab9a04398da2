// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/piece_list.hpp>

#include "core/lifetime.hpp"
#include "core/thread_lane.hpp"
#include "storage/backlog.hpp"
#include "storage/block.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

// Stands for holes. Nobody writes to it, so the system has it share one page.
alignas(4096) constinit std::array<std::byte, piece_list::zeros_at_once> zeros{};

constexpr std::size_t most_pieces_kept = 8;

// The memory of the last short list that went in each thread, for the next one that is made there:
// threads that pin and let go all the time ask the heap for nothing. It is found by the thread's
// lane, so no two threads look at one place at the same time.
struct alignas(64) kept_memory {
  void* of_short_list = nullptr;
};
constinit std::array<kept_memory, thread_lanes> kept{};

void* take_kept() noexcept {
  const unsigned lane = thread_lane();
  return lane != no_lane ? std::exchange(kept[lane].of_short_list, nullptr) : nullptr;
}

// Returns whether it is kept.
bool keep(void* memory) noexcept {
  const unsigned lane = thread_lane();
  if (lane == no_lane || kept[lane].of_short_list != nullptr) return false;
  kept[lane].of_short_list = memory;
  return true;
}

}  // namespace

/// What the copies of a list share; its pieces stand behind it.
struct piece_list::counted : shared {
  explicit counted(std::size_t most_pieces) noexcept : is_short(most_pieces <= most_pieces_kept) {}

  static void* allocate(std::size_t pieces) noexcept;
  static void destroy(counted& c) noexcept;
  piece* pieces() noexcept { return reinterpret_cast<piece*>(this + 1); }
  void unpin_all() noexcept;

  std::atomic<std::size_t> references{1};
  const bool is_short;  // its memory has room for `most_pieces_kept`
  life_hold alive;
};

void* piece_list::counted::allocate(std::size_t pieces) noexcept {
  constexpr std::size_t most = (std::size_t{1} << 40) / sizeof(piece);
  if (pieces > most) return nullptr;
  void* const again = pieces <= most_pieces_kept ? take_kept() : nullptr;
  if (again != nullptr) return again;
  return std::malloc(sizeof(counted) + std::max(pieces, most_pieces_kept) * sizeof(piece));
}

void piece_list::counted::destroy(counted& c) noexcept {
  const bool is_short = c.is_short;
  c.unpin_all();
  c.~counted();
  if (!is_short || !keep(&c)) std::free(&c);
}

piece_list::counted& piece_list::own() const noexcept {
  return const_cast<counted&>(static_cast<const counted&>(*shared_));
}

piece_list::piece_list(const piece_list& other) noexcept : shared_(other.shared_) {
  if (shared_ != nullptr) own().references.fetch_add(1, std::memory_order_relaxed);
}

piece_list::~piece_list() {
  if (shared_ == nullptr) return;
  counted& c = own();
  if (c.references.fetch_sub(1, std::memory_order_acq_rel) == 1) counted::destroy(c);
}

// The last copy of a list can be destroyed on any thread, and may free gigabytes: only a part of
// them is freed here.
void piece_list::counted::unpin_all() noexcept {
  backlog given_up;
  {
    const backlog::collecting collected(given_up);
    for (const piece* p = first; p != last; ++p)
      if (p->owner != nullptr) p->owner->unpin();
  }
  given_up.free_some();
}

result<piece_list> piece_list::with_room(std::size_t count) noexcept {
  void* const memory = counted::allocate(count);
  if (memory == nullptr) return errc::out_of_memory;
  piece_list made;
  auto* const c = new (memory) counted(count);
  c->first = c->last = c->pieces();
  made.shared_ = c;
  return made;
}

void piece_list::add(const piece& p) noexcept {
  counted& c = own();
  piece* const added = new (c.pieces() + (c.last - c.first)) piece(p);
  added->is_hole = p.data == nullptr;
  if (added->is_hole) added->data = zeros.data();
  c.last = added + 1;
  c.size += p.size;
}

void piece_list::fill(std::span<const piece> of) noexcept {
  for (const piece& p : of) add({p.data, p.size, nullptr});
}

result<piece_list> piece_list::pin(std::span<const piece> of, life_hold alive) noexcept {
  if (of.empty()) return piece_list();
  BOOST_OUTCOME_TRY(auto made, with_room(of.size()));
  made.own().alive = std::move(alive);
  for (const piece& p : of) {
    if (p.owner != nullptr) {
      const auto begin = static_cast<std::size_t>(p.data - p.owner->data());
      p.owner->pin(begin, begin + static_cast<std::size_t>(p.size));
    }
    made.add(p);
  }
  return made;
}

}  // namespace coramfs::detail
