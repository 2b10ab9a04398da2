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
/// It sees each directory at one moment, and leaves out those that have gone by their turn. A
/// directory that others change while it is looked at is begun anew: what was noted of it, seen in
/// vain, is dropped in slices. All is kept in lists, so nothing moves when more is added, and no
/// step takes longer the more there is.
///
/// Guarded by its operation: one thread at a time. `begin` and `look_on` need the tree's lock, too.
class copy_plan {
 public:
  /// A file that is to be copied.
  struct file {
    std::string name;
    totals estimate;  ///< of its content, as far as can be told without its lock
  };
  /// A directory that is to be copied.
  struct directory {
    directory* parent;  ///< the one that its copy goes to; null for the top
    std::string name;   ///< of the copy
    std::string path;   ///< of the source; empty if it has no files
    std::list<file> files;
    charge of_files;  ///< what the copies of the files are charged
    bool has_content = false;
    std::size_t entries = 0;         ///< of the copy
    directory_node* copy = nullptr;  ///< null until it is made
  };
  using directories = std::list<directory>;

  /// `shares`: the copies share the bytes of the files.
  explicit copy_plan(const volume_state& v, bool shares = false) noexcept
      : volume_(&v), shares_(shares) {}

  /// Begins with the directory `top`, at `path`, whose copy is to be called `name`. Under the
  /// tree's lock.
  void begin(const directory_node& top, std::string path, std::string_view name);
  /// Looks at a slice of the source. To be called once in each hold of the tree's lock. Returns
  /// whether there is more.
  bool look_on(pace& p);
  /// Drops a slice of what was seen in vain. Returns whether there is more. Outside of the lock.
  bool drop_seen_in_vain(pace& p) noexcept;
  /// Drops a slice of everything in the plan. Returns whether there is more. Outside of the lock.
  bool drop(pace& p) noexcept;

  /// Whether the source has gone before it was seen as a whole.
  bool is_empty() const noexcept { return wanted_.directories == 0; }
  /// The directories that are yet to be copied, each after the one that it is in. The caller takes
  /// off the first when it has done with it.
  directories& rest() noexcept { return rest_; }
  bool has_content() const noexcept { return has_content_; }

  /// What the copy is charged, but for its own entry in the directory that it goes to.
  const charge& wanted() const noexcept { return wanted_; }
  /// Corrects the charge of the first file in a directory, whose content turned out to be another
  /// than the estimate, which it then is.
  void adjust(directory& in, const totals& content) noexcept;
  /// Drops the first file in a directory, which has gone.
  void leave_out(directory& in) noexcept;

 private:
  using visited = descent<directory*>::visit;
  bool visit(const visited& at, pace& p);
  void begin_directory(const visited& at);
  void forget_directory() noexcept;
  void see(const visited& at, const node& n);
  void end_directory(const visited& at);
  charge charge_of(std::string_view name, const totals& content) const noexcept;
  void set_entries(directory& d, std::size_t entries) noexcept;

  const volume_state* volume_;
  bool shares_;
  std::string name_;  // of the copy of the top
  descent<directory*> unseen_;
  directories visited_;  // the current directory, until it has been seen as a whole; at most one
  directories rest_;
  std::list<file> seen_in_vain_;
  charge wanted_;
  bool has_content_ = false;
};

}  // namespace coramfs::detail
