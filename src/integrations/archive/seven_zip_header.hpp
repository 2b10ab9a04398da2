// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/decoder_budget.hpp"
#include "integrations/archive/seven_zip_names.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace coramfs::detail {

/// What the properties of a coder of 7z want of memory, in bytes; none for a coder that is not
/// known here, or properties that mean nothing.
std::optional<std::uint64_t> seven_zip_coder_memory(std::span<const std::byte> id,
                                                    std::span<const std::byte> properties) noexcept;

/// The dictionary of properties of LZMA, of five bytes; none if they mean nothing.
std::optional<std::uint64_t> lzma_dictionary(std::span<const std::byte> properties) noexcept;

/// Where the 7z begins in what begins with a program that unpacks itself; none: it has none.
/// Errors: the input's. Throws `std::bad_alloc`.
result<std::optional<std::uint64_t>> find_seven_zip(archive_input& in);

/// Looks through the header of a 7z, which is at the end of it and mostly compressed, and asks the
/// budget for what its decoders and its directory want, before libarchive sees it. Returns the
/// names in it. Errors: `corrupt_archive`; `unsupported_archive` for coders that are not known
/// here, and for an encrypted header; those of the budget and the input. Throws `std::bad_alloc`.
result<seven_zip_names> require_seven_zip(archive_input& in, std::uint64_t begin,
                                          decoder_budget& budget);

}  // namespace coramfs::detail
