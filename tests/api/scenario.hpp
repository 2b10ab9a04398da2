// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "api/facade.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <array>
#include <concepts>
#include <stdexcept>

namespace coramfs::tests {

/// What a scenario runs over: each facade, layout and accounting, but tokens with one layout alone.
struct configuration {
  facade_kind facade;
  storage_layout layout;
  coramfs::accounting counting;
};

inline constexpr std::array layouts{storage_layout::automatic, storage_layout::sequential,
                                    storage_layout::random_access};

/// A file system in one of the configurations. Declared first in a test case, it makes the case
/// run once for each of them, and checks the invariants at its end.
///
///     scenario fs({.max_quota = 1000});
///     fs->write_file("/a", "content").value();
class scenario {
 public:
  /// In all configurations. `options` may not set the layout and the accounting.
  explicit scenario(const volume_options& options = {});
  /// In those with one accounting, or with one layout.
  explicit scenario(accounting, const volume_options& options = {});
  explicit scenario(storage_layout, const volume_options& options = {});
  scenario(accounting, storage_layout, const volume_options& options = {});
  scenario(const scenario&) = delete;
  scenario& operator=(const scenario&) = delete;
  ~scenario() noexcept(false);

  any_file_system* operator->() const { return fs_.get(); }
  any_file_system& operator*() const { return *fs_; }

  const coramfs::volume& volume() const { return fs_->get_volume(); }
  volume_stats stats() const { return volume().stats(); }
  std::uint64_t used() const { return stats().used_bytes; }
  facade_kind facade() const { return configuration_.facade; }
  accounting counting() const { return configuration_.counting; }
  storage_layout layout() const { return configuration_.layout; }

  /// Another file system over the same volume: of the same facade, for another thread, or of
  /// the other one.
  std::unique_ptr<any_file_system> twin() const;
  std::unique_ptr<any_file_system> other() const;

  /// Opens, writes, closes.
  void fill(std::string_view path, open_mode mode, std::string_view content) const;

  /// Some operation is long, and a coroutine gives others a turn in the middle of it.
  void expect_slices() const { expects_slices_ = true; }

  /// Runs an operation that has to fail, and gives its error. Throws if it succeeded, or if
  /// anything that can be seen of the volume is not as before.
  template <std::invocable Operation>
  error refusal(Operation operation) const {
    const std::string before = picture();
    const error e = error_of(operation());
    if (!e.code()) throw std::logic_error("the operation succeeded");
    const std::string after = picture();
    if (after != before)
      throw std::logic_error(e.message() + ", but changed\n" + before + "to\n" + after);
    return e;
  }

  /// The tree with sizes, times, generations and contents, and the figures of the volume.
  /// What a writer has open is shown without its content.
  std::string picture() const;

 private:
  scenario(const configuration& c, const volume_options& options);

  configuration configuration_;
  Catch::ScopedMessage message_;
  int exceptions_;
  std::unique_ptr<any_file_system> fs_;
  mutable bool expects_slices_ = false;
};

/// Every path below the root, parents before what is in them.
std::vector<std::string> all_paths(any_file_system& fs);

/// Uses up what is left of a volume, whatever a file costs: with the largest file that fits.
void fill_up(any_file_system& fs, const std::string& path);

/// With no call running and no handle open: the books agree with the tree.
void check_books(any_file_system& fs);

/// As above, then removes everything, and nothing may be left.
void check_invariants(any_file_system& fs);

}  // namespace coramfs::tests
