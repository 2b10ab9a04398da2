// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// The names of a 7z, in the order of its entries, as its header has them: in UTF-16, each with a
/// zero behind it. libarchive would put letters and marks together.
class seven_zip_names {
 public:
  seven_zip_names() noexcept = default;
  explicit seven_zip_names(std::vector<std::byte> names) noexcept : names_(std::move(names)) {}

  /// The next of them in UTF-8; empty where there is none. What is half of a pair has three bytes,
  /// so that two names that are different stay so. Throws `std::bad_alloc`.
  std::string next();

 private:
  std::vector<std::byte> names_;
  std::size_t at_ = 0;
};

}  // namespace coramfs::detail
