// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/pace.hpp"
#include "tree/tree.hpp"

#include <cstdint>
#include <string_view>

namespace coramfs::detail {

/// Shows the entries of a directory, as they are at one moment, in slices. Between slices the
/// tree's lock is let go, and its user looks the directory up again. If its version is the same the
/// scan goes on where it was; if not, what was seen is void, and it begins anew.
///
/// After a few beginnings it takes all entries in one hold, however many there are. Otherwise those
/// who change a directory again and again would keep it from ever ending.
///
/// Guarded by its operation: one thread at a time. `resume` and `advance` need the tree's lock,
/// too.
class directory_scan {
 public:
  /// To be called once for each hold of the lock. Returns whether the scan begins, and what was
  /// seen before is void.
  bool resume(const directory_node& d) noexcept {
    if (in_ != nullptr && d.entries.version() == version_) return false;
    in_ = &d;
    version_ = d.entries.version();
    next_ = d.entries.first();
    ++beginnings_;
    return true;
  }

  /// Shows entries by `see(node)`, until all are seen or a slice is done. Returns whether it is
  /// time for others.
  template <class See>
  bool advance(pace& p, See see) {
    bool is_slice = p.has_done();
    while (next_ != nullptr && !(is_slice && may_pause())) {
      see(*next_);
      next_ = in_->entries.next(*next_);
      is_slice = p.has_done() || is_slice;
    }
    return is_slice;
  }
  /// Whether all entries have been seen.
  bool is_complete() const noexcept { return in_ != nullptr && next_ == nullptr; }

 private:
  static constexpr int most_beginnings = 4;
  bool may_pause() const noexcept { return beginnings_ < most_beginnings; }

  const directory_node* in_ = nullptr;
  std::uint64_t version_ = 0;
  const node* next_ = nullptr;  // valid as long as the version is the same
  int beginnings_ = 0;
};

/// The directory at a path that the tree gave out, and that is empty for the root, or null if it
/// has gone. Under the tree's lock.
inline const directory_node* find_directory(const tree& names, std::string_view path) noexcept
    CORAMFS_REQUIRES_SHARED(names) {
  const auto at = names.look_up(normal_path::given_out(path.empty() ? "/" : path));
  const auto found = at ? at.value().require_directory() : at.error();
  return found ? found.value() : nullptr;
}

}  // namespace coramfs::detail
