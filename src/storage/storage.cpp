// SPDX-License-Identifier: BSL-1.0
#include "storage/storage.hpp"

#include "core/pace.hpp"
#include "storage/adopted_buffer.hpp"
#include "storage/promotion.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

namespace coramfs::detail {

namespace {

result<void> require_size(std::uint64_t size) noexcept {
  if (size > max_file_size) return error(errc::too_large, size, max_file_size);
  return boost::outcome_v2::success();
}

}  // namespace

// The offset and the size may be any numbers, so their sum is only formed when each is known to be
// small enough.
result<void> storage::require_end(std::uint64_t offset, std::uint64_t size) noexcept {
  BOOST_OUTCOME_TRY(require_size(offset));
  BOOST_OUTCOME_TRY(require_size(size));
  return require_size(offset + size);
}

storage::storage(storage_layout layout) noexcept : layout_(layout) {
  if (layout == storage_layout::random_access) content_.emplace<block_table>();
}

storage::storage(storage&& other) noexcept
    : content_(std::move(other.content_)),
      layout_(other.layout_),
      is_incomplete_(other.is_incomplete_),
      may_have_pins_(other.may_have_pins_.load(std::memory_order_relaxed)) {
  std::visit([this](auto& c) { c.set_owner(*this); }, content_);
}

bool storage::may_be_moved() const noexcept {
  return std::visit([](const auto& c) { return c.has_few_blocks(); }, content_);
}

std::uint64_t storage::size() const noexcept {
  return std::visit([](const auto& c) { return c.size(); }, content_);
}

totals storage::totals_now() const noexcept {
  return std::visit([](const auto& c) { return c.totals_now(); }, content_);
}

std::uint64_t storage::stored_bytes() const noexcept {
  return std::visit([](const auto& c) { return c.stored_bytes(); }, content_);
}

std::size_t storage::read(std::uint64_t offset, std::span<std::byte> to) const noexcept {
  if (const chain* const c = std::get_if<chain>(&content_)) return c->read(offset, to);
  return std::get_if<block_table>(&content_)->read(offset, to);
}

result<piece_list> storage::pin(std::uint64_t offset, std::uint64_t size, life_hold alive) const
    try {
  pieces found;
  list_pieces(offset, offset + size, found);
  return pin(found, std::move(alive));
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<piece_list> storage::pin(const pieces& listed, life_hold alive) const {
  BOOST_OUTCOME_TRY(auto list, piece_list::pin(listed, std::move(alive)));
  expect_pins();
  return list;
}

void storage::list_pieces(std::uint64_t begin, std::uint64_t end, pieces& to) const {
  std::visit([&](const auto& c) { c.list_pieces(begin, end, to); }, content_);
}

void storage::settle_pins() noexcept { settle_pins(0, std::numeric_limits<std::uint64_t>::max()); }

void storage::settle_pins(std::uint64_t begin, std::uint64_t end) noexcept {
  if (!may_have_pins_.load(std::memory_order_relaxed)) return;
  const bool any = std::visit([&](auto& c) { return c.settle_pins(begin, end); }, content_);
  if (begin == 0 && end >= size() && !any) may_have_pins_.store(false, std::memory_order_relaxed);
}

// What is about to be written need not be copied where all others have let go of it meanwhile.
void storage::settle_for_change(std::uint64_t begin, std::uint64_t end) noexcept {
  if (!may_have_pins_.load(std::memory_order_relaxed)) return;
  std::visit([&](auto& c) { c.take_over(*this, begin, end); }, content_);
  settle_pins(begin, end);
}

result<void> storage::make_room(const account& payer, std::uint64_t offset, std::uint64_t size,
                                std::unique_ptr<promotion>* rest) {
  BOOST_OUTCOME_TRY(require_end(offset, size));
  settle_for_change(offset, offset + size);
  if (std::holds_alternative<chain>(content_) && offset > this->size())
    return promote(payer, offset, offset + size, rest);
  const account own = payer.for_content(*this);
  return std::visit([&](auto& c) { return c.make_room(own, offset, size); }, content_);
}

bool storage::overwrite(std::uint64_t offset, std::span<const std::byte> from) noexcept {
  if (may_have_pins_.load(std::memory_order_relaxed)) return false;
  if (auto* const c = std::get_if<chain>(&content_)) return c->overwrite(offset, from);
  return std::get<block_table>(content_).overwrite(offset, from);
}

bool storage::promotes_long(std::uint64_t offset) const noexcept {
  const auto* const c = std::get_if<chain>(&content_);
  return c != nullptr && offset > c->size() && c->size() > slice_size &&
         layout_ == storage_layout::automatic;
}

void storage::store(std::uint64_t offset, std::span<const std::byte> from) noexcept {
  std::visit([&](auto& c) { c.store(offset, from); }, content_);
}

void storage::mark_stored(std::uint64_t offset, std::uint64_t size) noexcept {
  if (auto* const table = std::get_if<block_table>(&content_)) table->mark_stored(offset, size);
}

void storage::expose(std::uint64_t offset, std::size_t size, pieces& to) noexcept {
  mark_stored(offset, size);
  list_pieces(offset, offset + size, to);
}

result<void> storage::write(const account& payer, std::uint64_t offset,
                            std::span<const std::byte> from) {
  BOOST_OUTCOME_TRY(make_room(payer, offset, from.size()));
  store(offset, from);
  return boost::outcome_v2::success();
}

result<void> storage::write(const account& payer, std::uint64_t offset, bytes&& from) {
  BOOST_OUTCOME_TRY(const bool adopted, adopt(payer, offset, from));
  if (adopted) return boost::outcome_v2::success();
  BOOST_OUTCOME_TRY(write(payer, offset, std::span<const std::byte>(from)));
  from = bytes();
  return boost::outcome_v2::success();
}

result<bool> storage::adopt(const account& payer, std::uint64_t offset, bytes& from) {
  BOOST_OUTCOME_TRY(require_end(offset, from.size()));
  chain* const c = std::get_if<chain>(&content_);
  if (c == nullptr || offset != c->size() || !adopted_buffer::pays(from)) return false;
  if (offset < payer.size_ahead()) return false;  // the chunks that were paid for are for this
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(c->ask_appending(payer, from.size()));
  }
  const auto adopted = c->adopt(payer.for_content(*this), from);
  if (adopted) return true;
  // A copy does without the spare room that came with the buffer, so it may fit where the buffer
  // does not.
  if (adopted.error() == errc::quota_exceeded) return false;
  return adopted.error();
}

void storage::store_zeros(std::uint64_t begin, std::uint64_t end) noexcept {
  if (begin < end) std::visit([&](auto& c) { c.store_zeros(begin, end); }, content_);
}

result<std::uint64_t> storage::make_length(const account& payer, std::uint64_t size) {
  BOOST_OUTCOME_TRY(require_size(size));
  settle_for_change(std::min(size, this->size()), std::numeric_limits<std::uint64_t>::max());
  if (auto* const table = std::get_if<block_table>(&content_)) {
    BOOST_OUTCOME_TRY(table->resize(payer, size));
    return size;
  }
  auto& c = std::get<chain>(content_);
  const std::uint64_t end = c.size();
  if (size <= end) {
    c.cut(payer, size);
    return size;
  }
  // An empty file is all gap: as a table it needs no zeros. What is paid for ahead is for a chain.
  if (end == 0 && layout_ == storage_layout::automatic && size > payer.size_ahead()) {
    block_table table;
    BOOST_OUTCOME_TRY(table.resize(payer, size));
    c.cut(payer, 0);
    content_.emplace<block_table>(std::move(table));
    return size;
  }
  BOOST_OUTCOME_TRY(c.make_room(payer.for_content(*this), end, size - end));
  return end;
}

result<void> storage::resize(const account& payer, std::uint64_t size) {
  BOOST_OUTCOME_TRY(const std::uint64_t begin, make_length(payer, size));
  store_zeros(begin, size);
  return boost::outcome_v2::success();
}

result<void> storage::punch(const account& payer, std::uint64_t begin, std::uint64_t end) {
  auto* const table = std::get_if<block_table>(&content_);
  if (table == nullptr) return errc::not_supported;
  settle_for_change(begin, end);
  return table->punch(payer.for_content(*this), begin, end);
}

std::uint64_t storage::next_data(std::uint64_t offset) const noexcept {
  const auto* const table = std::get_if<block_table>(&content_);
  return table != nullptr ? table->next_data(offset) : std::min(offset, size());
}

std::uint64_t storage::next_hole(std::uint64_t offset) const noexcept {
  const auto* const table = std::get_if<block_table>(&content_);
  return table != nullptr ? table->next_hole(offset) : size();
}

result<void> storage::recreate(const account& payer, std::uint64_t size) {
  BOOST_OUTCOME_TRY(require_size(size));
  settle_for_change(0, std::numeric_limits<std::uint64_t>::max());
  const account own = payer.for_content(*this);
  auto made = std::visit([&](auto& c) { return c.recreate(own, size); }, content_);
  if (made) is_incomplete_ = false;
  return made;
}

result<void> storage::assign(const account& payer, std::span<const std::byte> from) {
  BOOST_OUTCOME_TRY(recreate(payer, from.size()));
  store(0, from);
  return boost::outcome_v2::success();
}

totals storage::totals_for(storage_layout layout, std::uint64_t size) noexcept {
  return layout == storage_layout::random_access ? block_table::totals_for(size, size, size)
                                                 : chain::totals_for(size);
}

totals storage::totals_grown_to(std::uint64_t size) const noexcept {
  return std::visit([&](const auto& c) { return c.totals_grown_to(size); }, content_);
}

totals storage::clone_totals() const noexcept {
  if (std::holds_alternative<chain>(content_)) return chain::totals_for(size());
  return std::get<block_table>(content_).clone_totals();
}

result<void> storage::clone_room(const account& prepaid, const storage& from) {
  const account own = prepaid.for_content(*this);
  is_incomplete_ = from.is_incomplete_;
  if (const auto* const c = std::get_if<chain>(&from.content_))
    return std::get<chain>(content_).clone_room(own, *c);
  return content_.emplace<block_table>().clone_room(own, std::get<block_table>(from.content_));
}

std::uint64_t storage::clone_bytes(const storage& from, std::uint64_t begin,
                                   std::uint64_t count) noexcept {
  return std::visit(
      [&](auto& to) {
        const auto& source = std::get<std::decay_t<decltype(to)>>(from.content_);
        return to.clone_bytes(source, begin, count);
      },
      content_);
}

totals storage::share_totals() const noexcept {
  return std::visit([](const auto& c) { return c.share_totals(); }, content_);
}

// From here on both look for what others have before they write. Who only reads `from` may say so.
// As soon as its lock is let go another thread may remove it: what was lent to it by a volume that
// has no owner any more has to be held by then.
// What was made for files of another volume may have been made for another layout.
result<void> storage::share(const account& prepaid, const storage& from,
                            loan_maker& loans) noexcept {
  from.expect_pins();
  expect_pins();
  layout_ = from.layout_;
  is_incomplete_ = from.is_incomplete_;
  const auto* const c = std::get_if<chain>(&from.content_);
  const bool is_made = c != nullptr
                           ? content_.emplace<chain>().share(prepaid.blocks(), *c, loans)
                           : content_.emplace<block_table>().share(
                                 prepaid.blocks(), std::get<block_table>(from.content_), loans);
  // Also of what was made before memory was refused, for the caller drops it.
  loans.hold_lenders();
  if (!is_made) return errc::out_of_memory;
  return boost::outcome_v2::success();
}

result<std::unique_ptr<unsharer>> storage::unshare(const account& payer) noexcept {
  settle_for_change(0, std::numeric_limits<std::uint64_t>::max());
  if (!may_have_pins()) return std::unique_ptr<unsharer>();
  return unsharer::begin(*this, payer);
}

void storage::replace_shared(std::uint64_t place, block_ref by, std::size_t size) noexcept {
  std::visit([&](auto& c) { c.replace_shared(place, std::move(by), size); }, content_);
}

void storage::set_paid(const totals& now) noexcept {
  std::visit([&](auto& c) { c.set_paid(now); }, content_);
}

std::size_t storage::block_count() const noexcept {
  return std::visit([](const auto& c) { return c.block_count(); }, content_);
}

void storage::move(block& b, void* to) noexcept {
  block& moved = b.move_to(to);
  if (auto* const c = std::get_if<chain>(&content_)) {
    block_ref& place = c->place_of(b);
    assert(place.get() == &b);
    place.release();
    place = block_ref(&moved);
  } else {
    std::get<block_table>(content_).replace(b, moved);
  }
}

// Leaves the charge of what is cut to the pins: of a chain that is its last chunk, a table does so
// itself. To look at all of the content would take as long as the file is. A short one is looked
// at, and takes back at once what pins have held that are gone.
void storage::trim(const account& payer) noexcept {
  const std::uint64_t end = size();
  if (payer.size_ahead() > end || end == 0) return;
  constexpr std::uint64_t is_short = 4 * slice_size;
  settle_pins(end <= is_short ? 0 : end - 1, std::numeric_limits<std::uint64_t>::max());
  const account own = payer.for_content(*this);
  std::visit([&](auto& c) { c.trim(own); }, content_);
}

void storage::trim_excess(const account& payer) noexcept {
  constexpr std::uint64_t always_bearable = 4096;  // bytes
  if (totals_now().footprint > 2 * size() + always_bearable) trim(payer);
}

result<void> storage::promote(const account& payer, std::uint64_t begin, std::uint64_t end,
                              std::unique_ptr<promotion>* rest) {
  chain& content = std::get<chain>(content_);
  if (layout_ != storage_layout::automatic || content.size() > payer.promotion_limit())
    return errc::not_supported;
  settle_pins();
  const totals after = block_table::totals_for(content.size(), begin, end);
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(payer.ask_reserving(after, content.totals_now()));
  }
  BOOST_OUTCOME_TRY(auto paid, payer.reserve(after, content.totals_now()));
  BOOST_OUTCOME_TRY(payer.approve(after, content.totals_now()));
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(payer.ask_allocating(after, content.totals_now()));
  }
  if (rest != nullptr && promotes_long(begin)) {
    rest->reset(new (std::nothrow) promotion(*this, payer, std::move(paid), begin, end));
    if (*rest == nullptr) return errc::out_of_memory;
    return boost::outcome_v2::success();
  }
  promotion at_once(*this, payer, std::move(paid), begin, end);
  BOOST_OUTCOME_TRY(at_once.advance(content.size()));
  return boost::outcome_v2::success();
}

}  // namespace coramfs::detail
