// SPDX-License-Identifier: BSL-1.0
#include "storage/small_memory.hpp"

#include "storage/block_memory.hpp"

#include <algorithm>
#include <bitset>
#include <cstring>
#include <new>
#include <utility>

namespace coramfs::detail {

/// What stands in front of the pieces of a slab. Whoever gives a piece back looks at what does not
/// change, or only now and then, so that has a cache line of its own.
struct small_memory::slab {
  small_memory& home;
  const block_memory::run run;
  const std::uint8_t size;  // in the table
  const small_memory::use what;
  slab* next = nullptr;  // in the list of its quarter
  slab* previous = nullptr;
  std::uint64_t stuck_in = 0;  // the last evacuation in which a piece could not be moved

  free_piece* free = nullptr;  // pieces that have been used before
  std::uint16_t fresh = 0;     // the index of the first piece that has not been used
  std::uint16_t used = 0;

  /// Returns a piece that has not been used before. Precondition: there is one.
  free_piece* next_fresh() noexcept {
    return new (pieces() + std::size_t{fresh++} * table.bytes[size]) free_piece{nullptr};
  }
  std::byte* pieces() noexcept { return reinterpret_cast<std::byte*>(this) + header; }
  std::size_t capacity() const noexcept { return table.in_slab[size]; }
  /// Returns the quarter of a slab with so many used pieces; a full slab is in none.
  std::size_t quarter(std::size_t in_use) const noexcept {
    return in_use == capacity() ? quarters : in_use * quarters / capacity();
  }
  std::size_t index_of(const void* piece) noexcept {
    return static_cast<std::size_t>(static_cast<const std::byte*>(piece) - pieces()) /
           table.bytes[size];
  }
};

namespace {

using rack_kind = magazine_rack::kind;
rack_kind kind_of(std::size_t size, small_memory::use what) noexcept {
  return static_cast<rack_kind>(size * small_memory::uses + static_cast<std::size_t>(what));
}

}  // namespace

small_memory::access::access(small_memory& to) noexcept : memory_(to) {
  const unsigned lane = to.pages_.recycles() ? thread_lane() : no_lane;
  if (lane != no_lane && to.racks_[lane].lock.try_lock()) {
    rack_ = &to.racks_[lane];
  } else {
    to.mutex_.lock();
  }
}

free_piece* small_memory::take_some(std::size_t bytes, use what, std::size_t count) noexcept {
  if (count == 1) {
    void* const piece = take(bytes, what);
    return piece != nullptr ? new (piece) free_piece{nullptr} : nullptr;
  }
  if (memory_is_refused()) return nullptr;
  const std::size_t size = table.find(bytes);
  for (bool has_more = true;;) {
    {
      const std::lock_guard lock(mutex_);
      if (slab* const from = slab_with_room(size, what)) return take_pieces(*from, count);
    }
    if (!has_more) return nullptr;
    has_more = relieve();
  }
}

small_memory::access::~access() {
  rack_ != nullptr ? rack_->lock.unlock() : memory_.mutex_.unlock();
}

// Where the rack has none, it gets half a magazine more of the same slab.
void* small_memory::access::take(std::size_t size, use what) const noexcept {
  if (rack_ == nullptr) return memory_.take_piece(size, what);
  const rack_kind kind = kind_of(size, what);
  if (void* const piece = rack_->take(kind)) return piece;
  const std::lock_guard lock(memory_.mutex_);
  slab* const from = memory_.slab_with_room(size, what);
  if (from == nullptr) return nullptr;
  const std::size_t bytes = table.bytes[size];
  free_piece* const taken = memory_.take_pieces(*from, 1 + magazine_rack::capacity(bytes) / 2);
  for (free_piece* rest = taken->next; rest != nullptr;) {
    free_piece* const piece = std::exchange(rest, rest->next);
    if (rack_->put(kind, bytes, slab_size, piece) != magazine_rack::put_result::done)
      memory_.give_piece(*from, piece);
  }
  return taken;
}

void small_memory::access::give(slab& to, void* piece) const noexcept {
  if (rack_ == nullptr) return memory_.give_piece(to, piece);
  using put_result = magazine_rack::put_result;
  const rack_kind kind = kind_of(to.size, to.what);
  const std::size_t bytes = table.bytes[to.size];
  const put_result put = rack_->put(kind, bytes, slab_size, piece);
  if (put == put_result::done) return;
  const std::lock_guard lock(memory_.mutex_);
  if (put == put_result::full) {
    memory_.give_all(rack_->make_room(kind));
    if (rack_->put(kind, bytes, slab_size, piece) == put_result::done) return;
  }
  memory_.give_piece(to, piece);
}

/// All racks and the mutex, for one who has to know of every piece whether it is in use.
class small_memory::whole_access {
 public:
  explicit whole_access(small_memory& to) noexcept : memory_(to) {
    for (magazine_rack& r : to.racks_) r.lock.lock();
    to.mutex_.lock();
  }
  whole_access(const whole_access&) = delete;
  whole_access& operator=(const whole_access&) = delete;
  ~whole_access() {
    memory_.mutex_.unlock();
    for (magazine_rack& r : memory_.racks_) r.lock.unlock();
  }

