// SPDX-License-Identifier: BSL-1.0
#include "unit/integrations/text/text_scenario.hpp"

namespace coramfs::tests {

namespace {

struct malformed {
  const char* what;
  const char* encoding;
  std::string_view content;
  const char* replaced;
};

const malformed table[] = {
    {"a truncated end of two", "utf-8", "a\xc3", "a\ufffd"},
    {"a truncated end of three", "utf-8", "a\xe6\x97", "a\ufffd"},
    {"a truncated end of four", "utf-8", "a\xf0\x9f\x98", "a\ufffd"},
    {"a truncated end of four, one byte", "utf-8", "a\xf0", "a\ufffd"},
    {"overlong forms of two", "utf-8", "\xc0\x80\xc1\xbf", "\ufffd\ufffd\ufffd\ufffd"},
    {"an overlong form of three", "utf-8", "\xe0\x80\xafz", "\ufffd\ufffd\ufffdz"},
    {"an overlong form of four", "utf-8", "\xf0\x80\x80\xaf", "\ufffd\ufffd\ufffd\ufffd"},
    {"an encoded surrogate", "utf-8", "a\xed\xa0\x80z", "a\ufffd\ufffd\ufffdz"},
    {"a pair of encoded surrogates", "utf-8", "\xed\xa0\xbd\xed\xb8\x80",
     "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd"},
    {"above U+10FFFF", "utf-8", "\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},
    {"no lead byte", "utf-8", "\x80z\xbf", "\ufffdz\ufffd"},
    {"no UTF-8 at all", "utf-8", "\xfe\xff", "\ufffd\ufffd"},
    {"cut off in the middle", "utf-8", "\xf0\x9f\x98z\xe6\x97\n", "\ufffdz\ufffd\n"},
    {"half a unit", "utf-16le", "a\0b"sv, "a\ufffd"},
    {"a lone high surrogate", "utf-16le", "\x3d\xd8z\0"sv, "\ufffdz"},
    {"a lone low surrogate", "utf-16le", "\0\xdez\0"sv, "\ufffdz"},
    {"a high surrogate at the end", "utf-16le", "a\0\x3d\xd8"sv, "a\ufffd"},
    {"half a pair and a byte", "utf-16le", "a\0\x3d\xd8\0"sv, "a\ufffd"},
    {"a surrogate in UTF-32", "utf-32le", "\0\xd8\0\0z\0\0\0"sv, "\ufffdz"},
    {"above U+10FFFF in UTF-32", "utf-32le", "\0\0\x11\0z\0\0\0"sv, "\ufffdz"},
    {"above ASCII", "ascii", "a\x80z", "a\ufffdz"},
    {"a byte that means nothing", "cp1252", "a\x81z", "a\ufffdz"},
    {"half a character at the end", "shift_jis", "a\x93", "a\ufffd"},
    {"half a character at the end", "gb18030", "a\x81\x30\x81", "a\ufffd"},
    {"a shift that is cut off", "iso-2022-jp", "a\x1b$", "a\ufffd"},
    {"half a character, shifted", "iso-2022-jp", "\x1b$BF|K", "\u65e5\ufffd"},
};

std::string without_replacements(std::string text) {
  for (auto at = text.find("\ufffd"); at != text.npos; at = text.find("\ufffd")) text.erase(at, 3);
  return text;
}

std::string by_characters(any_text& t) {
  std::string text;
  for (std::string c = t.read(1).value(); !c.empty(); c = t.read(1).value()) text += c;
  return text;
}

std::string by_lines(any_text& t) {
  std::string text;
  for (std::string c = t.read_line().value(); !c.empty(); c = t.read_line().value()) text += c;
  return text;
}

}  // namespace

TEST_CASE("text: malformed bytes are refused", "[text][malformed]") {
  const text_scenario s;
  for (const auto& e : table) {
    INFO(e.what);
    const auto t = s.over(e.content, e.encoding);
    CHECK(error_of(t->read()) == errc::invalid_encoding);
    CHECK(t->tell().value() == 0);
    CHECK(error_of(t->read(100)) == errc::invalid_encoding);
    CHECK(t->tell().value() == 0);
  }
}

TEST_CASE("text: an error tells where the malformed bytes begin", "[text][malformed]") {
  const text_scenario s;
  for (const auto& e : table) {
    CAPTURE(e.what, e.encoding);
    // What comes before them is the longest beginning that is text by itself.
    std::size_t before = e.content.size();
    while (!s.over(e.content.substr(0, before), e.encoding)->read()) --before;
    const auto t = s.over(e.content, e.encoding);
    for (const error& seen : {error_of(t->read()), error_of(t->read_line())}) {
      CHECK(seen == errc::invalid_encoding);
      CHECK(seen.requested() == before);
    }
    result<std::string> c = t->read(1);
    while (c && !c.value().empty()) c = t->read(1);
    CHECK(error_of(c).requested() == before);
  }
  for (const std::size_t n : {1, 1000, 5000}) {
    std::string ucs4;
    for (std::size_t i = 0; i < n; ++i) ucs4 += "\0\0\0a"sv;
    const auto wide = s.over(ucs4 + std::string("\0\0\xd8\0\0\0\0z"sv), "ucs-4be");
    CHECK(error_of(wide->read()).requested() == 4 * n);
    CHECK(error_of(wide->read_line()).requested() == 4 * n);
  }
  const auto long_text = s.over(std::string(200'000, 'a') + "\xc3z");
  CHECK(error_of(long_text->read()).requested() == 200'000);
  CHECK(error_of(long_text->read_line()).requested() == 200'000);
}

TEST_CASE("text: an error tells where in the text is what can not be stored", "[text][malformed]") {
  const text_scenario s;
  struct sample {
    const char* encoding;
    std::string text;
    std::size_t before;
  };
  const std::string many(50'000, 'a');
  const sample samples[] = {{"utf-8", "ab\xff", 2},
                            {"utf-8", many + "\xed\xa0\x80", many.size()},
                            {"ascii", "abc\u00fcd", 3},
                            {"ascii", "\u00fc", 0},
                            {"cp1252", "\u00fc\u65e5", 2},
                            {"shift_jis", many + "\u65e5\u00fcz", many.size() + 3},
                            {"iso-2022-jp", "a\u65e5\xff", 4},
                            {"utf-16", "\u65e5\xe6\x97", 3}};
  for (const sample& e : samples) {
    CAPTURE(e.encoding, e.before);
    const error seen = error_of(s.open(open_mode::write, e.encoding)->write(e.text));
    CHECK(seen == errc::invalid_encoding);
    CHECK(seen.requested() == e.before);
    CHECK(seen.message() == "invalid encoding: at byte " + std::to_string(e.before));
    CHECK(s.content().empty());
  }
}

TEST_CASE("text: malformed bytes are replaced", "[text][malformed]") {
  const text_scenario s;
  for (const auto& e : table) {
    INFO(e.what);
    const auto t = s.over(e.content, e.encoding, decode_errors::replace);
    CHECK(t->read().value() == e.replaced);
    CHECK(t->tell().value() == e.content.size());
    t->seek(0).value();
    CHECK(by_characters(*t) == e.replaced);
    t->seek(0).value();
    CHECK(by_lines(*t) == e.replaced);
  }
}

TEST_CASE("text: malformed bytes are ignored", "[text][malformed]") {
  const text_scenario s;
  for (const auto& e : table) {
    INFO(e.what);
    const std::string kept = without_replacements(e.replaced);
    const auto t = s.over(e.content, e.encoding, decode_errors::ignore);
    CHECK(t->read().value() == kept);
    CHECK(t->tell().value() == e.content.size());
    t->seek(0).value();
    CHECK(by_characters(*t) == kept);
    t->seek(0).value();
    CHECK(by_lines(*t) == kept);
  }
}

TEST_CASE("text: what was not asked for may be malformed", "[text][malformed]") {
  const text_scenario s;
  for (const auto* encoding : {"utf-8", "ascii", "iso-2022-jp", "euc-jp"}) {
    INFO(encoding);
    const auto t = s.over("ab\ncd\xff", encoding);
    CHECK(t->read_line().value() == "ab\n");
    CHECK(t->read(2).value() == "cd");
    CHECK(error_of(t->read(1)) == errc::invalid_encoding);
    t->seek(0).value();
    CHECK(t->read(5).value() == "ab\ncd");
    CHECK(t->tell().value() == 5);
    CHECK(error_of(t->read_line()) == errc::invalid_encoding);
    CHECK(t->tell().value() == 5);
    CHECK(t->read_bytes(1).value() == "\xff");
  }
}

TEST_CASE("text: malformed bytes far into a file", "[text][malformed]") {
  const text_scenario s;
  const std::string good(100000, 'x');
  for (const auto* encoding : {"utf-8", "latin2", "ascii", "iso-2022-jp"}) {
    INFO(encoding);
    const bool is_any_byte = encoding == "latin2"sv;
    const auto t = s.over(good + "\xff" + good, encoding);
    CHECK(t->read().has_value() == is_any_byte);
    CHECK(t->tell().value() == (is_any_byte ? 200001 : 0));
    t->seek(0).value();
    CHECK((t->read(100000).value() == good));
    t->begin(encoding, decode_errors::ignore);
    CHECK(t->read().value().size() == (is_any_byte ? 100002 : 100000));
  }
}

TEST_CASE("text: a sequence may be cut by the end of what is looked at", "[text][malformed]") {
  const text_scenario s;
  for (const std::size_t at : {62u, 63u, 64u, 65532u, 65533u, 65534u, 65535u, 65536u, 65537u}) {
    const std::string lead(at, 'x');
    INFO(at);
    const auto t = s.over(lead + "\xf0\x9f\x98z", "utf-8", decode_errors::replace);
    CHECK((t->read().value() == lead + "\ufffdz"));
    t->seek(0).value();
    CHECK((t->read_line().value() == lead + "\ufffdz"));
  }
}

}  // namespace coramfs::tests
