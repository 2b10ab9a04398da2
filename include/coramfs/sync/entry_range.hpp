// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/entry_walk.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace coramfs::sync {

/// What `each`, `each_below` and `each_match` of a file system return: entries for a range-based
/// `for`, of which a page of 256 is in memory at a time, and of `each_match` one of each directory
/// on the way down. They are as `list_some` gives them.
///
/// It has one pass: `begin` goes on at the entry where the last one was left. An error ends it, and
/// `status` tells whether there was one, as an error of `list_some`; a range that is ended by
/// `break` has none. So give it a name: over a temporary one, a directory that is not there looks
/// empty.
///
/// Lifetime: it shares the volume. It stays where it is while it has iterators; the entry that one
/// leads to is valid until the iterator moves. Thread safety: one thread at a time.
///
///     auto inbox = fs.each("/inbox");
///     for (const coramfs::found_entry& e : inbox) std::cout << e.path << '\n';
///     inbox.status().value();
template <class FileSystem>
class entry_range {
 public:
  /// Goes through the entries, once.
  class iterator {
   public:
    /// What `std::input_iterator` asks for.
    /// @{
    using iterator_concept = std::input_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = found_entry;
    using difference_type = std::ptrdiff_t;
    using pointer = const found_entry*;
    using reference = const found_entry&;

    iterator() noexcept = default;
    reference operator*() const noexcept { return of_->page_[of_->next_]; }
    pointer operator->() const noexcept { return &**this; }
    iterator& operator++() {
      ++of_->next_;
      of_->fill();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept {
      return i.of_ == nullptr || i.is_at_end();
    }
    /// @}

   private:
    friend class entry_range;
    explicit iterator(entry_range& of) noexcept : of_(&of) {}
    bool is_at_end() const noexcept { return of_->next_ == of_->page_.size(); }
    entry_range* of_ = nullptr;
  };

  /// For `each`, `each_below` and `each_match`.
  entry_range(FileSystem fs, detail::entry_walk walk) noexcept
      : fs_(std::move(fs)), walk_(std::move(walk)) {}

  /// The entries that were not seen yet. It takes the next page where there are none left of the
  /// last one.
  /// @{
  iterator begin() {
    fill();
    return iterator(*this);
  }
  std::default_sentinel_t end() const noexcept { return {}; }
  /// @}

  /// The error that has ended it, if one has: those of `list_some` for the path; for what is below
  /// it, and for a pattern, only `name_too_long` and `out_of_memory`. What others remove meanwhile
  /// is left out.
  const result<void>& status() const noexcept { return status_; }

 private:
  // Looks at directories until something is found, where nothing is left of the last page.
  void fill() {
    if (next_ < page_.size() || !status_) return;
    page_.clear();
    next_ = 0;
    while (status_ && !walk_.has_found()) {
      const auto has_more = walk_.go_on();
      if (!has_more) {
        status_ = has_more.error();
      } else if (!has_more.value()) {
        return;
      } else if (!walk_.has_found()) {
        status_ = look();
      }
    }
    page_ = walk_.take_found();
  }
  result<void> look() {
    if (walk_.wants_status()) return walk_.take(fs_.stat(walk_.path()));
    return walk_.take(fs_.list_some(walk_.path(), walk_.after(), walk_.page_size()));
  }

  FileSystem fs_;
  detail::entry_walk walk_;
  std::vector<found_entry> page_;
  std::size_t next_ = 0;
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::sync
