// SPDX-License-Identifier: BSL-1.0
#include "integrations/text/text_state.hpp"

namespace coramfs::detail {

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_known(decode_errors e) noexcept {
  return e == decode_errors::strict || e == decode_errors::replace || e == decode_errors::ignore;
}

}  // namespace

result<void> text_state::prepare() {
  if (codec_) return boost::outcome_v2::success();
  if (!is_known(errors_)) return errc::invalid_argument;
  marked_ = find_marked_encoding(encoding_);
  BOOST_OUTCOME_TRY(auto made, text_codec::make(marked_ ? marked_->native : encoding_, errors_));
  if (marked_) {
    mark_ = made->encode_whole(byte_order_mark);
    if (marked_->swapped) swapped_mark_.assign(mark_.rbegin(), mark_.rend());
  }
  codec_ = std::move(made);
  return boost::outcome_v2::success();
}

result<bool> text_state::show_head(std::string_view head) {
  const bool is_swapped = marked_->swapped && head == swapped_mark_;
  BOOST_OUTCOME_TRY(choose_order(is_swapped));
  return is_swapped || head == mark_;
}

result<void> text_state::choose_order(bool swapped) {
  if (swapped && !swapped_codec_) {
    BOOST_OUTCOME_TRY(swapped_codec_, text_codec::make(marked_->swapped, errors_));
  }
  if (swapped != swapped_) cursor_.reset();
  swapped_ = swapped;
  return boost::outcome_v2::success();
}

std::uint64_t text_state::begin(std::uint64_t cursor) {
  if (cursor != cursor_) settle_anew(cursor);
  if (settled_) {
    held_ = codec().held();
    settled_ = false;
    return cursor;
  }
  codec().reset();
  if (codec().is_stateful()) return anchor_;
  rebuilt();
  return cursor;
}

void text_state::settle(std::uint64_t cursor) noexcept {
  cursor_ = cursor;
  settled_ = true;
}

void text_state::settle_anew(std::uint64_t cursor) noexcept {
  codec().reset();
  anchor_ = cursor;
  settle(cursor);
}

}  // namespace coramfs::detail
