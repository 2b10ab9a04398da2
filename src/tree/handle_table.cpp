// SPDX-License-Identifier: BSL-1.0
#include "tree/handle_table.hpp"

#include <cstring>
#include <new>
#include <type_traits>

namespace coramfs::detail {

void handle_record::set_label(const char* label) noexcept {
  const label_text text(label);
  std::array<std::uint64_t, 4> words{};
  static_assert(sizeof text <= sizeof words && std::is_trivially_copyable_v<label_text>);
  std::memcpy(words.data(), &text, sizeof text);
  for (std::size_t i = 0; i < words.size(); ++i)
    label_[i].store(words[i], std::memory_order_release);
}

bool handle_record::read(handle_entry& to) const noexcept {
  const std::uint64_t state = state_.load(std::memory_order_acquire);
  if ((state & in_use) == 0) return false;
  std::array<std::uint64_t, 4> words{};
  to.file = file_.load(std::memory_order_acquire);
  to.since = std::chrono::steady_clock::duration(since_.load(std::memory_order_acquire));
  for (std::size_t i = 0; (state & has_label) != 0 && i < words.size(); ++i)
    words[i] = label_[i].load(std::memory_order_acquire);
  if (state_.load(std::memory_order_acquire) != state) return false;
  to.mode = static_cast<open_mode>(state / one_mode % modes);
  std::memcpy(static_cast<void*>(&to.label), words.data(), sizeof to.label);
  return true;
}

handle_table::~handle_table() {
  const auto free_blocks = [](lane& of) {
    for (auto& block : of.blocks) delete[] block.load(std::memory_order_relaxed);
  };
  for (lane& l : lanes_) free_blocks(l);
  free_blocks(without_lane_);
}

// Gives a record back to the lane of another thread.
void handle_table::give_to(unsigned of, handle_record& r) noexcept {
  auto& returned = (of == nobodys ? without_lane_ : lanes_[of]).returned;
  r.next_ = returned.load(std::memory_order_relaxed);
  while (!returned.compare_exchange_weak(r.next_, &r, std::memory_order_release,
                                         std::memory_order_relaxed))
    continue;
}

// Gives a lane free records: those that others have returned, or else a new block. Returns whether
// there are any.
bool handle_table::refill(lane& in, unsigned number) noexcept {
  if (in.returned.load(std::memory_order_relaxed) != nullptr) {
    in.free = in.returned.exchange(nullptr, std::memory_order_acquire);
    return true;
  }
  std::size_t size = first_block;
  for (auto& block : in.blocks) {
    if (block.load(std::memory_order_relaxed) == nullptr) {
      auto* const fresh = new (std::nothrow) handle_record[size];
      if (fresh == nullptr) return false;
      for (std::size_t i = 0; i < size; ++i) {
        fresh[i].state_.store(number * handle_record::one_lane, std::memory_order_relaxed);
        if (i + 1 < size) fresh[i].next_ = &fresh[i + 1];
      }
      in.free = fresh;
      block.store(fresh, std::memory_order_release);
      return true;
    }
    size *= 2;
  }
  return false;
}

handle_record* handle_table::add_without_lane(
    file_node& f, open_mode mode, const char* label,
    std::chrono::steady_clock::time_point since) noexcept {
  const std::lock_guard lock(mutex_);
  return take(without_lane_, nobodys, f, mode, label, since);
}

// Returns the record at a place, and moves on; null behind the last one.
const handle_record* handle_table::next(cursor& at) const noexcept {
  const unsigned end = lanes_in_use();
  for (; at.lane <= thread_lanes; ++at.lane, at.block = 0) {
    if (at.lane >= end && at.lane != thread_lanes) at.lane = thread_lanes;
    const lane& in = at.lane == thread_lanes ? without_lane_ : lanes_[at.lane];
    for (; at.block < most_blocks; ++at.block, at.index = 0) {
      const handle_record* const block = in.blocks[at.block].load(std::memory_order_acquire);
      if (block == nullptr) break;
      if (at.index < first_block << at.block) return &block[at.index++];
    }
    at.index = 0;
  }
  return nullptr;
}

}  // namespace coramfs::detail
