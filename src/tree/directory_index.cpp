// SPDX-License-Identifier: BSL-1.0
#include "tree/directory_index.hpp"

#include "core/thread_lane.hpp"
#include "storage/small_memory.hpp"
#include "tree/node.hpp"

#include <atomic>
#include <bit>
#include <cassert>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

constexpr std::uint64_t reversed(std::uint64_t bits) noexcept {
  constexpr std::uint64_t every_2nd = 0x5555555555555555, pairs = 0x3333333333333333,
                          halves = 0x0f0f0f0f0f0f0f0f, bytes = 0x00ff00ff00ff00ff,
                          twos = 0x0000ffff0000ffff;
  bits = ((bits >> 1) & every_2nd) | ((bits & every_2nd) << 1);
  bits = ((bits >> 2) & pairs) | ((bits & pairs) << 2);
  bits = ((bits >> 4) & halves) | ((bits & halves) << 4);
  bits = ((bits >> 8) & bytes) | ((bits & bytes) << 8);
  bits = ((bits >> 16) & twos) | ((bits & twos) << 16);
  return (bits >> 32) | (bits << 32);
}

bool operator<(const directory_index::position& a, const directory_index::position& b) noexcept {
  return a.hash != b.hash ? a.hash < b.hash : a.name < b.name;
}

}  // namespace

directory_index::~directory_index() {
  assert(size_ == 0);
  drop_leaves(0);
}

directory_index::sought directory_index::look_for(std::string_view name) const noexcept {
  if (size_ == 0) return {nullptr, 0};
  const std::uint64_t wanted = hash(name);
  for (node* n = head(address(wanted, size_)); n != nullptr; n = n->next_in_bucket)
    if (n->hash == wanted && n->name.view() == name) return {n, wanted};
  return {nullptr, wanted};
}

bool directory_index::reserve(std::size_t entries) noexcept {
  const std::size_t before = leaves_;
  while (leaves_ < leaves_for(entries)) {
    if (!add_leaf()) {
      drop_leaves(before);
      return false;
    }
  }
  return true;
}

void directory_index::insert(node& n, std::uint64_t known) noexcept {
  assert(leaves_ >= leaves_for(size_ + 1));
  change();
  n.hash = known != 0 ? known : hash(n.name.view());
  assert(n.hash == hash(n.name.view()));
  const std::size_t added = size_++;
  if (!in_pages_ && size_ > inline_buckets) move_buckets(true);
  // One bucket more: it takes its share of the one that it is split from.
  if (added > 0) {
    for (node* next = take(split_from(added)); next != nullptr;) {
      node& moved = *std::exchange(next, next->next_in_bucket);
      push(address(moved.hash, size_), moved);
    }
  }
  push(address(n.hash, size_), n);
}

void directory_index::replace(node& old, node& fresh) noexcept {
  change();
  node*& link = link_to(old);
  fresh.hash = old.hash;
  fresh.next_in_bucket = std::exchange(old.next_in_bucket, nullptr);
  link = &fresh;
}

void directory_index::erase(node& n) noexcept {
  change();
  node*& link = link_to(n);
  link = std::exchange(n.next_in_bucket, nullptr);
  // One bucket less: what is left in it goes back to where it was split from.
  const std::size_t dropped = --size_;
  if (dropped > 0) {
    for (node* next = take(dropped); next != nullptr;) {
      node& moved = *std::exchange(next, next->next_in_bucket);
      push(split_from(dropped), moved);
    }
  }
  if (in_pages_ && size_ <= inline_buckets) move_buckets(false);
}

// Takes out whole pages of buckets, from the last one on.
node* directory_index::take_some(std::size_t most, node* rest) noexcept {
  change();
  const std::size_t before = size_;
  const auto take_buckets = [&](std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i)
      for (node* next = take(i); next != nullptr; --size_) {
        node& taken = *std::exchange(next, next->next_in_bucket);
        taken.next_in_bucket = std::exchange(rest, &taken);
        taken.parent = nullptr;
      }
  };
  if (!in_pages_) take_buckets(0, inline_buckets);
  while (size_ > 0 && before - size_ < most) {
    take_buckets((leaves_ - 1) * fanout, fanout);
    drop_leaf();
  }
  if (size_ == 0) {
    in_pages_ = false;
    drop_leaves(0);
  }
  return rest;
}

node* directory_index::first_from(std::size_t index) const noexcept {
  for (; index < size_; ++index)
    if (node* const n = head(index)) return n;
  return nullptr;
}

node* directory_index::next(const node& n) const noexcept {
  return n.next_in_bucket != nullptr ? n.next_in_bucket : first_from(address(n.hash, size_) + 1);
}

directory_index::position directory_index::position_of(std::string_view name) const noexcept {
  return name.empty() ? position() : position{reversed(hash(name)), name};
}

directory_index::position directory_index::position_of(const node& n) noexcept {
  return {reversed(n.hash), n.name.view()};
}

node* directory_index::first_behind(position p, std::uint64_t* steps) const noexcept {
  if (size_ == 0) return nullptr;
  for (;;) {
    const std::size_t in = address(reversed(p.hash), size_);
    node* first = nullptr;
    std::uint64_t looked = 1;
    for (node* n = head(in); n != nullptr; n = n->next_in_bucket, ++looked)
      if (p < position_of(*n) && (first == nullptr || position_of(*n) < position_of(*first)))
        first = n;
    if (steps != nullptr) *steps += looked;
    if (first != nullptr) return first;
    // All hashes of this bucket begin, in this order, with the same bits. Behind them begins the
    // next one, and no name is in front of the empty one.
    const unsigned bits = bits_of(in, size_);
    if (bits == 0) return nullptr;
    const std::uint64_t count = std::uint64_t{1} << (64 - bits);
    p = {(p.hash & ~(count - 1)) + count, {}};
    if (p.hash == 0) return nullptr;
  }
}

