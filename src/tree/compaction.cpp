// SPDX-License-Identifier: BSL-1.0
#include "tree/compaction.hpp"

#include "storage/block.hpp"

#include <new>
#include <utility>

namespace coramfs::detail {

compaction::compaction(tree& names, block_memory& memory) noexcept
    : names_(names), memory_(memory) {
  memory_.set_relief(this);
}

compaction::~compaction() { memory_.set_relief(nullptr); }

bool compaction::free_a_slab() noexcept {
  if (names_.is_changed_by_this_thread()) {
    moves_nodes_ = false;
    return memory_.small().evacuate(*this);
  }
  const tree::exclusive_access access(names_);
  moves_nodes_ = true;
  return memory_.small().evacuate(*this);
}

bool compaction::may_move(small_memory::use what) const noexcept {
  return what == small_memory::use::content || (moves_nodes_ && what != small_memory::use::fixed);
}

bool compaction::move(small_memory::use what, void* from, void* to) noexcept {
  switch (what) {
    case small_memory::use::content: return move_content(*static_cast<block*>(from), to);
    case small_memory::use::name: return move_name(from, to);
    case small_memory::use::file: return move_file(*static_cast<file_node*>(from), to);
    case small_memory::use::fixed: break;
  }
  return false;
}

bool compaction::move_content(block& from, void* to) noexcept {
  storage* const owner = from.sole_owner();
  if (owner == nullptr || !is_idle(file_node::of(*owner))) return false;
  owner->move(from, to);
  return true;
}

bool compaction::move_name(void* from, void* to) noexcept {
  names_.require_exclusive();
  node* const owner = node_name::owner_of(from);
  if (owner == nullptr || !names_.is_in_tree(*owner)) return false;
  owner->name.move_to(to);
  return true;
}

bool compaction::move_file(file_node& from, void* to) noexcept {
  if (!is_idle(from) || !from.content.may_be_moved()) return false;
  auto* const moved = ::new (to) file_node(std::move(from));
  tree::replace(from, *moved);
  from.~file_node();
  return true;
}

bool compaction::is_idle(const file_node& f) const noexcept {
  names_.require_exclusive();
  return names_.is_in_tree(f) && !names_.is_busy(f) && f.lock.is_idle();
}

}  // namespace coramfs::detail
