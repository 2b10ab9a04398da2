// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/entry_walk.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace coramfs {

/// What `each`, `each_below` and `each_match` of a file system return: entries, of which a page of
/// 256 is in memory at a time, and of `each_match` one of each directory on the way down. They are
/// as `list_some` gives them.
///
/// Lifetime: it shares the volume, and must live, where it is, until `next` has completed. Thread
/// safety: one call at a time.
///
///     auto below = fs.each_below("/inbox");
///     for (;;) {
///       BOOST_OUTCOME_CO_TRY(const auto page, co_await below.next());
///       if (page.empty()) break;
///       for (const coramfs::found_entry& e : page) std::cout << e.path << '\n';
///     }
template <class FileSystem>
class entry_pages {
 public:
  /// For `each`, `each_below` and `each_match`.
  entry_pages(FileSystem fs, detail::entry_walk walk) noexcept
      : fs_(std::move(fs)), walk_(std::move(walk)) {}

  /// The next entries, which are those of a page, or none at the end. An error ends it, too. Those
  /// of a pattern are what was found between two looks at a directory.
  ///
  /// It is for coroutines, as `export_each` is, and completes without suspending but for a turn
  /// that others have after every 2,000 entries, of all its calls and whether they match or not.
  /// Cancelled, it ends with `canceled` at such a turn.
  ///
  /// Errors: those of `list_some` for the path; for what is below it, and for a pattern, only
  /// `name_too_long`, `canceled` and `out_of_memory`. What others remove meanwhile is left out.
  /// Charges nothing: the page is the caller's.
  asio::awaitable<result<std::vector<found_entry>>> next();

 private:
  FileSystem fs_;
  detail::entry_walk walk_;
  std::size_t seen_in_turn_ = 0;  // entries, and pages, since others had one
};

}  // namespace coramfs
