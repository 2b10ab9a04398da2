// SPDX-License-Identifier: BSL-1.0
#include "unit/integrations/text/text_scenario.hpp"

#include <bit>

namespace coramfs::tests {

namespace {

constexpr bool little = std::endian::native == std::endian::little;

// U+FEFF U+0061 and so on, in the machine's order of bytes or the other.
std::string units16(std::u16string_view text, bool is_little) {
  std::string bytes;
  for (const char16_t c : text) {
    const char low = static_cast<char>(c & 0xff), high = static_cast<char>(c >> 8);
    bytes += is_little ? low : high;
    bytes += is_little ? high : low;
  }
  return bytes;
}

}  // namespace

TEST_CASE("text: marks are written once, at the start of the file", "[text][marks]") {
  const text_scenario s;
  s.put("");
  {
    const auto t = s.open(open_mode::write, "utf-16");
    CHECK(t->write("a").value() == 1);
    CHECK(t->write("b").value() == 1);
  }
  CHECK(s.content() == units16(u"\ufeffab", little));
  {
    const auto t = s.open(open_mode::append, "utf-16");
    CHECK(t->write("c").value() == 1);
  }
  CHECK(s.content() == units16(u"\ufeffabc", little));
  {
    const auto t = s.open(open_mode::update, "utf-16");
    t->seek(4).value();
    CHECK(t->write("B").value() == 1);
    t->seek(0).value();
    CHECK(t->write("A").value() == 1);
  }
  CHECK(s.content() == units16(u"\ufeffABc", little));
}

TEST_CASE("text: marks of the other encodings that have one", "[text][marks]") {
  const text_scenario s;
  CHECK(s.encoded("a", "utf-8-sig") ==
        "\xef\xbb\xbf"
        "a");
  CHECK(s.encoded("a", "utf-32") == (little ? "\xff\xfe\0\0a\0\0\0"sv : "\0\0\xfe\xff\0\0\0a"sv));
  CHECK(s.encoded("a", "utf-16le") == "a\0"sv);
  CHECK(s.encoded("a", "utf-16be") == "\0a"sv);
  CHECK(s.encoded("a", "utf-8") == "a");
  {
    const auto t = s.over("", "utf-8-sig");
    t->write("a").value();
    t->write("b").value();
  }
  CHECK(s.content() ==
        "\xef\xbb\xbf"
        "ab");
}

TEST_CASE("text: a mark is dropped where the file begins, and only there", "[text][marks]") {
  const text_scenario s;
  const struct {
    const char* encoding;
    std::string content;
  } table[] = {{"utf-8-sig",
                "\ufeff"
                "a\ufeff"
                "b"},
               {"utf-16", units16(u"\ufeff"
                                  "a\ufeff"
                                  "b",
                                  true)},
               {"utf-16", units16(u"\ufeff"
                                  "a\ufeff"
                                  "b",
                                  false)}};
  for (const auto& e : table) {
    INFO(e.encoding);
    const auto t = s.over(e.content, e.encoding);
    CHECK(t->read().value() ==
          "a\ufeff"
          "b");
    t->seek(0).value();
    CHECK(t->read(1).value() == "a");
    CHECK(t->read(1).value() == "\ufeff");
    t->seek(0).value();
    CHECK(t->read_line().value() ==
          "a\ufeff"
          "b");
  }
}

TEST_CASE("text: plain encodings keep what would be a mark", "[text][marks]") {
  const text_scenario s;
  CHECK(s.over("\ufeff"
               "a")
            ->read()
            .value() ==
        "\ufeff"
        "a");
  CHECK(s.over(units16(u"\ufeff"
                       "a",
                       true),
               "utf-16le")
            ->read()
            .value() ==
        "\ufeff"
        "a");
  CHECK(s.encoded("\ufeff"
                  "a",
                  "utf-8") ==
        "\ufeff"
        "a");
  CHECK(s.encoded("\ufeff"
                  "a",
                  "utf-8-sig") ==
        "\ufeff\ufeff"
        "a");
}

TEST_CASE("text: the mark's order of bytes goes for the whole file", "[text][marks]") {
  const text_scenario s;
  for (const bool is_little : {true, false}) {
    const auto t = s.over(units16(u"\ufeff"
                                  "abcd",
                                  is_little),
                          "utf-16");
    t->seek(6).value();
    CHECK(t->read(1).value() == "c");
    t->seek(4).value();
    CHECK(t->read_line(2).value() == "bc");
    CHECK(t->write("X").value() == 1);
    CHECK(t->write("\u65e5").value() == 1);
    t->seek(0).value();
    CHECK(t->read().value() == "abcX\u65e5");
    t->seek(0).value();
    CHECK(t->write("A").value() == 1);
    CHECK(t->read(1).value() == "b");
    t->close().value();
    CHECK(s.content() == units16(u"\ufeff"
                                 "AbcX\u65e5",
                                 is_little));
  }
}

TEST_CASE("text: without a mark the order of bytes is the machine's", "[text][marks]") {
  const text_scenario s;
  const auto t = s.over(units16(u"ab", little), "utf-16");
  CHECK(t->read().value() == "ab");
  CHECK(t->write("c").value() == 1);
  t->close().value();
  CHECK(s.content() == units16(u"abc", little));
}

TEST_CASE("text: a file that is no more than its mark is empty", "[text][marks]") {
  const text_scenario s;
  for (const auto* encoding : {"utf-8-sig", "utf-16", "utf-32"}) {
    INFO(encoding);
    s.put(s.encoded("a", encoding));
    const auto t = s.open(open_mode::update, encoding);
    t->read(0).value();
    const std::uint64_t mark = t->size().value() - (encoding == "utf-8-sig"sv ? 1
                                                    : encoding == "utf-16"sv  ? 2
                                                                              : 4);
    t->truncate(mark).value();
    CHECK(t->read().value().empty());
    CHECK(t->tell().value() == mark);
    CHECK(t->write("b").value() == 1);
    t->seek(0).value();
    CHECK(t->read().value() == "b");
  }
}

TEST_CASE("text: a part of a mark is none", "[text][marks]") {
  const text_scenario s;
  CHECK(error_of(s.over("\xef\xbb", "utf-8-sig")->read()) == errc::invalid_encoding);
  CHECK(error_of(s.over("\xff", "utf-16")->read()) == errc::invalid_encoding);
  CHECK(s.over("\xef\xbb", "utf-8-sig", decode_errors::replace)->read().value() == "\ufffd");
}

TEST_CASE("text: the state lives through many small reads", "[text][state]") {
  const text_scenario s;
  const std::string text = "a\u65e5\u672c\u8a9eb\u65e5\nc\u672c";
  const std::string stored = s.encoded(text, "iso-2022-jp");
  s.put(stored);
  CHECK(stored == "a\x1b$BF|K\\8l\x1b(Bb\x1b$BF|\x1b(B\nc\x1b$BK\\\x1b(B");
  const auto t = s.open(open_mode::read, "iso-2022-jp");
  std::string seen;
  for (std::string c = t->read(1).value(); !c.empty(); c = t->read(1).value()) seen += c;
  CHECK(seen == text);
  CHECK(t->tell().value() == stored.size());
  t->seek(0).value();
  // A shift belongs to what follows it.
  const std::uint64_t cursors[] = {1, 6, 8, 10, 14, 19, 23, 24, 29};
  for (const std::uint64_t cursor : cursors) {
    t->read(1).value();
    CHECK(t->tell().value() == cursor);
  }
}

TEST_CASE("text: the state is forgotten when the cursor moves", "[text][state]") {
  const text_scenario s;
  const auto t = s.over("\x1b$BF|K\\\x1b(Bab", "iso-2022-jp");
  CHECK(t->read(1).value() == "\u65e5");
  const auto cursor = t->tell().value();
  t->seek(0).value();
  CHECK(t->read(1).value() == "\u65e5");
  t->seek(10).value();
  CHECK(t->read().value() == "ab");
  t->seek(static_cast<std::int64_t>(cursor)).value();
  CHECK(t->read(2).value() == "K\\");
  t->seek(0).value();
  CHECK(t->read(1).value() == "\u65e5");
  // There and back again is not moved.
  t->seek(1).value();
  t->seek(static_cast<std::int64_t>(cursor)).value();
  CHECK(t->read(1).value() == "\u672c");
}

TEST_CASE("text: a failure leaves the state as it was", "[text][state]") {
  const text_scenario s;
  const auto t = s.over("ab\x1b$BF|K\\\xff\xff", "iso-2022-jp");
  CHECK(t->read(3).value() == "ab\u65e5");
  CHECK(error_of(t->read()) == errc::invalid_encoding);
  CHECK(error_of(t->read_line()) == errc::invalid_encoding);
  CHECK(t->tell().value() == 7);
  CHECK(t->read(1).value() == "\u672c");
  CHECK(error_of(t->read(1)) == errc::invalid_encoding);
  CHECK(error_of(t->read(1)) == errc::invalid_encoding);
  CHECK(t->tell().value() == 9);
  t->seek(2).value();
  CHECK(t->read(2).value() == "\u65e5\u672c");
}

TEST_CASE("text: each write leaves the text whole", "[text][state]") {
  const text_scenario s;
  for (const auto* encoding : {"iso-2022-jp", "iso-2022-kr", "utf-7", "utf-16", "unicode"}) {
    INFO(encoding);
    const std::string unit = encoding == "iso-2022-kr"sv ? "\uac00" : "\u65e5";
    std::string text;
    s.put("");
    for (int i = 0; i < 3; ++i) {
      const auto t = s.open(i == 0 ? open_mode::write : open_mode::append, encoding);
      for (int k = 0; k < 5; ++k) {
        text += unit + "x" + unit;
        CHECK(t->write(unit).value() == 1);
        CHECK(t->write("x").value() == 1);
        CHECK(t->write(unit).value() == 1);
      }
    }
    const auto t = s.open(open_mode::read, encoding);
    CHECK(t->read().value() == text);
    std::string seen;
    t->seek(0).value();
    for (std::string c = t->read(1).value(); !c.empty(); c = t->read(1).value()) seen += c;
    CHECK(seen == text);
  }
}

TEST_CASE("text: reads and writes on one handle mix", "[text][state]") {
  const text_scenario s;
  s.put(s.encoded("\u65e5\n", "iso-2022-jp"));
  const auto t = s.open(open_mode::update, "iso-2022-jp");
  CHECK(t->read_line().value() == "\u65e5\n");
  CHECK(t->write("\u672c").value() == 1);
  CHECK(t->read().value().empty());
  CHECK(t->write("\u8a9e").value() == 1);
  t->seek(0).value();
  CHECK(t->read().value() == "\u65e5\n\u672c\u8a9e");
}

TEST_CASE("text: a write ends the shift that a read has left", "[text][state]") {
  const text_scenario s;
  const auto t = s.over("\x1b$BF|K\\8l", "iso-2022-jp");
  CHECK(t->read(1).value() == "\u65e5");
  CHECK(t->write("xy").value() == 2);
  CHECK(t->read().value() == "8l");
}

TEST_CASE("text: accents that follow their letter are joined or not, and the cursor is right",
          "[text][state]") {
  const text_scenario s;
  // "a", a combining acute accent; "b"; "a"; a newline; "e", the accent.
  const auto t = s.over(
      "a\xec"
      "ba\ne\xec",
      "cp1258");
  const struct {
    const char* character;
    std::uint64_t cursor;
  } steps[] = {{"\u00e1", 2}, {"b", 3}, {"a", 4}, {"\n", 5}, {"\u00e9", 7}, {"", 7}};
  for (const auto& step : steps) {
    CHECK(t->read(1).value() == step.character);
    CHECK(t->tell().value() == step.cursor);
  }
  t->seek(0).value();
  CHECK(t->read().value() ==
        "\u00e1"
        "ba\n\u00e9");
  t->seek(0).value();
  CHECK(t->read_line(3).value() ==
        "\u00e1"
        "ba");
  CHECK(t->tell().value() == 4);
}

TEST_CASE("text: one sequence of bytes may be two characters", "[text][state]") {
  const text_scenario s;
  const auto t = s.over("x\x88\x62\x88\x62y", "big5-hkscs");
  std::string seen;
  for (std::string c = t->read(1).value(); !c.empty(); c = t->read(1).value()) {
    seen += c;
    CHECK(seen.size() <= 20);
  }
  CHECK(seen == "x\u00ca\u0304\u00ca\u0304y");
  t->seek(0).value();
  CHECK(t->read().value() == seen);
  t->seek(0).value();
  CHECK(t->read_line().value() == seen);
}

TEST_CASE("text: a failure keeps the second of two characters", "[text][state]") {
  const text_scenario s;
  const auto t = s.over("\x88\x62y\xff", "big5-hkscs");
  CHECK(t->read(1).value() == "\u00ca");
  CHECK(error_of(t->read()) == errc::invalid_encoding);
  CHECK(error_of(t->read_line()) == errc::invalid_encoding);
  CHECK(t->read(2).value() == "\u0304y");
  t->seek(2).value();
  CHECK(t->read(1).value() == "y");
}

}  // namespace coramfs::tests
