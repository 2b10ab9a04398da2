// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "storage/block_memory.hpp"
#include "tree/tree.hpp"

namespace coramfs::detail {

/// Makes whole pages of memory that is free in many small pieces: moves files, names and contents
/// out of slabs that are sparse, to others of their kind.
///
/// It moves what nobody looks at: a file that is in the tree and not busy, under the tree's
/// exclusive lock; the content of one, unless it is pinned; the name of any node in the tree. An
/// operation that holds the lock itself keeps pointers to nodes, so for it only contents are moved.
///
/// What is on its way into the tree, or out of it, is recognised by what is above it: the root is
/// not. Such nodes may be destroyed meanwhile, but their memory is not given back, for that takes
/// the memory's lock; and a directory is not given back before what was in it has forgotten it.
///
/// Thread safety: as `memory_relief`. Locks are taken in this order: the tree's, the memory's.
class compaction final : public memory_relief, private piece_mover {
 public:
  compaction(tree& names, block_memory& memory) noexcept;
  ~compaction();
  compaction(const compaction&) = delete;
  compaction& operator=(const compaction&) = delete;

  bool free_a_slab() noexcept override;

 private:
  bool may_move(small_memory::use what) const noexcept override;
  bool move(small_memory::use what, void* from, void* to) noexcept override;
  bool move_content(block& from, void* to) noexcept;
  bool move_name(void* from, void* to) noexcept;
  bool move_file(file_node& from, void* to) noexcept;
  bool is_idle(const file_node& f) const noexcept;

  tree& names_;
  block_memory& memory_;
  bool moves_nodes_ = false;  // guarded by the tree's lock
};

}  // namespace coramfs::detail
