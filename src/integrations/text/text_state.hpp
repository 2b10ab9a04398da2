// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/text/encoding_name.hpp"
#include "integrations/text/text_codec.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace coramfs::detail {

/// What a text file keeps from call to call: its codec, and where in the file the codec's state is
/// the right one.
///
/// Invariant: the codec is in the state that the text from `anchor_` to `cursor_`, begun in the
/// initial state, leaves it in, unless `settled_` is false: then an operation that began at
/// `cursor_` is under way, or has failed, or was dropped, and the state may be any.
///
/// Thread safety: one operation at a time.
class text_state {
 public:
  text_state(std::string encoding, decode_errors errors) noexcept
      : encoding_(std::move(encoding)), errors_(errors) {}

  /// Makes the codec, if there is none yet. Errors: `invalid_argument`; `out_of_memory`; any other
  /// error that iconv reports.
  result<void> prepare();
  text_codec& codec() noexcept { return swapped_ ? *swapped_codec_ : *codec_; }

  /// The mark with which files of this encoding begin; empty for an encoding that has none.
  std::string_view mark() const noexcept { return swapped_ ? swapped_mark_ : mark_; }
  /// Learns the order of bytes from the first bytes of the file, as many as `mark` has. Returns
  /// whether they are a mark.
  result<bool> show_head(std::string_view head);

  /// An operation begins at `cursor`. Returns the offset from which the text up to there has to be
  /// decoded again, to find the codec's state; mostly that is the cursor itself.
  std::uint64_t begin(std::uint64_t cursor);
  /// Says that the text up to the cursor was decoded again.
  void rebuilt() { codec().hold(held_); }
  /// Says that the operation was successful, and has left the cursor there.
  void settle(std::uint64_t cursor) noexcept;
  /// Says that the operation was successful and has left the cursor there, and that the text behind
  /// that begins in the initial state.
  void settle_anew(std::uint64_t cursor) noexcept;

  /// Room for the bytes that an operation looks at.
  std::string& window() noexcept { return window_; }

 private:
  result<void> choose_order(bool swapped);

  const std::string encoding_;
  const decode_errors errors_;
  std::unique_ptr<text_codec> codec_, swapped_codec_;
  const marked_encoding* marked_ = nullptr;
  std::string mark_, swapped_mark_;
  bool swapped_ = false;

  std::optional<std::uint64_t> cursor_;
  std::uint64_t anchor_ = 0;
  bool settled_ = false;
  std::u32string held_;  // characters that the codec held at the cursor

  std::string window_;
};

}  // namespace coramfs::detail
