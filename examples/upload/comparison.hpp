// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "catalogue.hpp"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <span>
#include <vector>

namespace upload {

/// Compares bytes that come in pieces with a file of this machine's disk. Blocks for what it reads.
class comparison {
 public:
  explicit comparison(const entry& with);

  /// The next bytes.
  void add(std::span<const char> piece);

  enum class verdict : unsigned char { equal, different, changed_on_disk };

  /// After the last piece.
  verdict finish();

 private:
  const entry& with_;
  std::ifstream original_;
  std::vector<char> expected_;
  std::uint64_t added_ = 0;
  bool is_equal_ = true;
};

}  // namespace upload
