// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "core/quota.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <memory>
#include <string_view>

namespace coramfs::detail {

/// A new empty directory that is not in the tree yet. Null: memory is refused.
std::unique_ptr<directory_node> new_directory(const tree& of, std::string_view name) noexcept;

/// A new empty file that is not in the tree yet. Null: memory is refused.
std::unique_ptr<file_node> new_file(const volume_state& v, std::string_view name) noexcept;

/// Whether what is new may be in memory beside what it replaces, though only the difference is
/// charged. Errors: `quota_exceeded`.
result<void> require_beside(const volume_state& v, const charge& wanted,
                            const charge& replaced) noexcept;

/// What a new node without content is charged in a directory.
charge node_charge(const volume_state& v, const directory_node& in, std::string_view name,
                   bool is_directory) noexcept;

/// What a new file costs at a place, and what it takes the place of.
struct file_cost {
  charge wanted;    ///< its node, its name, its entry, its content
  charge replaced;  ///< a file that goes when it comes
};

/// A new file that nobody sees yet, with its content paid for. Unless it is linked, all of that
/// is given back.
class file_draft {
 public:
  /// Pays, using up what was `granted` first, asks the guard, and makes an empty file, whose
  /// content the caller then makes of `content`'s size with a prepaid account.
  ///
  /// Errors: `node_limit_exceeded`, `quota_exceeded`, `memory_guard`, `out_of_memory`.
  static result<file_draft> make(volume_state& v, std::string_view name, const file_cost& cost,
                                 const extent& content, grant* granted = nullptr) noexcept;

  file_node& file() noexcept { return *file_; }

  /// Puts the file into its place, under the tree's exclusive lock. What is there is no
  /// directory and not busy; it goes, and comes back for the caller to free.
  ///
  /// Errors: what has changed since `make` may cost more: `quota_exceeded`,
  /// `node_limit_exceeded`, `out_of_memory`.
  result<detached_node> link(const entry& at) noexcept;

  /// Forgets the file, but not what was paid for it.
  reservation give_up() noexcept;

 private:
  file_draft(volume_state& v, reservation paid, std::unique_ptr<file_node> file) noexcept
      : volume_(&v), paid_(std::move(paid)), file_(std::move(file)) {}

  // In this order: what was paid is given back when the file is gone.
  volume_state* volume_;
  reservation paid_;
  std::unique_ptr<file_node> file_;
};

/// The cost of a file with `content` at a place, which is free or a file's. Under the lock.
file_cost cost_of_file(const volume_state& v, const entry& at, const extent& content) noexcept;

}  // namespace coramfs::detail
