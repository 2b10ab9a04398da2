// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace coramfs::detail {

// Pages from the system. Where it has no call for that, they come from the heap, and all of them
// count as resident from the first moment on.

/// Maps pages of zeros, or of what malloc gives elsewhere. Null: memory is refused.
std::byte* map_pages(std::size_t bytes) noexcept;
void unmap_pages(std::byte* data, std::size_t bytes) noexcept;

/// Maps `bytes` of memory that are aligned to `bytes`, a power of two. With huge pages, where there
/// are any, it may be resident as a whole once a byte of it was written to; otherwise page by page.
/// Null: memory is refused.
std::byte* map_region(std::size_t bytes, bool with_huge_pages) noexcept;
void unmap_region(std::byte* data, std::size_t bytes) noexcept;

/// Returns whether pages take no memory that were never written to, or that were released.
bool can_release_pages() noexcept;
/// Has the system take pages of a region back; what they hold is lost. No huge page takes their
/// place, for that would not be counted.
void release_pages(std::byte* region, std::size_t region_bytes, std::byte* data,
                   std::size_t bytes) noexcept;

/// Has the system take back the whole pages between two places in memory that somebody else has
/// allocated and that nobody will read again. Returns their bytes.
std::size_t release_inner_pages(std::byte* data, std::size_t bytes) noexcept;

}  // namespace coramfs::detail
