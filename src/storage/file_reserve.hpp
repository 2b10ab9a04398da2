// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace coramfs::detail {

/// What the handle of a file has paid for ahead, so that the file can grow when nothing else can.
///
/// It is money alone: no memory is taken until the file grows. What the content and `left` are
/// charged together is `price` at least, until the handle is closed, but for what pins hold: where
/// the file shrinks, `left` rises again.
///
/// Guarded by the file's lock, which the handle holds exclusively.
struct file_reserve {
  std::uint64_t size = 0;   ///< bytes: the file may grow to it
  std::uint64_t price = 0;  ///< bytes that a content of that size is charged
  std::uint64_t left = 0;   ///< bytes that are charged and not used yet
};

}  // namespace coramfs::detail