  /// Gives what is in the racks to the slabs.
  void collect() const noexcept {
    for (magazine_rack& r : memory_.racks_)
      r.empty_all([&](free_piece* first) { memory_.give_all(first); });
  }

 private:
  small_memory& memory_;
};

bool small_memory::is_unused() noexcept {
  const whole_access all(*this);
  all.collect();
  for (const auto& of_use : shelves_)
    for (const shelf& of : of_use)
      if (of.used != 0) return false;
  return true;
}

void small_memory::give(void* memory) noexcept {
  slab& s = slab_of(memory);
  const access mine(s.home);
  mine.give(s, memory);
}

block_memory& small_memory::home_of(const void* memory) noexcept {
  return slab_of(memory).home.pages_;
}

bool small_memory::remove_empty_slabs() noexcept {
  const whole_access all(*this);
  const std::size_t before = slabs_;
  all.collect();
  for (auto& of_use : shelves_)
    for (shelf& of : of_use) {
      slab* const s = of.by_quarter[0];
      if (s != nullptr && s->used == 0) remove_slab(*s);
    }
  return slabs_ < before;
}

bool small_memory::relieve() noexcept { return pages_.relieve(); }

small_memory::slab& small_memory::slab_of(const void* piece) noexcept {
  return *reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(piece) &
                                  ~std::uintptr_t{slab_size - 1});
}

// All members below are called under the mutex, but for `evacuate`, and `find_sparse` and
// `move_pieces` with all racks, too.

// Returns one of the fullest that have room, so that the others may become empty, or null.
small_memory::slab* small_memory::slab_with_room(std::size_t size, use what) noexcept {
  shelf& from = shelves_[static_cast<std::size_t>(what)][size];
  for (std::size_t q = quarters; q-- > 0;)
    if (from.by_quarter[q] != nullptr) return from.by_quarter[q];
  return add_slab(from, size, what);
}

void* small_memory::take_piece(std::size_t size, use what) noexcept {
  slab* const from = slab_with_room(size, what);
  return from != nullptr ? take_piece(*from) : nullptr;
}

void* small_memory::take_piece(slab& from) noexcept { return take_pieces(from, 1); }

// Takes as many as there are, up to `count`. Those that were used before come first.
free_piece* small_memory::take_pieces(slab& from, std::size_t count) noexcept {
  count = std::min(count, from.capacity() - from.used);
  free_piece* first = nullptr;
  free_piece** end = &first;
  for (std::size_t i = 0; i < count; ++i) {
    free_piece* const piece = from.free != nullptr ? from.free : from.next_fresh();
    from.free = piece->next;
    *end = piece;
    end = &piece->next;
  }
  *end = nullptr;
  change_used(from, static_cast<int>(count));
  return first;
}

void small_memory::give_all(free_piece* first) noexcept {
  while (first != nullptr) {
    free_piece* const piece = std::exchange(first, first->next);
    give_piece(slab_of(piece), piece);
  }
}

// A slab moves on when another quarter of it is used, or all of it.
void small_memory::change_used(slab& s, int by) noexcept {
  shelf& of = shelf_of(s);
  const auto after = static_cast<std::uint16_t>(s.used + by);
  const bool moves = s.quarter(s.used) != s.quarter(after);
  if (moves) take_out(s);
  s.used = after;
  if (moves) file_away(s);
  of.used += static_cast<std::size_t>(by);
  change_free(0, static_cast<std::uint64_t>(by) * table.share[s.size]);
}

void small_memory::change_free(std::uint64_t more, std::uint64_t less) noexcept {
  free_.store(free_.load(std::memory_order_relaxed) + more - less, std::memory_order_relaxed);
}

