// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "storage/block_memory.hpp"
#include "tree/tree.hpp"

namespace coramfs::detail {

/// Makes whole pages of memory that is free in many small pieces: it moves files, names and
/// contents out of slabs that are sparse, to others of their kind.
///
/// It moves only what nobody looks at, under the tree's exclusive lock: a file that is in the tree
/// and not busy, the content of such a file unless it is pinned, and the name of any node in the
/// tree. An operation that holds that lock already keeps pointers to nodes, so for it only contents
/// are moved.
///
/// A node on its way into the tree, or out of it, is known by not being below the root. It may be
/// destroyed while it is looked at, but its memory is not reused: to give that back takes a lock
/// of `small_memory`, and it is looked at under all of them. A directory is not given back before
/// the nodes that were in it have forgotten it.
///
/// Thread safety: it may be called from many threads at once, with no lock below the tree's held.
/// Locks: it takes the tree's exclusively, unless the calling thread holds it so already, and under
/// that all locks of `small_memory`.
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
  bool moves_nodes_ = false;  // guarded by the tree's exclusive lock
};

}  // namespace coramfs::detail
