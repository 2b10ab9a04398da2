// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/archive/archive_feed.hpp"
#include "integrations/archive/archive_handle.hpp"
#include "integrations/archive/archive_kind.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace coramfs::detail {

/// A compressed stream, decoded. It has one filter, which the caller has found, so nothing that is
/// compressed twice gets to a decoder unseen.
class filtered_feed final : public archive_feed {
 public:
  /// Both must outlive it. `kind` says where the stream begins. Throws `std::bad_alloc`.
  filtered_feed(archive_input& in, decoder_budget& budget, const archive_kind& kind);

  /// Begins to decode. Errors: `corrupt_archive`; those of the budget and the input. Throws
  /// `std::bad_alloc`.
  result<void> begin();
  /// The first bytes, at most `most`, which `next_piece` gives again.
  result<std::span<const std::byte>> head();
  /// Decodes what is left, a slice of it, and returns whether there was nothing more, or so much
  /// that it is of no interest. Then the checksum of a gzip was looked at, which libarchive does
  /// not do. Errors: as `begin`.
  result<bool> finish();

 private:
  result<std::span<const std::byte>> next_piece() override;
  result<std::span<const std::byte>> decode();
  result<bool> check_gzip();

  archive_input& in_;
  const stream_filter filter_;
  const std::uint64_t begin_;
  input_feed feed_;
  archive_handle handle_;
  std::span<const std::byte> head_;
  bool has_head_ = false, has_ended_ = false;
  std::uint32_t sum_ = 0;   // of all that was decoded
  std::uint64_t size_ = 0;  // of that
  std::uint64_t trailing_ = 0;
  std::uint64_t unchecked_ = 0;  // of the input: bytes in which no gzip was looked for yet
  bool is_checking_ = false;
};

}  // namespace coramfs::detail
