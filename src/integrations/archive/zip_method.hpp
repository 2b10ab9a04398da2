// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/decoder_budget.hpp"
#include "integrations/archive/stream_watch.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace coramfs::detail {

/// The methods of members of a zip that are read.
enum zip_method : unsigned {
  zip_stored = 0,
  zip_deflated = 8,
  zip_bzip2 = 12,
  zip_lzma = 14,
  zip_zstd = 93,
  zip_xz = 95,
  zip_ppmd = 98,
};
bool is_known_method(unsigned how) noexcept;

/// How many bytes of a member of that method a decoder is given at a time: so it has turns, since
/// that of a zip makes up to 256 KiB of what it is given before it returns. Members that have no
/// more than a piece are mostly many: these are not cut where one ends.
std::size_t piece_of_method(unsigned how, std::uint64_t packed_size) noexcept;
/// How much more work a byte is than one that is deflated.
unsigned work_of_method(unsigned how) noexcept;

/// Asks the budget for what a member of that method, whose bytes begin at an offset, wants of
/// memory. Returns what is to look at the rest of it, where it says more there; or null. Errors:
/// `corrupt_archive`; those of the budget and the input. Throws `std::bad_alloc`.
result<std::unique_ptr<stream_watch>> watch_over_member(unsigned how, archive_input& in,
                                                        std::uint64_t data, decoder_budget& budget);

}  // namespace coramfs::detail