void small_memory::give_piece(slab& s, void* memory) noexcept {
  s.free = new (memory) free_piece{s.free};
  change_used(s, -1);
  const shelf& of = shelf_of(s);
  // The last room of a size stays, for those to come.
  const bool is_last_room = of.slabs * s.capacity() - of.used == s.capacity();
  if (s.used == 0 && !is_last_room) remove_slab(s);
}

small_memory::slab* small_memory::add_slab(shelf& to, std::size_t size, use what) noexcept {
  static_assert(sizeof(slab) <= header);
  const block_memory::run r = pages_.try_take(slab_size, slab_size);
  if (r.data == nullptr) return nullptr;
  auto* const made = new (r.data)
      slab{*this, r, static_cast<std::uint8_t>(size), what, nullptr, nullptr, 0, nullptr, 0, 0};
  ++slabs_;
  if (to.slabs++ == 0) ++shelves_in_use_;
  change_free(std::uint64_t{table.share[size]} * table.in_slab[size], 0);
  file_away(*made);
  return made;
}

void small_memory::remove_slab(slab& s) noexcept {
  take_out(s);
  --slabs_;
  if (--shelf_of(s).slabs == 0) --shelves_in_use_;
  change_free(0, std::uint64_t{table.share[s.size]} * s.capacity());
  const block_memory::run r = s.run;
  pages_.put(r, slab_size);
}

small_memory::shelf& small_memory::shelf_of(const slab& s) noexcept {
  return shelves_[static_cast<std::size_t>(s.what)][s.size];
}

void small_memory::file_away(slab& s) noexcept {
  if (s.quarter(s.used) == quarters) return;
  slab*& first = shelf_of(s).by_quarter[s.quarter(s.used)];
  s.previous = nullptr;
  s.next = first;
  if (first != nullptr) first->previous = &s;
  first = &s;
}

void small_memory::take_out(slab& s) noexcept {
  if (s.quarter(s.used) == quarters) return;
  (s.previous != nullptr ? s.previous->next : shelf_of(s).by_quarter[s.quarter(s.used)]) = s.next;
  if (s.next != nullptr) s.next->previous = s.previous;
}

bool small_memory::evacuate(piece_mover& mover) noexcept {
  const whole_access all(*this);
  all.collect();
  ++evacuations_;
  while (slab* const s = find_sparse(mover))
    if (move_pieces(*s, mover)) return true;
  return false;
}

// Returns the emptiest slab of the size of which the most is free. Null: there is none to be tried.
small_memory::slab* small_memory::find_sparse(const piece_mover& mover) noexcept {
  slab* found = nullptr;
  std::uint64_t most = 0;
  for (std::size_t u = 0; u < uses; ++u) {
    if (!mover.may_move(static_cast<use>(u))) continue;
    for (std::size_t size = 0; size < table.count; ++size) {
      shelf& of = shelves_[u][size];
      const std::uint64_t free = of.slabs * table.in_slab[size] - of.used;
      if (free <= table.in_slab[size] || free * table.share[size] <= most) continue;
      slab* sparse = nullptr;
      for (std::size_t q = 0; q < quarters && sparse == nullptr; ++q) {
        sparse = of.by_quarter[q];
        while (sparse != nullptr && sparse->stuck_in == evacuations_) sparse = sparse->next;
      }
      if (sparse == nullptr) continue;
      found = sparse;
      most = free * table.share[size];
    }
  }
  return found;
}

// Moves all pieces out of a slab, which is given back then. Returns whether that was possible. The
// others of its size have room for all of them; it is not among them while a place is looked for.
bool small_memory::move_pieces(slab& from, piece_mover& mover) noexcept {
  if (from.used == 0) {
    remove_slab(from);
    return true;
  }
  std::bitset<room / grain> is_free;
  for (const free_piece* f = from.free; f != nullptr; f = f->next) is_free.set(from.index_of(f));
  const std::uint16_t fresh = from.fresh;
  for (std::size_t i = 0; i < fresh; ++i) {
    if (is_free.test(i)) continue;
    take_out(from);
    void* const to = take_piece(from.size, from.what);
    file_away(from);
    void* const piece = from.pieces() + i * table.bytes[from.size];
    const bool has_moved = to != nullptr && mover.move(from.what, piece, to);
    if (to != nullptr && !has_moved) give_piece(slab_of(to), to);
    if (!has_moved) {
      from.stuck_in = evacuations_;
      return false;
    }
    const bool is_last = from.used == 1;
    give_piece(from, piece);
    if (is_last) return true;  // and the slab has gone
  }
  from.stuck_in = evacuations_;
  return false;
}

}  // namespace coramfs::detail
