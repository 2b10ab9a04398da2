// SPDX-License-Identifier: BSL-1.0
#include "integrations/text/iconv_codec.hpp"

#include "integrations/text/utf8.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

namespace coramfs::detail {

namespace {

// What is decoded to. Where wchar_t is a code point, the C library has one step less to do for it,
// and does not convert ahead of what is asked for.
#if defined(__STDC_ISO_10646__)
constexpr const char* code_point = "WCHAR_T";
static_assert(sizeof(wchar_t) == sizeof(char32_t));
#else
constexpr const char* code_point =
    std::endian::native == std::endian::little ? "UCS-4LE" : "UCS-4BE";
#endif

// How many bytes of UTF-8 are encoded at once, and the room for what they may become.
constexpr std::size_t encoding_piece = 512;
constexpr std::size_t encoding_room = 8 * encoding_piece;

constexpr std::string_view question_mark = "?";

// How much a decoder may keep back until it has seen what follows, and how much it has to see,
// counted in the shortest characters. Four are the most that is known.
constexpr std::size_t longest_cluster = 12;

// The most code points that a decoder may still give out at the end of a text.
constexpr std::size_t flushed_most = 16;

bool is_character(char32_t c) noexcept { return c < 0xd800 || (c > 0xdfff && c <= 0x10ffff); }

// Returns whether the text starts with one of the tags U+E0000 to U+E007F, which some versions of
// iconv drop in silence where an encoding lacks them.
bool starts_with_tag(std::string_view utf8) noexcept {
  return utf8.starts_with("\xf3\xa0\x80") || utf8.starts_with("\xf3\xa0\x81");
}

std::size_t tag_position(std::string_view utf8) noexcept {
  std::size_t at = utf8.find("\xf3\xa0");
  while (at != utf8.npos && !starts_with_tag(utf8.substr(at))) at = utf8.find("\xf3\xa0", at + 2);
  return std::min(at, utf8.size());
}

// Returns the size of an escape sequence of ISO 2022, or of a shift to the first set, at the start;
// 0 if there is something else.
std::size_t shift_size(std::string_view from) noexcept {
  const auto is_between = [](char c, char low, char high) { return c >= low && c <= high; };
  if (from.starts_with('\x0f')) return 1;
  if (!from.starts_with('\x1b')) return 0;
  std::size_t n = 1;
  while (n < from.size() && is_between(from[n], '\x20', '\x2f')) ++n;
  return n < from.size() && is_between(from[n], '\x30', '\x7e') ? n + 1 : 0;
}

}  // namespace

result<std::unique_ptr<text_codec>> iconv_codec::make(const std::string& name,
                                                      decode_errors errors) {
  // Some versions of iconv take an empty name for the locale's encoding. What stands behind "//" is
  // no name.
  const bool is_name =
      !name.empty() && name.find('\0') == name.npos && name.find("//") == name.npos;
  if (!is_name) return errc::invalid_argument;
  BOOST_OUTCOME_TRY(auto decoder, iconv_descriptor::open(code_point, name.c_str()));
  BOOST_OUTCOME_TRY(auto encoder, iconv_descriptor::open(name.c_str(), "UTF-8"));
  std::unique_ptr<iconv_codec> made(
      new iconv_codec(std::move(decoder), std::move(encoder), errors));
  made->learn();
  return made;
}

void iconv_codec::learn() {
  // An encoding that lacks any character lacks the last one of all.
  std::string_view last = "\xf4\x8f\xbf\xbd";
  std::array<char, 64> ignored;
  std::span<char> room(ignored);
  approximates_ = encoder_.convert(last, room) == outcome::approximated;
  const std::string one = sample("a"), two = sample("aa");
  if (two.size() > one.size()) unit_ = two.size() - one.size();
  if (one.size() > unit_) preamble_ = one.substr(0, one.size() - unit_);
  const auto plain = [this](std::string_view utf8) {
    const std::string encoded = sample(utf8);
    return encoded.substr(std::min(preamble_.size(), encoded.size()));
  };
  newline_ = plain("\n");
  return_ = plain("\r");
  // A preamble may have told the order of bytes, which is a state. The samples are Kana, Hangul,
  // Han, and a Latin letter with an accent.
  stateful_ = !preamble_.empty();
  for (const auto* utf8 : {"\xe3\x81\x82", "\xea\xb0\x80", "\xe5\x95\x8a", "\xc3\xa9"})
    stateful_ = stateful_ || returns_from_shift(utf8);
}

// Returns a whole text, encoded; it is empty if the encoding lacks it.
std::string iconv_codec::sample(std::string_view utf8) {
  std::string encoded;
  encoder_.reset();
  if (encode(utf8, encoded) != outcome::done) return {};
  end_encoding(encoded);
  return encoded;
}

// Returns whether there is anything to do at the end of a text.
bool iconv_codec::returns_from_shift(std::string_view utf8) {
  std::string encoded;
  encoder_.reset();
  if (encode(utf8, encoded) != outcome::done) return false;
  const std::size_t size = encoded.size();
  end_encoding(encoded);
  return encoded.size() != size;
}

void iconv_codec::reset() noexcept {
  decoder_.reset();
  held_.clear();
}

// iconv is never given more than could become `limit` characters if each took the least bytes:
// so it stops behind the last of them, whatever it does when its room is full.
//
// Some encodings put a letter and the accent behind it together, or change their order, so iconv
// keeps each letter back until it has seen what follows. Where it has done so at the end of a
// piece, or given out more than was asked for, the piece is decoded again by clusters. So every
// piece begins where nothing is kept back, and what comes out does not depend on the pieces.
// Where there are shifts this is not done, for they would be lost; what iconv gives out beyond the
// limit is held.
result<decoded> iconv_codec::decode(std::string_view from, std::size_t limit, bool last,
                                    std::string& to) {
  decoded d;
  const std::u32string before = std::exchange(held_, {});
  BOOST_OUTCOME_TRY(put(before, 0, limit, d, to));
  std::size_t stretch = 0;  // bytes that a piece has more, for a character that takes them
  // Where the decoder keeps much back, pieces are short: the work for them is lost.
  std::size_t most = room_size / 2;
  while (d.characters < limit && d.bytes < from.size()) {
    const std::string_view rest = from.substr(d.bytes);
    const std::size_t wanted = std::min(limit - d.characters, most);
    const std::string_view piece = rest.substr(0, wanted * unit_ + stretch);
    const decoded d_before = d;
    const std::size_t size_before = to.size();
    BOOST_OUTCOME_TRY(auto how, decode_piece(piece, limit, d, to));
    if (!stateful_ && keeps_back()) {
      d = d_before;
      d.repeated += piece.size();
      to.resize(size_before);
      BOOST_OUTCOME_TRY(how, decode_cluster(rest, last, limit, d, to));
      stretch = 0;
      most = longest_cluster;
      if (how == outcome::incomplete) break;
      if (how == outcome::done) continue;
    }
    most = std::min(2 * most, room_size / 2);
    const std::string_view left = from.substr(d.bytes);
    stretch = left.size() == rest.size() ? stretch + unit_ : 0;
    if (d.characters == limit) break;
    const bool is_cut_off = how == outcome::incomplete && piece.size() == rest.size();
    if (is_cut_off && !last) break;
    if (is_cut_off || how == outcome::illegal) {
      BOOST_OUTCOME_TRY(const std::size_t stand_ins, put_malformed(to, d.bytes));
      d.characters += stand_ins;
      d.bytes += is_cut_off ? left.size() : std::min(unit_, left.size());
      stretch = 0;
    }
  }
  if (stateful_ && last && d.bytes == from.size() && d.characters < limit) {
    std::array<char32_t, flushed_most> room;
    BOOST_OUTCOME_TRY(put(flush(room), d.bytes, limit, d, to));
  }
  return d;
}

// Returns whether something is missing of what the bytes up to here mean, or came out beyond the
// limit. The decoder is in its initial state then.
bool iconv_codec::keeps_back() {
  const bool is_beyond = !held_.empty();
  held_.clear();
  std::array<char32_t, flushed_most> room;
  return !flush(room).empty() || is_beyond;
}

// Decodes the least bytes at the start of `from` which, taken by themselves, mean what they mean
// together with those behind them. The outcome is `incomplete` where more of those are needed to
// tell.
result<iconv_codec::outcome> iconv_codec::decode_cluster(std::string_view from, bool last,
                                                         std::size_t limit, decoded& d,
                                                         std::string& to) {
  const std::size_t reach = longest_cluster * unit_;
  if (from.size() < reach && !last) return outcome::incomplete;
  const std::string_view window = from.substr(0, reach);
  std::array<std::array<char32_t, 16 * longest_cluster>, 3> rooms;
  const alone all = decode_alone(window, rooms[0]);
  std::size_t size = unit_;
  std::u32string_view characters = all.characters;
  for (; size < all.bytes; size += unit_) {
    const alone head = decode_alone(window.substr(0, size), rooms[1]);
    if (head.bytes != size || head.characters.empty()) continue;
    if (!all.characters.starts_with(head.characters)) continue;
    const alone tail = decode_alone(window.substr(size, all.bytes - size), rooms[2]);
    d.repeated += all.bytes;
    if (tail.bytes != all.bytes - size) continue;
    if (all.characters.substr(head.characters.size()) != tail.characters) continue;
    characters = head.characters;
    break;
  }
  // The text is malformed from the start, or cut off by the end.
  if (all.bytes == 0) return outcome::illegal;
  const std::size_t begin = d.bytes;
  d.bytes += std::min(size, all.bytes);
  BOOST_OUTCOME_TRY(put(characters, begin, limit, d, to));
  return outcome::done;
}

result<iconv_codec::outcome> iconv_codec::decode_piece(std::string_view piece, std::size_t limit,
                                                       decoded& d, std::string& to) {
  std::array<char32_t, room_size> room;
  std::span<char> left(reinterpret_cast<char*>(room.data()), sizeof(room));
  std::string_view rest = piece;
  const outcome how = decoder_.convert(rest, left);
  const std::size_t begin = d.bytes;
  d.bytes += piece.size() - rest.size();
  const std::u32string_view characters(room.data(), room.size() - left.size() / sizeof(char32_t));
  BOOST_OUTCOME_TRY(put(characters, begin, limit, d, to));
  return how;
}

// Puts characters, which were made of the bytes from `begin` on, onto `to`. Characters beyond the
// limit are held. iconv lets numbers that are no characters pass in two kinds of encodings. In
// those of a fixed width the offset of such a number follows from its place. In those with shifts
// it does not, so an error has the offset where the bytes of the whole piece end.
result<void> iconv_codec::put(std::u32string_view characters, std::size_t begin, std::size_t limit,
                              decoded& d, std::string& to) {
  for (std::size_t at = begin; const char32_t c : characters) {
    const std::size_t before = stateful_ ? d.bytes : at;
    at += unit_;
    if (d.characters == limit) {
      held_ += c;
    } else if (is_character(c)) {
      append_utf8(c, to);
      ++d.characters;
    } else {
      BOOST_OUTCOME_TRY(const std::size_t stand_ins, put_malformed(to, before));
      d.characters += stand_ins;
    }
  }
  return boost::outcome_v2::success();
}

// Decodes bytes as a whole text, up to what is malformed or cut off.
iconv_codec::alone iconv_codec::decode_alone(std::string_view from, std::span<char32_t> room) {
  std::span<char> left(reinterpret_cast<char*>(room.data()), room.size_bytes());
  std::string_view rest = from;
  decoder_.reset();
  decoder_.convert(rest, left);
  decoder_.finish(left);
  return {from.size() - rest.size(), {room.data(), room.size() - left.size() / sizeof(char32_t)}};
}

std::u32string_view iconv_codec::flush(std::span<char32_t> room) {
  std::span<char> left(reinterpret_cast<char*>(room.data()), room.size_bytes());
  decoder_.finish(left);
  return {room.data(), room.size() - left.size() / sizeof(char32_t)};
}

result<std::size_t> iconv_codec::encode_some(std::string_view& utf8, std::string& to) {
  const utf8_run run = well_formed(utf8, encoding_slice);
  BOOST_OUTCOME_TRY(std::size_t stored,
                    encode_well_formed(utf8.substr(0, run.bytes), run.characters, to));
  utf8.remove_prefix(run.bytes);
  if (utf8.empty() || run.characters == encoding_slice) return stored;
  BOOST_OUTCOME_TRY(const std::size_t stand_ins, put_lacking(to, run.bytes));
  utf8.remove_prefix(malformed_size(utf8));
  return stored + stand_ins;
}

// Each tag is encoded by itself, since some versions of iconv drop the tags in silence where an
// encoding lacks them.
result<std::size_t> iconv_codec::encode_well_formed(std::string_view utf8, std::size_t characters,
                                                    std::string& to) {
  const std::size_t all = utf8.size();
  while (!utf8.empty()) {
    const std::size_t before = all - utf8.size();
    const std::string_view plain = utf8.substr(0, tag_position(utf8));
    utf8.remove_prefix(plain.size());
    const auto stored = encode_plain(plain, characters, to);
    if (!stored) return error(errc::invalid_encoding, before + stored.error().requested());
    characters = stored.value();
    if (utf8.empty()) break;
    const std::size_t size = to.size();
    std::string_view tag = utf8.substr(0, 4);
    utf8.remove_prefix(4);
    if (encode(tag, to) == outcome::done && to.size() != size) continue;
    BOOST_OUTCOME_TRY(const std::size_t stand_ins, put_lacking(to, before + plain.size()));
    characters -= 1 - stand_ins;
  }
  return characters;
}

result<std::size_t> iconv_codec::encode_plain(std::string_view utf8, std::size_t characters,
                                              std::string& to) {
  const std::size_t all = utf8.size();
  while (encode(utf8, to) != outcome::done) {
    BOOST_OUTCOME_TRY(const std::size_t stand_ins, put_lacking(to, all - utf8.size()));
    utf8.remove_prefix(well_formed(utf8, 1).bytes);
    characters -= 1 - stand_ins;
  }
  return characters;
}

// Encodes until all is done, or `utf8` begins with what the encoding lacks: then it is `illegal`.
iconv_codec::outcome iconv_codec::encode(std::string_view& utf8, std::string& to) {
  std::array<char, encoding_room> room;
  while (!utf8.empty()) {
    const std::size_t size = approximates_ ? well_formed(utf8, 1).bytes : encoding_piece;
    std::string_view piece = utf8.substr(0, size);
    const std::size_t offered = piece.size();
    std::span<char> left(room);
    const outcome how = encoder_.convert(piece, left);
    if (how == outcome::approximated && approximates_) return outcome::illegal;
    to.append(room.data(), room.size() - left.size());
    utf8.remove_prefix(offered - piece.size());
    if (how == outcome::illegal || piece.size() == offered) return outcome::illegal;
  }
  return outcome::done;
}

result<std::size_t> iconv_codec::put_lacking(std::string& to, std::size_t before) {
  if (errors() == decode_errors::strict) return error(errc::invalid_encoding, before);
  if (errors() == decode_errors::ignore) return 0;
  for (std::string_view utf8 : {replacement_character, question_mark})
    if (encode(utf8, to) == outcome::done) return 1;
  return 0;
}

void iconv_codec::end_encoding(std::string& to) {
  std::array<char, 64> room;
  std::span<char> left(room);
  encoder_.finish(left);
  to.append(room.data(), room.size() - left.size());
}

std::size_t iconv_codec::line_size(std::string_view from) const noexcept {
  for (std::size_t at = 0; at < from.size(); at += unit_) {
    const std::string_view rest = from.substr(at);
    for (const std::string* end : {&newline_, &return_})
      if (!end->empty() && rest.starts_with(*end)) return at + end->size();
  }
  return from.size();
}

std::size_t iconv_codec::newline_size(std::string_view from) const noexcept {
  std::size_t at = 0;
  while (stateful_ && shift_size(from.substr(at)) != 0) at += shift_size(from.substr(at));
  const bool is_newline = !newline_.empty() && from.substr(at).starts_with(newline_);
  return is_newline ? at + newline_.size() : 0;
}

}  // namespace coramfs::detail
