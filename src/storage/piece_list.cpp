// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/piece_list.hpp>

#include "storage/block.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

// What holes are pinned as. Nobody writes to it, so the system has it share one page.
alignas(4096) constinit std::array<std::byte, piece_list::zeros_at_once> zeros{};

}  // namespace

/// What the copies of a list share; its pieces stand behind it.
struct piece_list::counted : shared {
  explicit counted(std::shared_ptr<const void> kept) noexcept : shared{}, alive(std::move(kept)) {}

  piece* pieces() noexcept { return reinterpret_cast<piece*>(this + 1); }

  std::atomic<std::size_t> references{1};
  std::shared_ptr<const void> alive;
};

piece_list::piece_list(const piece_list& other) noexcept : shared_(other.shared_) {
  if (shared_ == nullptr) return;
  auto& c = const_cast<counted&>(static_cast<const counted&>(*shared_));
  c.references.fetch_add(1, std::memory_order_relaxed);
}

piece_list::~piece_list() {
  if (shared_ == nullptr) return;
  auto* const c = const_cast<counted*>(static_cast<const counted*>(shared_));
  if (c->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  for (const piece* p = c->first; p != c->last; ++p)
    if (p->owner != nullptr) p->owner->unpin();
  c->~counted();
  std::free(c);
}

result<piece_list> piece_list::make(std::span<const piece> of, owners who,
                                    std::shared_ptr<const void> alive) noexcept {
  piece_list made;
  if (of.empty()) return made;
  if (of.size() > (std::size_t{1} << 40) / sizeof(piece)) return errc::out_of_memory;
  void* const memory = std::malloc(sizeof(counted) + of.size_bytes());
  if (memory == nullptr) return errc::out_of_memory;
  auto* const c = new (memory) counted(std::move(alive));
  piece* to = c->pieces();
  for (const piece& p : of) {
    c->size += p.size;
    piece* const made_piece = new (to++) piece(p);
    made_piece->is_hole = p.data == nullptr;
    if (made_piece->is_hole) made_piece->data = zeros.data();
    if (who == owners::are_not) made_piece->owner = nullptr;
    if (made_piece->owner != nullptr) made_piece->owner->pin(p.data + p.size - p.owner->data());
  }
  c->first = c->pieces();
  c->last = to;
  made.shared_ = c;
  return made;
}

result<piece_list> piece_list::pin(std::span<const piece> of,
                                   std::shared_ptr<const void> alive) noexcept {
  return make(of, owners::are_told, std::move(alive));
}

result<piece_list> piece_list::list(std::span<const piece> of) noexcept {
  return make(of, owners::are_not, nullptr);
}

}  // namespace coramfs::detail
