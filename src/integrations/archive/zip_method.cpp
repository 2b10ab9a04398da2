// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/zip_method.hpp"

#include "integrations/archive/bytes_of.hpp"
#include "integrations/archive/seven_zip_header.hpp"

namespace coramfs::detail {

bool is_known_method(unsigned how) noexcept {
  return how == zip_stored || how == zip_deflated || how == zip_bzip2 || how == zip_lzma ||
         how == zip_zstd || how == zip_xz || how == zip_ppmd;
}

std::optional<std::uint64_t> member_memory(unsigned how, std::span<const std::byte> head) noexcept {
  // Before the properties of LZMA stand a version, and their size.
  if (how == zip_lzma)
    return head.size() < member_head ? std::nullopt : lzma_dictionary(head.subspan(4));
  if (how == zip_ppmd) {
    if (head.size() < 2) return std::nullopt;
    // An order, and one less than the memory of the model, in MiB.
    return ((std::uint64_t{word_at(head, 0)} >> 4 & 0xFF) + 1) << 20;
  }
  return 0;
}

stream_filter filter_of_method(unsigned how) noexcept {
  return how == zip_bzip2  ? stream_filter::bzip2
         : how == zip_zstd ? stream_filter::zstd
         : how == zip_xz   ? stream_filter::xz
                           : stream_filter::none;
}

}  // namespace coramfs::detail
