// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace coramfs::detail {

/// A set of pages of a region, which has `Size` pages: one bit for each. Guarded by the mutex of
/// the block memory, like the region.
template <std::size_t Size>
class page_set {
 public:
  /// Pages that stand together and are all in the set, or all not.
  struct stretch {
    std::size_t first, count;
  };

  void set(std::size_t first, std::size_t count, bool value) noexcept {
    for_each_word(first, count, [&](std::uint64_t& word, std::uint64_t mask) {
      word = value ? word | mask : word & ~mask;
    });
  }
  std::size_t count(std::size_t first, std::size_t count) const noexcept {
    std::size_t found = 0;
    const_cast<page_set*>(this)->for_each_word(
        first, count, [&](std::uint64_t word, std::uint64_t mask) {
          // To count bits is a call where the processor is not known, and mostly there are none.
          if ((word & mask) != 0) found += static_cast<std::size_t>(std::popcount(word & mask));
        });
    return found;
  }
  bool has_any(std::size_t first, std::size_t count) const noexcept {
    std::uint64_t found = 0;
    const_cast<page_set*>(this)->for_each_word(
        first, count, [&](std::uint64_t word, std::uint64_t mask) { found |= word & mask; });
    return found != 0;
  }
  bool has_all(std::size_t first, std::size_t count) const noexcept {
    std::uint64_t missing = 0;
    const_cast<page_set*>(this)->for_each_word(
        first, count, [&](std::uint64_t word, std::uint64_t mask) { missing |= ~word & mask; });
    return missing == 0;
  }

  /// Returns the next stretch, from `at` on, of pages that are in the set, or with `value` false of
  /// pages that are not. Its count is 0 where there is none.
  stretch next(std::size_t at, bool value) const noexcept {
    const std::size_t first = find(at, value);
    return {first, find(first, !value) - first};
  }

 private:
  // Returns the first page from `at` on that is `value`, or `Size` if there is none.
  std::size_t find(std::size_t at, bool value) const noexcept {
    while (at < Size) {
      const std::uint64_t word = value ? words_[at / 64] : ~words_[at / 64];
      const std::uint64_t rest = word >> (at % 64);
      if (rest != 0) return at + static_cast<std::size_t>(std::countr_zero(rest));
      at = (at / 64 + 1) * 64;
    }
    return Size;
  }
  template <class Action>
  void for_each_word(std::size_t first, std::size_t count, Action action) noexcept {
    while (count > 0) {
      const std::size_t bit = first % 64, n = std::min(count, 64 - bit);
      const std::uint64_t ones = n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
      action(words_[first / 64], ones << bit);
      first += n;
      count -= n;
    }
  }

  static_assert(Size % 64 == 0);
  std::array<std::uint64_t, Size / 64> words_{};
};

}  // namespace coramfs::detail
