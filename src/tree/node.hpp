// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/fair_lock.hpp>
#include <coramfs/entries.hpp>

#include "core/quota.hpp"
#include "core/sip_hash.hpp"
#include "storage/storage.hpp"
#include "tree/directory_index.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

namespace coramfs::detail {

using time_point = std::chrono::system_clock::time_point;

/// A node's name: owned text of at most 255 bytes. A short one, as most are, stands in the node
/// itself: it costs nothing, and a look-up finds it beside the hash.
class node_name {
 public:
  static constexpr std::size_t inline_size = 23;

  node_name() noexcept = default;
  node_name(node_name&& other) noexcept;
  node_name& operator=(node_name&& other) noexcept;
  ~node_name() { free(); }

  /// False: memory is refused, and the name is as before.
  bool assign(std::string_view text) noexcept;

  std::string_view view() const noexcept { return {is_inline() ? text_ : heap(), size_}; }
  static std::uint64_t footprint(std::string_view text) noexcept;

 private:
  bool is_inline() const noexcept { return size_ <= inline_size; }
  char* heap() const noexcept;
  void free() noexcept;

  alignas(char*) char text_[inline_size] = {};  // or where the text is
  std::uint8_t size_ = 0;
};

/// What files and directories have in common: a place in the tree.
///
/// Invariant: `users` of a file counts the operations and handles that hold it, `users` of a
/// directory the nodes in it whose own count is above 0, and its places among the recent ones. So
/// a node with users is busy, and so is every directory above it but the root. It goes up under the
/// tree's lock alone.
class node {
 public:
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Of a directory `tree::require_idle` knows better.
  bool is_busy() const noexcept { return users.load(std::memory_order_acquire) != 0; }

  // Guarded by the tree's lock; `parent` does not change while the node is busy.
  class directory_node* parent = nullptr;  ///< none: the root, or not in the tree
  node* next_in_bucket = nullptr;
  node_name name;
  time_point modified_at;  ///< of a directory; a file has it under its status lock

  const time_point created_at;
  std::uint64_t hash = 0;  ///< of the name
  std::atomic<std::uint32_t> users{0};
  const bool is_directory;

 protected:
  node(bool directory, time_point now) noexcept
      : modified_at(now), created_at(now), is_directory(directory) {}
  ~node() = default;
};

/// One user more: of the node, and of what is above it if it had none. Under the tree's lock.
void count_user(node& of) noexcept;
/// One user less. No lock is needed.
void discount_user(node& of) noexcept;

class directory_node final : public node {
 public:
  directory_node(time_point now, const hash_key& key) noexcept : node(true, now), entries(key) {}

  file_status status() const noexcept { return {0, created_at, modified_at, 0, true}; }

  directory_index entries;  // guarded by the tree's lock
};

/// A file. Its lock guards its content; what `stat` shows of it stands apart, for `stat` waits
/// for no file's lock.
class file_node final : public node {
 public:
  file_node(storage_layout layout, time_point now) noexcept : node(false, now), content(layout) {}

  file_status status() const noexcept;
  std::uint64_t size() const noexcept { return status().size; }

  /// Shows the content as it is now, after a change. Under the file's exclusive lock.
  void publish_change() noexcept;
  /// Shows the content that a new file is made with, before anybody else sees the file.
  void publish_new(std::uint64_t generation) noexcept;
  /// What a copy would amount to, as far as can be told without the file's lock.
  extent estimate_copy() const noexcept;

  fair_lock lock;
  storage content;  // guarded by lock

 private:
  // Guarded by the status lock, a leaf that many files share; as is modified_at.
  std::uint64_t size_ = 0;
  std::uint64_t footprint_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace coramfs::detail
