// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "storage/storage.hpp"

#include <span>

namespace coramfs::detail {

/// A file's content beside what pays for it.
struct bench {
  explicit bench(storage_layout layout, std::uint64_t max_bytes = 1 << 30,
                 accounting counting = accounting::memory)
      : limits(max_bytes, std::nullopt),
        blocks(limits, counting, 1 << 29),
        payer(limits, guard, blocks, counting, 1 << 29),
        content(layout) {}

  result<void> write(std::uint64_t offset, const bytes& from) {
    return content.write(payer, offset, std::span<const std::byte>(from));
  }
  piece_list pin(std::uint64_t offset, std::uint64_t size) {
    return content.pin(offset, size, {}).value();
  }
  std::uint64_t used() const { return limits.read().committed.bytes; }
  bytes all() const {
    bytes b(content.size());
    content.read(0, b);
    return b;
  }

  memory_guard_options options;
  quota limits;
  memory_guard guard{options};
  block_memory blocks;
  account payer;
  storage content;
};

inline bytes filled(std::size_t size, int value) {
  return bytes(size, static_cast<std::byte>(value));
}

inline bytes bytes_of(const piece_list& list) {
  bytes all;
  for (auto at = list.begin(); at != list.end(); at.advance())
    all.insert(all.end(), at.data(), at.data() + at.size());
  return all;
}

inline constexpr storage_layout layouts[] = {storage_layout::automatic, storage_layout::sequential,
                                             storage_layout::random_access};

}  // namespace coramfs::detail