std::uint64_t directory_index::footprint(std::size_t entries) noexcept {
  std::size_t level = leaves_for(entries), pages = level;
  while (level > 1) pages += level = (level + fanout - 1) / fanout;
  return pages * small_memory::footprint(sizeof(page));
}

std::size_t directory_index::leaves_for(std::size_t buckets) noexcept {
  return buckets <= inline_buckets ? 0 : (buckets + fanout - 1) / fanout;
}

std::size_t directory_index::address(std::uint64_t hash, std::size_t buckets) noexcept {
  const std::size_t mask = std::bit_ceil(buckets) - 1, wide = hash & mask;
  return wide < buckets ? wide : wide & (mask >> 1);
}

std::size_t directory_index::split_from(std::size_t bucket) noexcept {
  return bucket - std::bit_floor(bucket);
}

// How many of the lowest bits of a hash tell that it is in this bucket: one less where the bucket
// is still to be split in this round.
unsigned directory_index::bits_of(std::size_t bucket, std::size_t buckets) noexcept {
  const unsigned bits = static_cast<unsigned>(std::bit_width(buckets - 1));
  if (bits == 0) return 0;
  const std::size_t half = std::size_t{1} << (bits - 1);
  return bucket >= half || bucket + half < buckets ? bits : bits - 1;
}

node*& directory_index::bucket(std::size_t index) noexcept {
  if (!in_pages_) return inline_[index];
  page* p = root_;
  for (unsigned level = depth_; level > 0; --level) p = child(p, level, index / fanout);
  return p->slots[index % fanout].head;
}

// The pointer that leads to the node: that of its bucket, or of the node in front of it.
node*& directory_index::link_to(const node& n) noexcept {
  node** link = &bucket(address(n.hash, size_));
  while (*link != &n) link = &(*link)->next_in_bucket;
  return *link;
}

void directory_index::push(std::size_t index, node& n) noexcept {
  n.next_in_bucket = std::exchange(bucket(index), &n);
}

node* directory_index::take(std::size_t index) noexcept {
  return std::exchange(bucket(index), nullptr);
}

bool directory_index::add_leaf() noexcept {
  const bool root_is_full = leaves_ > 0 && leaves_ == leaves_below(depth_);
  if (root_is_full && !push_root()) return false;
  if (make_leaf(root_, depth_, leaves_)) {
    ++leaves_;
    return true;
  }
  if (root_is_full) pop_root();
  return false;
}

void directory_index::drop_leaf() noexcept {
  --leaves_;
  remove_leaf(root_, depth_, leaves_);
  if (depth_ > 0 && leaves_ == leaves_below(depth_ - 1)) pop_root();
}

bool directory_index::push_root() noexcept {
  page* const top = new_page();
  if (top == nullptr) return false;
  top->slots[0].child = std::exchange(root_, top);
  ++depth_;
  return true;
}

void directory_index::pop_root() noexcept {
  page* const top = std::exchange(root_, root_->slots[0].child);
  small_memory::give(top);
  --depth_;
}

directory_index::page* directory_index::new_page() noexcept {
  void* const memory = memory_->take(sizeof(page), small_memory::use::fixed);
  return memory != nullptr ? new (memory) page{} : nullptr;
}

// Makes a leaf, with the pages above it that do not exist yet; all of them or none.
bool directory_index::make_leaf(page*& place, unsigned level, std::size_t leaf) noexcept {
  const bool is_new = place == nullptr;
  if (is_new) place = new_page();
  if (place == nullptr) return false;
  if (level == 0 || make_leaf(child(place, level, leaf), level - 1, leaf)) return true;
  if (is_new) small_memory::give(std::exchange(place, nullptr));
  return false;
}

// Removes the last leaf, with the pages above it that have no other one: those whose first leaf it
// is.
void directory_index::remove_leaf(page*& place, unsigned level, std::size_t leaf) noexcept {
  if (level > 0) remove_leaf(child(place, level, leaf), level - 1, leaf);
  if (leaf % leaves_below(level) == 0) small_memory::give(std::exchange(place, nullptr));
}

directory_index::page*& directory_index::child(page* above, unsigned level,
                                               std::size_t leaf) noexcept {
  return above->slots[leaf / leaves_below(level - 1) % fanout].child;
}

void directory_index::drop_leaves(std::size_t kept) noexcept {
  while (leaves_ > kept) drop_leaf();
}

void directory_index::move_buckets(bool to_pages) noexcept {
  std::array<node*, inline_buckets> heads;
  for (std::size_t i = 0; i < inline_buckets; ++i) heads[i] = take(i);
  in_pages_ = to_pages;
  for (std::size_t i = 0; i < inline_buckets; ++i) bucket(i) = heads[i];
}

// Versions are numbered throughout the program, so that no two directories ever have the same one:
// a path may lead to another directory by the next hold of the lock.
// Numbers are given out to threads by the thousand, so that those who change directories do not all
// write to the one count.
void directory_index::change() noexcept {
  constexpr std::uint64_t at_once = 1024;
  static constinit std::atomic<std::uint64_t> given_out{0};
  CORAMFS_NEAR_THREAD_LOCAL static constinit thread_local std::uint64_t last = 0;
  if (last % at_once == 0) last = given_out.fetch_add(at_once, std::memory_order_relaxed);
  version_ = ++last;
}

}  // namespace coramfs::detail
