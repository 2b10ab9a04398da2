// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/sip_hash.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coramfs::detail {

class node;
class small_memory;

/// The entries of one directory by name: a hash table that grows by one bucket for each entry.
///
/// Linear hashing (Litwin, "Linear Hashing: A New Tool for File and Table Addressing", VLDB
/// 1980): an insertion splits one bucket, a removal merges one. So there is no moment at which
/// all of a large directory is moved, and what the table takes follows from the number of its
/// entries alone: a removal gives back exactly what the insertion took.
///
/// The buckets stand in pages of 64, the leaves of a radix tree; the first few are in the index
/// itself, for most directories are small. Entries are chained through the nodes.
///
/// Names are chosen by whoever may write, so the hash has a secret key, which makes collisions
/// unforeseeable. All of its 64 bits are compared, and the lowest ones tell the bucket.
///
/// Invariant: a node is in the bucket that its hash and the number of entries tell, and there are
/// pages for all buckets, unless the buckets in the index itself suffice.
///
/// Guarded by the tree's lock, or by the operation that makes the directory while nobody else sees
/// it. It takes the locks of `small_memory`. Nodes are not owned.
class directory_index {
 public:
  /// `key` is that of the volume's hashes, and pages come from `from`. Both must live for as long
  /// as the index is used, but may go before its destructor.
  directory_index(const hash_key& key, small_memory& from) noexcept : key_(&key), memory_(&from) {}
  directory_index(const directory_index&) = delete;
  directory_index& operator=(const directory_index&) = delete;
  ~directory_index();

  std::size_t size() const noexcept { return size_; }
  /// A number that no other state of any directory with entries has, or had. If it is the same
  /// under two holds of the lock, so are the entries.
  std::uint64_t version() const noexcept { return version_; }
  /// What a name was found as, and its hash in this volume; 0: that was not needed.
  struct sought {
    node* found;
    std::uint64_t hash;
  };
  sought look_for(std::string_view name) const noexcept;
  /// The node of that name, or null.
  node* find(std::string_view name) const noexcept { return look_for(name).found; }

  /// Makes pages for `entries` in all. Returns false if memory is refused: nothing has changed
  /// then.
  bool reserve(std::size_t entries) noexcept;
  /// Drops the pages that are not needed: those that `erase` has left, or that `reserve` has made
  /// and no `insert` has used.
  void release_spare() noexcept { drop_leaves(leaves_for(size_)); }
  /// `known` is the hash of the node's name, or 0. Precondition: `reserve(size() + 1)` has
  /// succeeded.
  void insert(node& n, std::uint64_t known = 0) noexcept;
  /// Puts `fresh` into the place of `old`, which has the same name.
  void replace(node& old, node& fresh) noexcept;
  /// Takes a node out. Its pages stay until `release_spare`.
  void erase(node& n) noexcept;
  /// Takes out about `most` nodes, or all, and chains them by their `next_in_bucket` in front of
  /// `rest`. Returns the chain. It is for the end of a directory: afterwards nothing but this, the
  /// destructor and `size` may be used.
  node* take_some(std::size_t most, node* rest) noexcept;

  /// The first of all nodes, in no particular order, or null if there are none.
  node* first() const noexcept { return first_from(0); }
  /// The node behind `n` in that order, or null if it is the last.
  node* next(const node& n) const noexcept;

  /// A place in an order that all directories of the volume have in common, and that does not
  /// depend on what is in them: that of the hashes, read from their lowest bits on, and then of the
  /// names. A bucket that is split becomes two that stand there one after the other, so the entries
  /// of a bucket are neighbours however many buckets there are.
  struct position {
    std::uint64_t hash = 0;  ///< its bits from the lowest on, as if they were the highest
    std::string_view name = {};
  };
  /// The position of a name, which need not be here. In front of all is `position()`.
  position position_of(std::string_view name) const noexcept;
  /// That of an entry, of which the name is valid for as long as the entry is.
  static position position_of(const node& n) noexcept;
  /// The first entry behind a position, or null. It looks at few more entries than that one, unless
  /// many hashes begin alike: `steps`, if given, is raised by how many entries and buckets it looks
  /// at.
  node* first_behind(position p, std::uint64_t* steps = nullptr) const noexcept;

  /// How many bytes the pages for so many entries take.
  static std::uint64_t footprint(std::size_t entries) noexcept;

 private:
  static constexpr std::size_t inline_buckets = 4, fanout_bits = 6, fanout = 1 << fanout_bits;

  struct page {
    union slot {
      page* child;
      node* head;
    };
    std::array<slot, fanout> slots;
  };

  static std::size_t leaves_for(std::size_t buckets) noexcept;
  static std::size_t address(std::uint64_t hash, std::size_t buckets) noexcept;
  static std::size_t split_from(std::size_t bucket) noexcept;
  static unsigned bits_of(std::size_t bucket, std::size_t buckets) noexcept;

  std::uint64_t hash(std::string_view name) const noexcept {
    return sip_hash<1, 3>::of(name, *key_);
  }

  node* first_from(std::size_t index) const noexcept;
  node*& bucket(std::size_t index) noexcept;
  node* head(std::size_t index) const noexcept {
    return const_cast<directory_index*>(this)->bucket(index);
  }
  node*& link_to(const node& n) noexcept;
  void push(std::size_t index, node& n) noexcept;
  node* take(std::size_t index) noexcept;

  bool add_leaf() noexcept;
  void drop_leaf() noexcept;
  bool push_root() noexcept;
  void pop_root() noexcept;
  page* new_page() noexcept;
  bool make_leaf(page*& place, unsigned level, std::size_t leaf) noexcept;
  static void remove_leaf(page*& place, unsigned level, std::size_t leaf) noexcept;
  static page*& child(page* above, unsigned level, std::size_t leaf) noexcept;
  static constexpr std::size_t leaves_below(unsigned level) noexcept {
    return std::size_t{1} << (level * fanout_bits);
  }
  void drop_leaves(std::size_t kept) noexcept;
  void move_buckets(bool to_pages) noexcept;
  void change() noexcept;

  const hash_key* key_;
  small_memory* memory_;
  std::uint64_t version_ = 0;
  std::size_t size_ = 0;      // entries, and, from 1 on, buckets
  std::uint32_t leaves_ = 0;  // pages with buckets; ahead of size_ between reserve and insert
  std::uint8_t depth_ = 0;    // levels of pages above the leaves
  bool in_pages_ = false;     // whether the buckets are in pages or in inline_
  page* root_ = nullptr;
  std::array<node*, inline_buckets> inline_{};
};

}  // namespace coramfs::detail
