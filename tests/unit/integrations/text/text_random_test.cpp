// SPDX-License-Identifier: BSL-1.0
#include "unit/integrations/text/text_scenario.hpp"

#include <cstdint>
#include <random>
#include <vector>

namespace coramfs::tests {

namespace {

// Beside ends of lines, characters of many scripts, some with an accent that follows.
constexpr const char* repertoire[] = {
    "\n",     "\r",     "\r\n",    "a",       "b",      " ",          "~",
    "\\",     "+",      "-",       "\u00e9",  "\u00fc", "\u00df",     "\u00a5",
    "\u0142", "\u0416", "\u0434",  "\u03b1",  "\u05d0", "\u05b7",     "\u0627",
    "\u0e01", "\u1ea5", "a\u0301", "e\u0309", "\u3042", "\u304b",     "\u309a",
    "\u30a2", "\uff71", "\u65e5",  "\u672c",  "\u554a", "\u4e00",     "\uac00",
    "\ub098", "\u20ac", "\u2028",  "\u0085",  "\ufeff", "\U00020000", "\U0001f600"};

// Of each family that iconv has. A system's iconv may lack some.
constexpr const char* encodings[] = {
    "utf-8",         "utf-8-sig",     "utf-16",        "utf-16le",     "utf-16be",
    "utf-32",        "utf-32le",      "utf-32be",      "utf-7",        "ucs-2le",
    "ascii",         "latin1",        "iso-8859-2",    "iso-8859-5",   "iso-8859-7",
    "iso-8859-8",    "iso-8859-15",   "koi8-r",        "cp437",        "cp850",
    "cp1250",        "cp1251",        "cp1252",        "cp1253",       "cp1255",
    "cp1256",        "cp1258",        "tcvn",          "viscii",       "tis-620",
    "macintosh",     "shift_jis",     "cp932",         "euc-jp",       "iso-2022-jp",
    "iso-2022-jp-1", "iso-2022-jp-2", "iso-2022-jp-3", "euc-jisx0213", "shift_jisx0213",
    "gb2312",        "gbk",           "gb18030",       "iso-2022-cn",  "hz",
    "big5",          "big5-hkscs",    "euc-tw",        "euc-kr",       "cp949",
    "johab",         "iso-2022-kr",   "cp037",         "cp500",        "cp1047",
    "ibm930",        "ibm933",        "ibm935",        "ibm939",       "unicode"};

/// A sequence of choices that is the same in every run.
class chooser {
 public:
  explicit chooser(std::uint32_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }

 private:
  std::mt19937 engine_;
};

bool is_known(const text_scenario& s, const char* encoding) {
  return s.over("", encoding)->read().has_value();
}

// Of the repertoire, what the encoding has.
std::vector<std::string> alphabet_of(const text_scenario& s, const char* encoding) {
  std::vector<std::string> alphabet;
  const auto t = s.over("", encoding);
  for (const auto* c : repertoire)
    if (t->write(c)) alphabet.push_back(c);
  return alphabet;
}

std::string random_text(chooser& choose, const std::vector<std::string>& alphabet) {
  std::string text;
  for (std::size_t n = choose.below(400); n > 0; --n)
    text += alphabet[choose.below(alphabet.size())];
  return text;
}

std::size_t characters_in(std::string_view utf8) {
  std::size_t n = 0;
  for (const char c : utf8) n += (c & 0xc0) != 0x80;
  return n;
}

// In pieces of any size, which end between characters.
void write_in_pieces(any_text& t, chooser& choose, std::string_view text) {
  while (!text.empty()) {
    std::size_t size = std::min(text.size(), 1 + choose.below(40));
    while (size < text.size() && (text[size] & 0xc0) == 0x80) ++size;
    const std::string_view piece = text.substr(0, size);
    CHECK(t.write(piece).value() == characters_in(piece));
    text.remove_prefix(size);
  }
}

// A line, or its first `limit` characters, at the start of a text.
std::string first_line(std::string_view text, std::size_t limit) {
  std::size_t size = 0;
  for (std::size_t n = 0; n < limit && size < text.size(); ++n) {
    const char c = text[size++];
    while (size < text.size() && (text[size] & 0xc0) == 0x80) ++size;
    if (c == '\n') break;
    if (c != '\r') continue;
    if (n + 1 < limit && text.substr(size).starts_with('\n')) ++size;
    break;
  }
  return std::string(text.substr(0, size));
}

std::string first_characters(std::string_view text, std::size_t n) {
  std::size_t size = 0;
  for (; n > 0 && size < text.size(); --n) {
    ++size;
    while (size < text.size() && (text[size] & 0xc0) == 0x80) ++size;
  }
  return std::string(text.substr(0, size));
}

// Whether a text can be read from the middle: not where shifts count, nor where one sequence of
// bytes may be two characters.
bool has_places(std::string_view encoding) {
  for (const auto* without :
       {"utf-7", "iso-2022", "hz", "ibm9", "unicode", "big5-hkscs", "jisx0213"})
    if (encoding.find(without) != encoding.npos) return false;
  return true;
}

// Reads `text` by calls of all kinds. The first difference ends it. `other` has the same file open.
void read_in_pieces(any_text& t, any_text* other, chooser& choose, std::string_view text) {
  bool is_same = true;
  while (is_same && !text.empty()) {
    const std::size_t n = 1 + choose.below(choose.below(4) == 0 ? 200 : 5);
    const bool by_lines = choose.below(2) == 0;
    const std::string expected = by_lines ? first_line(text, n) : first_characters(text, n);
    const std::string seen = (by_lines ? t.read_line(n) : t.read(n)).value();
    is_same = seen == expected;
    CHECK(seen == expected);
    text.remove_prefix(std::min(text.size(), expected.size()));
    if (other == nullptr || choose.below(5) != 0) continue;
    other->seek(static_cast<std::int64_t>(t.tell().value())).value();
    CHECK(other->read().value() == text);
  }
  if (is_same) CHECK(t.read().value().empty());
  CHECK(t.tell().value() == t.size().value());
}

}  // namespace

TEST_CASE("text: what is written in pieces is read in pieces, in any encoding", "[text][random]") {
  const text_scenario s;
  for (const auto* encoding : encodings) {
    if (!is_known(s, encoding)) continue;
    const auto alphabet = alphabet_of(s, encoding);
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
      INFO(encoding << ", seed " << seed);
      chooser choose(seed);
      const std::string written = random_text(choose, alphabet);
      s.put("");
      write_in_pieces(*s.open(open_mode::append, encoding), choose, written);
      // An accent may have been joined with its letter.
      const std::string text = s.open(open_mode::read, encoding)->read().value();
      CHECK(s.encoded(text, encoding, decode_errors::replace).size() <= s.content().size());
      const auto other = has_places(encoding) ? s.open(open_mode::read, encoding) : nullptr;
      read_in_pieces(*s.open(open_mode::read, encoding), other.get(), choose, text);
    }
  }
}

}  // namespace coramfs::tests
