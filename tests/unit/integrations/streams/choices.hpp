// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>

#include "support/dice.hpp"

#include <cstddef>
#include <string>

namespace coramfs::tests {

// What the tests with random calls choose.

/// Text of words, numbers and lines, so that all kinds of reads find something.
inline std::string random_text(dice& d, std::size_t size) {
  std::string text(size, '\0');
  for (char& c : text) c = "abcxyz 0123456789 \n\t\xff"[d.below(21)];
  return text;
}

/// Mostly small, at times more than any buffer.
inline std::size_t random_size(dice& d) {
  switch (d.below(5)) {
    case 0: return d.below(3);
    case 1: return d.below(200'000);
    default: return d.below(300);
  }
}

inline volume_options random_options(dice& d) {
  volume_options options;
  if (d.one_in(2)) options.default_storage = storage_layout::random_access;
  if (d.one_in(2)) options.accounting = accounting::payload;
  return options;
}

}  // namespace coramfs::tests
