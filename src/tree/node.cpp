// SPDX-License-Identifier: BSL-1.0
#include "tree/node.hpp"

#include <coramfs/detail/open_file.hpp>

#include "core/brief_lock.hpp"
#include "core/lifetime.hpp"
#include "tree/hold_table.hpp"
#include "tree/unnamed.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <thread>
#include <utility>

namespace coramfs::detail {

/// A name that is too long for its node, with its text behind it.
struct node_name::long_text {
  std::atomic<node*> owner{nullptr};

  char* text() noexcept { return reinterpret_cast<char*>(this + 1); }
};

node_name::node_name(node_name&& other) noexcept : size_(std::exchange(other.size_, 0)) {
  std::memcpy(text_, other.text_, sizeof text_);
}

node_name& node_name::operator=(node_name&& other) noexcept {
  if (this != &other) {
    free();
    size_ = std::exchange(other.size_, 0);
    std::memcpy(text_, other.text_, sizeof text_);
  }
  return *this;
}

bool node_name::assign(small_memory& from, std::string_view text) noexcept {
  char fresh[inline_size] = {};
  char* copy = fresh;
  if (text.size() > inline_size) {
    long_text* piece = nullptr;
    from.take(sizeof(long_text) + text.size(), small_memory::use::name,
              [&piece](void* memory) { piece = new (memory) long_text; });
    if (piece == nullptr) return false;
    std::memcpy(fresh, &piece, sizeof piece);
    copy = piece->text();
  }
  text.copy(copy, text.size());
  free();
  std::memcpy(text_, fresh, sizeof text_);
  size_ = static_cast<std::uint8_t>(text.size());
  return true;
}

std::uint64_t node_name::footprint(std::size_t size) noexcept {
  return size <= inline_size ? 0 : small_memory::footprint(sizeof(long_text) + size);
}

node_name::long_text* node_name::piece() const noexcept {
  long_text* piece;
  std::memcpy(&piece, text_, sizeof piece);
  return piece;
}

const char* node_name::long_view() const noexcept { return piece()->text(); }

void node_name::set_owner(node& of) noexcept {
  if (!is_inline()) piece()->owner.store(&of, std::memory_order_release);
}

void node_name::drop_owner() noexcept {
  if (!is_inline()) piece()->owner.store(nullptr, std::memory_order_release);
}

node* node_name::owner_of(void* piece) noexcept {
  return static_cast<long_text*>(piece)->owner.load(std::memory_order_acquire);
}

void node_name::move_to(void* memory) noexcept {
  auto* const moved = new (memory) long_text;
  std::memcpy(moved->text(), piece()->text(), size_);
  moved->owner.store(owner_of(piece()), std::memory_order_relaxed);
  std::memcpy(text_, &moved, sizeof moved);
}

void node_name::free() noexcept {
  if (!is_inline()) small_memory::give(piece());
}

void file_node::note_marks_of(unsigned lane) noexcept {
  static_assert(no_lane + 1 <= std::numeric_limits<std::uint8_t>::max());
  const auto mine = static_cast<std::uint8_t>(lane + 1), any = std::uint8_t{no_lane + 1};
  std::uint8_t noted = 0;
  if (lane_of_marks_.load(std::memory_order_relaxed) == mine ||
      lane_of_marks_.compare_exchange_strong(noted, mine, std::memory_order_relaxed))
    return;
  if (noted != any && noted != mine) lane_of_marks_.store(any, std::memory_order_relaxed);
}

void file_node::note(opening how, unsigned lane) noexcept {
  switch (how) {
    case opening::unnoted: break;
    case opening::reads: return lane != no_lane && !is_hot ? note_reader_of(lane) : note_use();
    case opening::changes: return changes_.store(opened, std::memory_order_relaxed);
    case opening::renews: return changes_.store(0, std::memory_order_relaxed);
  }
}

// The counter is not incremented by one atomic step: a reader that goes uncounted does no harm.
void file_node::note_reader_of(unsigned lane) noexcept {
  const auto mine = static_cast<std::uint8_t>(lane + 1);
  const bool is_same = last_reader_.load(std::memory_order_relaxed) == mine;
  const std::uint8_t changes = changes_.load(std::memory_order_relaxed);
  if (is_same && (changes & opened) != 0) return;
  last_reader_.store(mine, std::memory_order_relaxed);
  const int counted = !is_same && changes < many ? changes + one_change : changes;
  changes_.store(static_cast<std::uint8_t>(counted | opened), std::memory_order_relaxed);
}

bool file_node::take_use() noexcept {
  if (!was_used()) return false;
  const auto others = static_cast<std::uint8_t>(~opened);
  return (changes_.fetch_and(others, std::memory_order_relaxed) & opened) != 0;
}

// Calls `look` until what it has seen belongs together, and returns that.
template <class Look>
auto file_node::look(Look look) const noexcept {
  for (int tries = 0;; ++tries) {
    const std::uint32_t before = turn_.load(std::memory_order_acquire);
    const auto seen = look();
    if (before % 2 == 0 && turn_.load(std::memory_order_relaxed) == before) return seen;
    // Writing takes a few instructions, unless the writer's thread was stopped in them.
    constexpr int looks = 100;
    tries < looks ? spin_pause() : std::this_thread::yield();
  }
}

// Each value is stored with release and read with acquire: whoever has seen a new one sees that
// `turn_` was odd.
inline void file_node::show(time_point now, std::uint64_t generation) noexcept {
  const std::uint32_t turn = turn_.load(std::memory_order_relaxed);
  const totals e = content.totals_now();
  turn_.store(turn + 1, std::memory_order_relaxed);
  size_.store(e.size, std::memory_order_release);
  footprint_.store(e.footprint, std::memory_order_release);
  modified_at_.store(now.time_since_epoch().count(), std::memory_order_release);
  generation_.store(generation, std::memory_order_release);
  turn_.store(turn + 2, std::memory_order_release);
}

// What an idle file has beyond its content and its status starts anew: it is not hot, and has no
// marks.
file_node::file_node(file_node&& idle) noexcept
    : node(false, idle.created_at, idle.drawn_id.load(std::memory_order_relaxed)),
      changes_(static_cast<std::uint8_t>(idle.changes_.load(std::memory_order_relaxed) & opened)),
      content(std::move(idle.content)),
      size_(idle.size_.load(std::memory_order_relaxed)),
      footprint_(idle.footprint_.load(std::memory_order_relaxed)),
      generation_(idle.generation_.load(std::memory_order_relaxed)),
      modified_at_(idle.modified_at_.load(std::memory_order_relaxed)) {
  name = std::move(idle.name);
}

// The offset of a member in a class with a base is not defined by the standard, but by all
// compilers that are supported.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
file_node& file_node::of(storage& content) noexcept {
  auto* const address = reinterpret_cast<std::byte*>(&content) - offsetof(file_node, content);
  return *std::launder(reinterpret_cast<file_node*>(address));
}
#pragma GCC diagnostic pop

file_status file_node::status() const noexcept {
  return look([this] {
    const time_point modified_at{
        time_point::duration(modified_at_.load(std::memory_order_acquire))};
    return file_status{size_.load(std::memory_order_acquire),       created_at, modified_at,
                       generation_.load(std::memory_order_acquire), false,      0,
                       footprint_.load(std::memory_order_acquire)};
  });
}

void file_node::publish_change(time_point now) noexcept {
  const time_point last{time_point::duration(modified_at_.load(std::memory_order_relaxed))};
  show(std::max(last, now), generation_.load(std::memory_order_relaxed) + 1);
}

void file_node::publish_new(std::uint64_t generation) noexcept { show(created_at, generation); }

void file_node::publish_again(const file_status& was) noexcept {
  show(was.modified_at, was.generation);
}

// A file with holes takes less than one of its size needs, and one with slack takes more. The copy
// has the holes, and no slack.
totals file_node::estimate_copy() const noexcept {
  return look([this] {
    totals e =
        storage::totals_for(storage_layout::sequential, size_.load(std::memory_order_acquire));
    e.footprint = std::min(e.footprint, footprint_.load(std::memory_order_acquire));
    return e;
  });
}

bool is_below(const node& n, const directory_node& above) noexcept {
  const node* at = n.parent.get();
  while (at != nullptr && at != &above) at = at->parent.get();
  return at != nullptr;
}

// The root is not counted: it stays where it is, busy or not, and so those who open files in it
// share no word.
void count_user(node& of) noexcept {
  for (node* n = &of; n->parent != nullptr; n = n->parent)
    if (n->users.fetch_add(1, std::memory_order_acq_rel) != 0) break;
}

// The parent of a busy node only changes where a file loses its name. So it is read before the
// count that keeps it so goes down. Whoever takes the name takes over what is counted above, and
// the bit that is set before that tells those who still come down to it with the parent that it
// had.
bool discount_user(node& of) noexcept {
  for (node* n = &of;;) {
    node* const above = n->parent;
    const std::uint32_t before = n->users.fetch_sub(1, std::memory_order_acq_rel);
    if (before != 1) return before == (node::unnamed | 1);
    if (above->parent == nullptr) return false;
    n = above;
  }
}

std::size_t lane_of(const file_node& n) noexcept {
  return reinterpret_cast<std::uintptr_t>(&n) / sizeof(file_node);
}

node_use::node_use(file_node& used, lifetime& whole) noexcept : node_(&used), whole_(&whole) {
  count_user(used);
}

void node_use::make_handle() noexcept {
  if (mark_ == nullptr || !mark_->make_handle(ticket_)) {
    mark_ = nullptr;
    whole_->add(lifetime::by::handle, lane_of(*node_));
  }
  ticket_ |= hold_mark::is_handle;
}

// The lock goes first, for the node may be freed as soon as it is not busy. If the mark is still
// there, taking it away is all that is left to do.
void node_use::let_go() noexcept {
  file_node& n = *std::exchange(node_, nullptr);
  const bool is_mark_lock = (ticket_ & hold_mark::is_lock) != 0;
  if (is_locked_ && !is_mark_lock) n.lock.unlock(kind_);
  hold_mark* const mark = std::exchange(mark_, nullptr);
  if (mark != nullptr && mark->take_away(ticket_)) return;
  if (is_mark_lock) n.lock.unlock(fair_lock::kind::shared);
  const std::size_t lane = lane_of(n);
  if (discount_user(n)) free_unnamed(static_cast<volume_state&>(*whole_), n);
  if ((ticket_ & hold_mark::is_handle) != 0) whole_->drop(lifetime::by::handle, lane);
}

}  // namespace coramfs::detail
