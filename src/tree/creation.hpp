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
std::unique_ptr<directory_node> new_directory(std::string_view name) noexcept;

/// What a new node without content is charged in a directory.
charge node_charge(const volume_state& v, const directory_node& in, std::string_view name,
                   bool is_directory) noexcept;

/// A new file that nobody sees yet, paid for with its content. Unless it is linked, all of that
/// is given back.
class file_draft {
 public:
  /// Errors: those of a reservation of `node`; `out_of_memory`.
  static result<file_draft> make(volume_state& v, std::string_view name,
                                 const charge& node) noexcept;
  file_draft(file_draft&&) noexcept = default;
  file_draft& operator=(file_draft&&) = delete;
  ~file_draft();

  file_node& file() noexcept { return *file_; }

  /// Puts the file into a free place, under the tree's exclusive lock.
  ///
  /// Errors: the directory's table may have grown since, so `quota_exceeded`, `out_of_memory`.
  result<file_node*> link(const entry& at) noexcept;

 private:
  file_draft(volume_state& v, reservation paid, std::unique_ptr<file_node> file) noexcept
      : volume_(&v), paid_(std::move(paid)), file_(std::move(file)) {}

  volume_state* volume_;
  reservation paid_;
  std::unique_ptr<file_node> file_;
};

}  // namespace coramfs::detail
