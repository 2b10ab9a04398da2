// SPDX-License-Identifier: BSL-1.0
#include "unit/integrations/text/text_scenario.hpp"

#include <algorithm>

namespace coramfs::tests {

namespace {

std::string without_replacements(std::string_view from) {
  std::string text(from);
  for (auto at = text.find("\ufffd"); at != text.npos; at = text.find("\ufffd")) text.erase(at, 3);
  return text;
}

}  // namespace

TEST_CASE("text: write stores the text at once and counts its characters", "[text][write]") {
  const text_scenario s;
  const auto t = s.open(open_mode::create);
  CHECK(t->write("a\u00e9\u65e5\U0001f600").value() == 4);
  CHECK(t->tell().value() == 10);
  CHECK(t->size().value() == 10);
  CHECK(s.volume().stats().used_bytes == 10);
  CHECK(t->write("z").value() == 1);
  t->close().value();
  CHECK(s.content() == "a\u00e9\u65e5\U0001f600z");
}

TEST_CASE("text: write keeps newlines", "[text][write]") {
  const text_scenario s;
  const std::string_view text = "a\nb\r\nc\rd\r\r\n\n";
  CHECK(s.encoded(text, "utf-8") == text);
  CHECK(s.encoded(text, "latin1") == text);
}

TEST_CASE("text: write goes where the file's cursor is", "[text][write]") {
  const text_scenario s;
  {
    const auto t = s.over("abcdef");
    t->seek(2).value();
    CHECK(t->write("XY").value() == 2);
    CHECK(t->tell().value() == 4);
  }
  {
    const auto t = s.open(open_mode::append);
    t->seek(0).value();
    CHECK(t->write("!").value() == 1);
    CHECK(t->tell().value() == 7);
  }
  CHECK(s.content() == "abXYef!");
}

TEST_CASE("text: an empty write changes nothing", "[text][write]") {
  const text_scenario s;
  for (const auto* encoding : {"utf-8", "utf-8-sig", "utf-16", "iso-2022-kr", "latin1"}) {
    INFO(encoding);
    s.put("");
    const auto t = s.open(open_mode::write, encoding);
    CHECK(t->write("").value() == 0);
    CHECK(t->size().value() == 0);
  }
}

TEST_CASE("text: a character that the encoding lacks", "[text][write]") {
  const text_scenario s;
  const struct {
    const char *encoding, *replaced, *ignored;
  } table[] = {
      {"latin1", "a?b", "ab"},
      {"ascii", "a?b", "ab"},
      {"shift_jis", "a?b", "ab"},
      {"iso-2022-jp", "a?b", "ab"},
  };
  // A picture, and a tag, which some iconv drop without a word.
  for (const auto* text : {"a\U0001f600b", "a\U000e0041b"}) {
    for (const auto& e : table) {
      INFO(e.encoding);
      s.put("old");
      const auto t = s.open(open_mode::update, e.encoding);
      CHECK(error_of(t->write(text)) == errc::invalid_encoding);
      CHECK(t->tell().value() == 0);
      t->begin(e.encoding, decode_errors::replace);
      CHECK(t->write(text).value() == 3);
      t->truncate(t->tell().value()).value();
      t->seek(0).value();
      CHECK(t->read_bytes(10).value() == e.replaced);
      t->seek(0).value();
      t->begin(e.encoding, decode_errors::ignore);
      CHECK(t->write(text).value() == 2);
      t->truncate(t->tell().value()).value();
      t->seek(0).value();
      CHECK(t->read_bytes(10).value() == e.ignored);
    }
  }
}

TEST_CASE("text: tags are stored where the encoding has them", "[text][write]") {
  const text_scenario s;
  const std::string text = "a\U000e0041\U000e007fb\U000e0100c";
  for (const auto* encoding : {"utf-8", "utf-16le", "utf-32be", "gb18030", "utf-7"}) {
    INFO(encoding);
    s.put(s.encoded(text, encoding));
    CHECK(s.open(open_mode::read, encoding)->read().value() == text);
  }
}

TEST_CASE("text: input that is not UTF-8", "[text][write]") {
  const text_scenario s;
  const struct {
    std::string_view input, replaced;
    std::size_t characters;
  } table[] = {
      {"a\xff"
       "b",
       "a\ufffdb", 3},
      {"\xc0\x80", "\ufffd\ufffd", 2},                      // an overlong form
      {"\xed\xa0\x80", "\ufffd\ufffd\ufffd", 3},            // a surrogate
      {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd", 4},  // above U+10FFFF
      {"a\xe6\x97", "a\ufffd", 2},                          // a truncated end
      {"\xf0\x9f\x98z", "\ufffdz", 2},                      // truncated in the middle
      {"\x80\xbf", "\ufffd\ufffd", 2},                      // nothing but tails
      {"\xe6\x97\xe6\x97\xa5", "\ufffd\u65e5", 2},
  };
  for (const auto& e : table) {
    INFO(e.replaced);
    s.put("old");
    const auto t = s.open(open_mode::update);
    CHECK(error_of(t->write(e.input)) == errc::invalid_encoding);
    CHECK(t->tell().value() == 0);
    CHECK(t->read().value() == "old");
    CHECK(s.encoded(e.input, "utf-8", decode_errors::replace) == e.replaced);
    t->begin("utf-8", decode_errors::replace);
    CHECK(t->write(e.input).value() == e.characters);
    const std::string kept = without_replacements(e.replaced);
    CHECK(s.encoded(e.input, "utf-8", decode_errors::ignore) == kept);
    t->begin("utf-8", decode_errors::ignore);
    CHECK(t->write(e.input).value() == e.characters - (e.replaced.size() - kept.size()) / 3);
  }
}

TEST_CASE("text: input that is not UTF-8, for other encodings", "[text][write]") {
  const text_scenario s;
  CHECK(s.encoded("a\xff\xe6\x97", "latin1", decode_errors::replace) == "a??");
  CHECK(s.encoded("a\xff\xe6\x97", "latin1", decode_errors::ignore) == "a");
  CHECK(s.encoded("a\xff", "utf-16le", decode_errors::replace) == "a\0\xfd\xff"sv);
  const auto t = s.over("old", "latin1");
  CHECK(error_of(t->write("a\xff")) == errc::invalid_encoding);
  t->begin("latin1", decode_errors::ignore);
  CHECK(t->write("\xff\xfe").value() == 0);
  CHECK(t->tell().value() == 0);
  CHECK(t->read().value() == "old");
}

TEST_CASE("text: a write that is refused leaves everything as it was", "[text][write]") {
  const text_scenario s(10);
  for (const auto* encoding : {"utf-8", "utf-16", "iso-2022-jp"}) {
    INFO(encoding);
    s.put("");
    const auto t = s.open(open_mode::update, encoding);
    CHECK(t->write("ab").value() == 2);
    const auto cursor = t->tell().value();
    const error e = error_of(t->write("\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e"));
    CHECK(e == errc::quota_exceeded);
    CHECK(e.requested() > e.available());
    CHECK(e.available() == 10 - cursor);
    CHECK(t->tell().value() == cursor);
    CHECK(t->size().value() == cursor);
    CHECK(t->write("c").value() == 1);
    t->seek(0).value();
    CHECK(t->read().value() == "abc");
  }
}

TEST_CASE("text: a large text is stored whole", "[text][write]") {
  const text_scenario s;
  std::string text;
  for (int i = 0; text.size() < 3 * 1024 * 1024; ++i)
    text += "a\u00e9\u65e5" + std::to_string(i % 1000) + "\n";
  const std::size_t characters = std::size_t(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
  for (const auto* encoding : {"utf-8", "utf-8-sig", "utf-16", "gb18030", "iso-2022-jp-2"}) {
    INFO(encoding);
    s.put("");
    {
      const auto t = s.open(open_mode::write, encoding);
      CHECK(t->write(text).value() == characters);
    }
    CHECK((s.open(open_mode::read, encoding)->read().value() == text));
  }
}

}  // namespace coramfs::tests
