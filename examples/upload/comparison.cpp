// SPDX-License-Identifier: BSL-1.0
#include "comparison.hpp"

#include <algorithm>

namespace upload {

comparison::comparison(const entry& with)
    : with_(with), original_(with.original, std::ios::binary) {}

void comparison::add(std::span<const char> piece) {
  added_ += piece.size();
  expected_.resize(piece.size());
  original_.read(expected_.data(), static_cast<std::streamsize>(expected_.size()));
  const auto end = expected_.begin() + original_.gcount();
  is_equal_ &= std::equal(piece.begin(), piece.end(), expected_.begin(), end);
}

comparison::verdict comparison::finish() {
  const bool at_end = original_.peek() == std::ifstream::traits_type::eof();
  if (is_equal_ && at_end && added_ == with_.size) return verdict::equal;
  return is_unchanged(with_) ? verdict::different : verdict::changed_on_disk;
}

}  // namespace upload
