// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/pace.hpp"
#include "core/quota.hpp"
#include "tree/descent.hpp"
#include "tree/volume_state.hpp"

#include <cstddef>
#include <list>
#include <string>
#include <string_view>

namespace coramfs::detail {

/// What a `copy_tree` copies and what that costs, by names and sizes alone: no file is waited for.
///
/// Sees each directory at one moment, and leaves out those that have gone by their turn. Nothing
/// here moves when more comes, and nothing takes longer the more there is, but for the slices: a
/// directory that was seen in vain is let go of in slices, too.
///
/// Thread safety: one operation's own.
class copy_plan {
 public:
  struct file {
    std::string name;
    extent estimate;
  };
  struct directory {
    directory* parent;  ///< none: the top
    std::string name;   ///< of the copy
    std::string path;   ///< of the source, if it has files
    std::list<file> files;
    charge of_files;
    bool has_content = false;
    std::size_t entries = 0;         ///< of the copy
    directory_node* copy = nullptr;  ///< once it is made
  };
  using directories = std::list<directory>;

  explicit copy_plan(const volume_state& v) noexcept : volume_(&v) {}

  /// `name`: of the copy. In a hold of the tree's lock.
  void begin(const directory_node& top, std::string path, std::string_view name);
  /// A slice, in each hold of the tree's lock once. True: there is more.
  bool look_on(pace& p);
  /// A slice of what was seen in vain, outside of the lock. True: there is more.
  bool drop_seen_in_vain(pace& p) noexcept;
  /// Likewise of all.
  bool drop(pace& p) noexcept;

  /// The source has gone before it was seen.
  bool is_empty() const noexcept { return wanted_.directories == 0; }
  /// Each comes after the one that it is in. Who has done with the first may take it off.
  directories& rest() noexcept { return rest_; }
  bool has_content() const noexcept { return has_content_; }

  /// Of all but the entry of the top.
  const charge& wanted() const noexcept { return wanted_; }
  /// The first file of a directory turns out to be of another size.
  void adjust(const directory& in, const extent& content) noexcept;
  /// It has gone.
  void leave_out(directory& in) noexcept;

 private:
  using place = descent<directory*>::place;
  bool visit(const place& at, pace& p);
  void begin_directory(const place& at);
  void forget_directory() noexcept;
  void see(const place& at, const node& n);
  void end_directory(const place& at);
  charge charge_of(std::string_view name, const extent& content) const noexcept;
  void set_entries(directory& d, std::size_t entries) noexcept;

  const volume_state* volume_;
  std::string name_;  // of the top's copy
  descent<directory*> unseen_;
  directories visited_;  // at most one, until it has been seen as a whole
  directories rest_;
  std::list<file> seen_in_vain_;
  charge wanted_;
  bool has_content_ = false;
};

}  // namespace coramfs::detail
