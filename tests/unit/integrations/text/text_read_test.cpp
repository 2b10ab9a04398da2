// SPDX-License-Identifier: BSL-1.0
#include "unit/integrations/text/text_scenario.hpp"

namespace coramfs::tests {

TEST_CASE("text: read gives characters, and the rest without a number", "[text][read]") {
  const text_scenario s;
  const auto t = s.over("a\u00e9\u65e5\U0001f600z!");
  CHECK(t->read(0).value().empty());
  CHECK(t->tell().value() == 0);
  CHECK(t->read(1).value() == "a");
  CHECK(t->read(2).value() == "\u00e9\u65e5");
  CHECK(t->read(1).value() == "\U0001f600");
  CHECK(t->read().value() == "z!");
  CHECK(t->read().value().empty());
  CHECK(t->read(1).value().empty());
  t->seek(-1, seek_from::end).value();
  CHECK(t->read(5).value() == "!");
}

TEST_CASE("text: nothing past the end, and the cursor stays there", "[text][read]") {
  const text_scenario s;
  for (const auto* encoding : {"utf-8", "utf-16", "iso-2022-jp"}) {
    const auto t = s.over("abc", encoding);
    t->seek(100).value();
    CHECK(t->read(3).value().empty());
    CHECK(t->read().value().empty());
    CHECK(t->read_line().value().empty());
    CHECK(t->tell().value() == 100);
  }
}

TEST_CASE("text: no character is split, wherever the pieces end", "[text][read]") {
  const text_scenario s;
  std::string text;
  for (int i = 0; i < 20000; ++i)
    text += i % 3 == 0 ? "\u65e5" : i % 3 == 1 ? "\U0001f600" : "\u00e9";
  for (const auto* encoding : {"utf-8", "utf-16le", "gb18030"}) {
    for (const auto* lead : {"", "a", "ab", "abc"}) {
      INFO(encoding << " after " << lead);
      s.put(s.encoded(lead + text, encoding));
      CHECK((s.open(open_mode::read, encoding)->read().value() == lead + text));
    }
  }
}

TEST_CASE("text: the cursor is right behind what was returned", "[text][cursor]") {
  const text_scenario s;
  const std::string text = "a\u00e9\u65e5b\u8a9e\n";
  for (const auto* encoding : {"utf-8", "utf-16be", "utf-32le", "euc-jp", "gb18030", "utf-7"}) {
    INFO(encoding);
    s.put(s.encoded(text, encoding));
    const auto t = s.open(open_mode::read, encoding);
    std::string seen;
    while (true) {
      const std::string c = t->read(1).value();
      if (c.empty()) break;
      seen += c;
      const auto cursor = static_cast<std::size_t>(t->tell().value());
      CHECK(cursor <= s.content().size());
      if (encoding != "utf-7"sv) CHECK(cursor == s.encoded(seen, encoding).size());
    }
    CHECK(seen == text);
  }
}

TEST_CASE("text: calls on the text and on the file mix", "[text][cursor]") {
  const text_scenario s;
  const auto t = s.over("\u65e5\xff\u672c\nrest");
  CHECK(t->read(1).value() == "\u65e5");
  CHECK(t->read_bytes(1).value() == "\xff");
  CHECK(t->read_line().value() == "\u672c\n");
  CHECK(t->read_bytes(2).value() == "re");
  CHECK(t->write("ST").value() == 2);
  CHECK(t->write_bytes("!").value() == 1);
  CHECK(t->write("\u00e9").value() == 1);
  t->seek(8).value();
  CHECK(t->read().value() == "reST!\u00e9");
}

TEST_CASE("text: the cursor is behind a line and not behind what was looked at", "[text][cursor]") {
  const text_scenario s;
  std::string text;
  for (int i = 0; i < 2000; ++i) text += std::string(std::size_t(i % 300), 'x') + "\u65e5\r\n";
  for (const auto* encoding : {"utf-8", "utf-16", "iso-2022-jp"}) {
    INFO(encoding);
    const std::string stored = s.encoded(text, encoding);
    s.put(stored);
    const auto t = s.open(open_mode::read, encoding);
    std::string seen, bytes;
    for (int i = 0; i < 500; ++i) {
      const auto before = t->tell().value();
      seen += t->read_line().value();
      const auto after = t->tell().value();
      bytes += stored.substr(before, after - before);
    }
    CHECK((seen == text.substr(0, seen.size())));
    CHECK((bytes == s.encoded(seen, encoding)));
  }
}

TEST_CASE("text: it can be moved, and does not close its file", "[text]") {
  const text_scenario s;
  const auto t = s.over("\x1b$BF|K\\\x1b(B", "iso-2022-jp");
  CHECK(t->read(1).value() == "\u65e5");
  t->move();
  CHECK(t->read(1).value() == "\u672c");
  t->begin("utf-8", decode_errors::strict);
  CHECK(t->is_open());
  CHECK(t->read().value() == "\x1b(B");
}

TEST_CASE("text: errors of the file pass through", "[text][errors]") {
  const text_scenario s;
  {
    const auto t = s.over("abc");
    t->close().value();
    CHECK(error_of(t->read()) == errc::not_open);
    CHECK(error_of(t->read_line()) == errc::not_open);
    CHECK(error_of(t->write("a")) == errc::not_open);
    CHECK(error_of(t->write("")) == errc::not_open);
    t->begin("no such encoding", decode_errors::strict);
    CHECK(error_of(t->read(0)) == errc::not_open);
  }
  {
    const auto t = s.open(open_mode::append);
    CHECK(error_of(t->read()) == errc::not_readable);
    CHECK(error_of(t->read(0)) == errc::not_readable);
    CHECK(error_of(t->read_line(0)) == errc::not_readable);
    t->begin("no such encoding", decode_errors::strict);
    CHECK(error_of(t->read()) == errc::not_readable);
  }
  {
    const auto t = s.open(open_mode::read);
    CHECK(error_of(t->write("a")) == errc::not_writable);
    CHECK(error_of(t->write("")) == errc::not_writable);
    CHECK(error_of(t->write("\xff")) == errc::not_writable);
    CHECK(t->read().value() == "abc");
  }
}

TEST_CASE("text: an unknown encoding fails the first use, and each after it", "[text][errors]") {
  const text_scenario s;
  for (const auto encoding : {"no such encoding"sv, ""sv, "utf-8//IGNORE"sv, "latin1//TRANSLIT"sv,
                              "utf-8\0"sv, "utf-8-sig "sv, "latin1\0x"sv}) {
    INFO(encoding);
    const auto t = s.over("abc", std::string(encoding));
    for (int i = 0; i < 2; ++i) {
      CHECK(error_of(t->read()) == errc::invalid_argument);
      CHECK(error_of(t->read(0)) == errc::invalid_argument);
      CHECK(error_of(t->read_line()) == errc::invalid_argument);
      CHECK(error_of(t->write("a")) == errc::invalid_argument);
      CHECK(error_of(t->write("")) == errc::invalid_argument);
    }
    CHECK(t->tell().value() == 0);
  }
  CHECK(s.content() == "abc");
}

TEST_CASE("text: a way to treat errors that is none", "[text][errors]") {
  const text_scenario s;
  const auto t = s.over("abc", "utf-8", static_cast<decode_errors>(3));
  CHECK(error_of(t->read()) == errc::invalid_argument);
  CHECK(error_of(t->write("a")) == errc::invalid_argument);
}

TEST_CASE("text: names of encodings go in any case", "[text]") {
  const text_scenario s;
  const struct {
    const char *encoding, *content;
  } table[] = {{"UTF-8", "\u00e9"},           {"Utf8", "\u00e9"}, {"utf-8-sig", "\ufeff\u00e9"},
               {"UTF-8-SIG", "\ufeff\u00e9"}, {"Latin1", "\xe9"}, {"iso-8859-1", "\xe9"},
               {"ISO-8859-1", "\xe9"},        {"cp1252", "\xe9"}, {"Utf-16", "\xff\xfe\xe9"}};
  for (const auto& e : table) {
    INFO(e.encoding);
    s.put(e.content + std::string(e.encoding == "Utf-16"sv ? 1 : 0, '\0'));
    CHECK(s.open(open_mode::read, e.encoding)->read().value() == "\u00e9");
  }
}

}  // namespace coramfs::tests
