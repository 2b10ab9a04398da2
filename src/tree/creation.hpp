// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "core/path.hpp"
#include "core/quota.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <memory>
#include <string_view>

namespace coramfs::detail {

/// Makes an empty directory that is not in the tree yet. Returns null if memory is refused.
std::unique_ptr<directory_node> new_directory(const tree& of, std::string_view name) noexcept;

/// Makes an empty file that is not in the tree yet. Returns null if memory is refused.
std::unique_ptr<file_node> new_file(const volume_state& v, std::string_view name) noexcept;

/// Checks that what is new fits into memory beside what it replaces, though only the difference is
/// charged. Errors: `quota_exceeded`.
result<void> require_beside(const volume_state& v, const charge& wanted,
                            const charge& replaced) noexcept;

/// What a new node without content is charged, with its name and its entry in the directory `in`.
/// Under the tree's lock.
charge node_charge(const volume_state& v, const directory_node& in, std::string_view name,
                   bool is_directory) noexcept;

/// Whether a file in the place of a new one goes when that comes, or stays for those who use it.
enum class old_file : bool { goes, stays };

/// What a new file costs at a place, and what it takes the place of.
struct file_cost {
  charge wanted;    ///< its node, its name, its entry, its content
  charge replaced;  ///< a file that goes when it comes
};

/// A new file that nobody sees yet, with its content paid for. Unless it is linked, all of that
/// is given back.
///
/// Guarded by its operation: one thread at a time. `make` must not be called under the tree's lock,
/// since it asks the guard; `link` needs that lock.
class file_draft {
 public:
  /// Reserves the cost, using up what was `granted` first, asks the guard, and makes an empty file.
  /// The caller then gives it the content that was paid for, by a prepaid account.
  ///
  /// Errors: `node_limit_exceeded`, `quota_exceeded`, `memory_guard`, `out_of_memory`.
  static result<file_draft> make(volume_state& v, normal_path path, const file_cost& cost,
                                 const totals& content, grant* granted = nullptr) noexcept;

  file_node& file() noexcept { return *file_; }

  /// Puts the file into its place, under the tree's exclusive lock. What is there must be neither a
  /// directory nor busy; it is taken out, and returned for the caller to free outside of the lock.
  ///
  /// Errors: `quota_exceeded` and `node_limit_exceeded`, because the place may cost more than at
  /// `make`; `out_of_memory`.
  result<detached_node> link(const entry& at) noexcept;
  /// The same in two parts, of which the second can not fail. A file that stays leaves its place
  /// between the two.
  /// @{
  result<void> pay(const entry& at, old_file old = old_file::goes) noexcept;
  detached_node put(const entry& at) noexcept;
  /// @}

  /// Adjusts what was paid to what the file takes by now, where it gets no place in the tree.
  /// Errors: `quota_exceeded`.
  result<void> settle_unnamed() noexcept;
  /// Charges the file, after that, and gives it away.
  std::unique_ptr<file_node> keep() noexcept;

  /// Drops the file, and returns what was reserved for it.
  reservation give_up() noexcept;

 private:
  file_draft(volume_state& v, reservation paid, std::unique_ptr<file_node> file) noexcept
      : volume_(&v), paid_(std::move(paid)), file_(std::move(file)) {}

  // Declared in this order so that what was paid is given back when the file is gone.
  volume_state* volume_;
  reservation paid_;
  std::unique_ptr<file_node> file_;
};

/// The cost of a file with `content` that has no name, and is in no directory.
file_cost cost_of_unnamed(const volume_state& v, const totals& content) noexcept;

/// The cost of a file with `content` at a place, which is free or a file's. Under the tree's
/// exclusive lock where a file goes for it, else under either.
file_cost cost_of_file(const volume_state& v, const entry& at, const totals& content,
                       old_file old = old_file::goes) noexcept;

}  // namespace coramfs::detail
