// SPDX-License-Identifier: BSL-1.0
#include "tree/node.hpp"

#include <coramfs/detail/open_file.hpp>

#include "core/footprint.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

// A mutex in each node would be a fifth of it. It is held for three stores, so sharing a few
// among all files costs nothing.
std::mutex& status_lock(const file_node& n) noexcept {
  static std::array<std::mutex, 64> locks;
  return locks[reinterpret_cast<std::uintptr_t>(&n) / alignof(std::max_align_t) % locks.size()];
}

}  // namespace

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

bool node_name::assign(std::string_view text) noexcept {
  char fresh[inline_size] = {};
  char* copy = fresh;
  if (text.size() > inline_size) {
    copy = new (std::nothrow) char[text.size()];
    if (copy == nullptr) return false;
    std::memcpy(fresh, &copy, sizeof copy);
  }
  std::memcpy(copy, text.data(), text.size());
  free();
  std::memcpy(text_, fresh, sizeof text_);
  size_ = static_cast<std::uint8_t>(text.size());
  return true;
}

std::uint64_t node_name::footprint(std::string_view text) noexcept {
  return text.size() <= inline_size ? 0 : heap_footprint(text.size());
}

char* node_name::heap() const noexcept {
  char* text;
  std::memcpy(&text, text_, sizeof text);
  return text;
}

void node_name::free() noexcept {
  if (!is_inline()) delete[] heap();
}

file_status file_node::status() const noexcept {
  const std::lock_guard guard(status_lock(*this));
  return {size_, created_at, modified_at, generation_, false};
}

void file_node::publish_change() noexcept {
  const time_point now = std::chrono::system_clock::now();
  const std::lock_guard guard(status_lock(*this));
  size_ = content.size();
  footprint_ = content.extent_now().footprint;
  modified_at = now;
  ++generation_;
}

void file_node::publish_new(std::uint64_t generation) noexcept {
  generation_ = generation;
  size_ = content.size();
  footprint_ = content.extent_now().footprint;
}

// Holes make it less than the size asks for, slack makes it more.
extent file_node::estimate_copy() const noexcept {
  const std::lock_guard guard(status_lock(*this));
  extent e = storage::extent_for(storage_layout::sequential, size_);
  e.footprint = std::min(e.footprint, footprint_);
  return e;
}

// The root stays where it is, busy or not: those who open files in it need not share a word.
void count_user(node& of) noexcept {
  for (node* n = &of; n->parent != nullptr; n = n->parent)
    if (n->users.fetch_add(1, std::memory_order_acq_rel) != 0) break;
}

// What is above a busy node stays there, so it is read before the count that keeps it there goes
// down.
void discount_user(node& of) noexcept {
  for (node* n = &of; n->parent != nullptr;) {
    node* const above = n->parent;
    if (n->users.fetch_sub(1, std::memory_order_acq_rel) != 1) break;
    n = above;
  }
}

node_use::node_use(file_node& used) noexcept : node_(&used) { count_user(used); }

// The lock goes first.
void node_use::let_go() noexcept {
  if (is_locked_) node_->lock.unlock(kind_);
  discount_user(*node_);
}

}  // namespace coramfs::detail
