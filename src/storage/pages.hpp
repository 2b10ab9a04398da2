// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace coramfs::detail {

// Pages from the system. Where it has no call for that, pages of their own come from the heap,
// and there are no regions.

/// Null: memory is refused.
std::byte* map_pages(std::size_t bytes) noexcept;
/// The whole of what was mapped, or its end.
void unmap_pages(std::byte* data, std::size_t bytes) noexcept;
/// Whether a part of a mapping can be unmapped.
bool can_unmap_parts() noexcept;

/// `bytes` of memory aligned to `bytes`, a power of two, with huge pages where there are any.
/// Null: memory is refused, or the system does not know such a thing.
std::byte* map_region(std::size_t bytes) noexcept;
/// Has the system take pages of a region back; they read as zeros from then on. No huge page
/// takes their place, for that would not be counted.
void release_pages(std::byte* region, std::size_t region_bytes, std::byte* data,
                   std::size_t bytes) noexcept;

}  // namespace coramfs::detail
