// SPDX-License-Identifier: BSL-1.0
#include "integrations/text/text_reading.hpp"

#include "integrations/text/utf8.hpp"

#include <algorithm>
#include <new>

namespace coramfs::detail {

namespace {

constexpr std::size_t smallest_window = 64;
constexpr std::size_t largest_window = 64 * 1024;
constexpr std::size_t first_window_for_line = 128;

// Returns how many bytes most encodings need for so many characters.
std::size_t window_for(std::size_t characters) noexcept {
  return std::clamp(std::min(characters, largest_window) * 4, smallest_window, largest_window);
}

}  // namespace

text_reading::text_reading(text_state* state, extent what,
                           std::optional<std::size_t> limit) noexcept
    : state_(state), limit_(limit.value_or(no_limit)), what_(what) {}

// Does a step of the dialogue with the facade. What fails is kept in `error_`, also if it was an
// exception.
template <class Step>
void text_reading::attempt(Step step) noexcept try {
  const result<void> outcome = step();
  if (!outcome) error_ = outcome.error();
} catch (const std::bad_alloc&) {
  error_ = errc::out_of_memory;
}

void text_reading::begin(const file_facts& facts) noexcept {
  attempt([&] { return start(facts); });
}

result<void> text_reading::start(const file_facts& facts) {
  if (!facts.is_open) return errc::not_open;
  if (!facts.readable) return errc::not_readable;
  if (state_ == nullptr) return errc::out_of_memory;
  BOOST_OUTCOME_TRY(state_->prepare());
  size_ = facts.size;
  begun_at_ = position_ = facts.cursor;
  const bool has_head = !state_->mark().empty() && size_ > 0;
  if (!has_head) return find_state();
  phase_ = phase::head;
  return boost::outcome_v2::success();
}

result<void> text_reading::find_state() {
  const std::uint64_t from = state_->begin(begun_at_);
  if (from == begun_at_) return start_text();
  phase_ = phase::rebuild;
  position_ = from;
  return boost::outcome_v2::success();
}

result<void> text_reading::start_text() {
  phase_ = phase::text;
  window_size_ = what_ == extent::line ? first_window_for_line : window_for(limit_);
  if (limit_ == 0) finish();
  // The codec may still hold a character.
  if (phase_ == phase::text && position_ >= size_) return look_at_text({});
  return boost::outcome_v2::success();
}

std::optional<file_request> text_reading::next() noexcept {
  pauses_ = since_pause_ >= bytes_between_pauses;
  if (!error_ && phase_ != phase::finished && !pauses_) attempt([&] { return open_window(); });
  if (error_ || phase_ == phase::finished) return std::nullopt;
  if (pauses_) return file_request{.what = file_request::kind::pause};
  return file_request{.what = file_request::kind::read_at, .offset = offset_, .to = window_};
}

// Chooses the bytes to look at next.
result<void> text_reading::open_window() {
  offset_ = phase_ == phase::head ? 0 : position_;
  std::uint64_t size = std::min<std::uint64_t>(window_size_, size_ - offset_);
  if (phase_ == phase::head) size = state_->mark().size();
  if (phase_ == phase::rebuild) size = std::min<std::uint64_t>(largest_window, begun_at_ - offset_);
  std::string& room = state_->window();
  if (room.size() < size) room.resize(static_cast<std::size_t>(size));
  window_ = {room.data(), static_cast<std::size_t>(size)};
  return boost::outcome_v2::success();
}

void text_reading::done(const result<std::size_t>& outcome) noexcept {
  if (!outcome) {
    error_ = outcome.error();
  } else if (std::exchange(pauses_, false)) {
    since_pause_ = 0;
  } else {
    since_pause_ += outcome.value();
    attempt([&] { return look_at({window_.data(), outcome.value()}); });
  }
}

result<void> text_reading::look_at(std::string_view bytes) {
  if (phase_ == phase::head) return look_at_head(bytes);
  return phase_ == phase::rebuild ? look_at_known(bytes) : look_at_text(bytes);
}

result<void> text_reading::look_at_head(std::string_view head) {
  BOOST_OUTCOME_TRY(const bool is_mark, state_->show_head(head));
  if (is_mark && begun_at_ == 0) position_ = head.size();
  return find_state();
}

result<void> text_reading::look_at_known(std::string_view bytes) {
  std::string known;
  const auto d = state_->codec().decode(bytes, no_limit, false, known);
  position_ += d ? d.value().bytes : 0;
  if (d && d.value().bytes > 0 && position_ < begun_at_) return boost::outcome_v2::success();
  // If the bytes were changed since, no state would be right, so the initial one has to do.
  if (position_ != begun_at_) state_->codec().reset();
  state_->rebuilt();
  position_ = begun_at_;
  return start_text();
}

result<void> text_reading::look_at_text(std::string_view bytes) {
  const bool last = position_ + bytes.size() >= size_ || bytes.size() < window_.size();
  BOOST_OUTCOME_TRY(what_ == extent::line ? take_line(bytes, last) : take_characters(bytes, last));
  window_size_ = std::min(window_size_ * 2, largest_window);
  if (last || characters_ == limit_) finish();
  return boost::outcome_v2::success();
}

result<void> text_reading::take_characters(std::string_view bytes, bool last) {
  BOOST_OUTCOME_TRY(decode(bytes, limit_ - characters_, last));
  return boost::outcome_v2::success();
}

result<void> text_reading::take_line(std::string_view bytes, bool last) {
  while (phase_ == phase::text && !after_return_) {
    BOOST_OUTCOME_TRY(const decoded d, take_piece_of_line(bytes, last));
    bytes.remove_prefix(d.bytes);
    const bool is_used_up =
        last ? d.bytes == 0 && d.characters == 0 : d.bytes == 0 || bytes.empty();
    if (is_used_up) break;
  }
  return after_return_ ? take_newline(bytes, last) : boost::outcome_v2::success();
}

// Decodes up to what looks like the end of the line.
result<decoded> text_reading::take_piece_of_line(std::string_view bytes, bool last) {
  const text_codec& codec = state_->codec();
  const std::size_t size = codec.is_stateful() ? bytes.size() : codec.line_size(bytes);
  const std::size_t limit = codec.is_stateful() ? 1 : limit_ - characters_;
  BOOST_OUTCOME_TRY(decoded d, decode(bytes.substr(0, size), limit, last && size == bytes.size()));
  // What looked like the end was in the middle of a character, or more has to be seen to tell one.
  if (d.bytes == 0 && d.characters == 0 && size < bytes.size()) {
    BOOST_OUTCOME_TRY(d, decode(bytes, 1, last));
  }
  const bool is_end = d.characters > 0 && text_.back() == '\n';
  if (is_end || characters_ == limit_) finish();
  after_return_ = phase_ == phase::text && d.characters > 0 && text_.back() == '\r';
  return d;
}

result<void> text_reading::take_newline(std::string_view bytes, bool last) {
  if (bytes.size() < text_codec::longest_newline && !last) return boost::outcome_v2::success();
  const std::size_t size = state_->codec().newline_size(bytes);
  if (size > 0) {
    BOOST_OUTCOME_TRY(decode(bytes.substr(0, size), 1, last && size == bytes.size()));
  }
  finish();
  return boost::outcome_v2::success();
}

result<decoded> text_reading::decode(std::string_view bytes, std::size_t limit, bool last) {
  const auto decoding = state_->codec().decode(bytes, limit, last, text_);
  if (!decoding) return error(errc::invalid_encoding, position_ + decoding.error().requested());
  const decoded d = decoding.value();
  position_ += d.bytes;
  characters_ += d.characters;
  since_pause_ += d.repeated;
  return d;
}

void text_reading::finish() noexcept {
  if (phase_ != phase::finished) state_->settle(position_);
  phase_ = phase::finished;
}

std::optional<std::uint64_t> text_reading::new_cursor() const noexcept {
  if (error_ || position_ == begun_at_) return std::nullopt;
  return position_;
}

result<std::string> text_reading::take() noexcept {
  if (error_) return *error_;
  return std::move(text_);
}

}  // namespace coramfs::detail
