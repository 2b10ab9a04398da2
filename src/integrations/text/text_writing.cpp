// SPDX-License-Identifier: BSL-1.0
#include "integrations/text/text_writing.hpp"

#include "integrations/text/utf8.hpp"

#include <new>

namespace coramfs::detail {

// Does a step of the dialogue with the facade. What fails is kept in `error_`, also if it was an
// exception.
template <class Step>
void text_writing::attempt(Step step) noexcept try {
  const result<void> outcome = step();
  if (!outcome) error_ = outcome.error();
} catch (const std::bad_alloc&) {
  error_ = errc::out_of_memory;
}

void text_writing::begin(const file_facts& facts) noexcept {
  attempt([&] { return start(facts); });
}

result<void> text_writing::start(const file_facts& facts) {
  if (!facts.is_open) return errc::not_open;
  if (!facts.writable) return errc::not_writable;
  if (state_ == nullptr) return errc::out_of_memory;
  BOOST_OUTCOME_TRY(state_->prepare());
  offset_ = facts.appends ? facts.size : facts.cursor;
  const bool has_head = !state_->mark().empty() && facts.readable && facts.size > 0;
  if (!has_head) return start_encoding();
  phase_ = phase::head;
  return boost::outcome_v2::success();
}

result<void> text_writing::start_encoding() {
  phase_ = phase::encode;
  rest_ = utf8_;
  if (offset_ == 0) encoded_ = state_->mark();
  verbatim_ = state_->codec().is_utf8() && encoded_.empty();
  state_->codec().begin_encoding();
  return boost::outcome_v2::success();
}

std::optional<file_request> text_writing::next() noexcept {
  if (!error_ && phase_ == phase::encode) attempt([&] { return encode(); });
  if (error_ || phase_ == phase::finished) return std::nullopt;
  if (phase_ == phase::head)
    return file_request{.what = file_request::kind::read_at,
                        .to = std::span(head_).first(state_->mark().size())};
  if (phase_ == phase::write)
    return file_request{.what = file_request::kind::write, .from = content()};
  return file_request{.what = file_request::kind::pause};
}

// Encodes as much as may be done between two pauses.
result<void> text_writing::encode() {
  const std::size_t before = rest_.size();
  while (!rest_.empty() && before - rest_.size() < bytes_between_pauses) {
    BOOST_OUTCOME_TRY(encode_piece());
  }
  if (rest_.empty()) end_encoding();
  return boost::outcome_v2::success();
}

result<void> text_writing::encode_piece() {
  if (!verbatim_) {
    const std::size_t before = utf8_.size() - rest_.size();
    const auto stored = state_->codec().encode_some(rest_, encoded_);
    if (!stored) return error(errc::invalid_encoding, before + stored.error().requested());
    characters_ += stored.value();
    return boost::outcome_v2::success();
  }
  const utf8_run run = well_formed(rest_, text_codec::encoding_slice);
  rest_.remove_prefix(run.bytes);
  characters_ += run.characters;
  if (run.bytes == 0) {
    encoded_ = utf8_.substr(0, utf8_.size() - rest_.size());
    verbatim_ = false;
  }
  return boost::outcome_v2::success();
}

void text_writing::end_encoding() {
  state_->codec().end_encoding(encoded_);
  phase_ = characters_ > 0 ? phase::write : phase::finished;
}

// Returns what is to be stored. What every encoded text begins with belongs to the start of the
// file alone.
std::string_view text_writing::content() const noexcept {
  if (verbatim_) return utf8_;
  const std::size_t surplus = offset_ == 0 ? 0 : state_->codec().preamble().size();
  return std::string_view(encoded_).substr(surplus);
}

void text_writing::done(const result<std::size_t>& outcome) noexcept {
  if (!outcome) {
    error_ = outcome.error();
  } else if (phase_ == phase::head) {
    attempt([&] { return look_at_head(outcome.value()); });
  } else if (phase_ == phase::write) {
    state_->settle_anew(offset_ + outcome.value());
    phase_ = phase::finished;
  }
}

result<void> text_writing::look_at_head(std::size_t size) {
  BOOST_OUTCOME_TRY(state_->show_head({head_.data(), size}));
  return start_encoding();
}

result<std::size_t> text_writing::take() noexcept {
  if (error_) return *error_;
  return characters_;
}

}  // namespace coramfs::detail
