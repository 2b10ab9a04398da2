// SPDX-License-Identifier: BSL-1.0
#include "unit/integrations/text/text_scenario.hpp"

#include <vector>

namespace coramfs::tests {

namespace {

using strings = std::vector<std::string>;

strings lines_of(any_text& t, std::optional<std::size_t> limit = {}) {
  strings lines;
  for (std::string line = t.read_line(limit).value(); !line.empty();
       line = t.read_line(limit).value())
    lines.push_back(line);
  return lines;
}

// One of each kind: itself, single bytes, two, four, with and without a mark, with shifts, and
// one that is not even ASCII.
constexpr const char* encodings[] = {"utf-8",     "latin1", "utf-16le",    "utf-16", "utf-32be",
                                     "utf-8-sig", "cp1258", "iso-2022-jp", "utf-7",  "cp500"};

}  // namespace

TEST_CASE("text: a line ends with a newline, a return, or both", "[text][lines]") {
  const text_scenario s;
  for (const auto* encoding : encodings) {
    INFO(encoding);
    s.put(s.encoded("a\nb\r\nc\rd\r\r\n\n", encoding));
    const auto t = s.open(open_mode::read, encoding);
    CHECK(lines_of(*t) == strings{"a\n", "b\r\n", "c\r", "d\r", "\r\n", "\n"});
    CHECK(t->tell().value() == t->size().value());
    CHECK(t->read_line().value().empty());
  }
}

TEST_CASE("text: the last line may have no end", "[text][lines]") {
  const text_scenario s;
  for (const auto* encoding : encodings) {
    INFO(encoding);
    s.put(s.encoded("a\nbc", encoding));
    CHECK(lines_of(*s.open(open_mode::read, encoding)) == strings{"a\n", "bc"});
    s.put(s.encoded("a\r", encoding));
    CHECK(lines_of(*s.open(open_mode::read, encoding)) == strings{"a\r"});
  }
}

TEST_CASE("text: nothing else ends a line", "[text][lines]") {
  const text_scenario s;
  const std::string text = "a\vb\fc\u0085d\u2028e\u2029f\x1c\x1d\x1eg";
  for (const auto* encoding : {"utf-8", "utf-16", "gb18030"}) {
    INFO(encoding);
    s.put(s.encoded(text + "\n" + text, encoding));
    CHECK(lines_of(*s.open(open_mode::read, encoding)) == strings{text + "\n", text});
  }
  CHECK(lines_of(*s.over("a\x85"
                         "b\n",
                         "latin1")) == strings{"a\u0085"
                                               "b\n"});
}

TEST_CASE("text: bytes inside of characters end no line", "[text][lines]") {
  const text_scenario s;
  // As UTF-16 these hold the bytes of "\n" and "\r", in either order.
  const std::string text = "\u0a0d\u0d0a\u0a00\u0d00\u000b\u010a\u010d";
  for (const auto* encoding : {"utf-16le", "utf-16be", "utf-32le", "utf-32be", "utf-16"}) {
    INFO(encoding);
    s.put(s.encoded(text + "\r\n" + text, encoding));
    CHECK(lines_of(*s.open(open_mode::read, encoding)) == strings{text + "\r\n", text});
  }
}

TEST_CASE("text: the limit of a line is hard", "[text][lines]") {
  const text_scenario s;
  for (const auto* encoding : encodings) {
    INFO(encoding);
    s.put(s.encoded("ab\r\ncd\r\n", encoding));
    CHECK(lines_of(*s.open(open_mode::read, encoding), 3) == strings{"ab\r", "\n", "cd\r", "\n"});
    CHECK(lines_of(*s.open(open_mode::read, encoding), 4) == strings{"ab\r\n", "cd\r\n"});
    CHECK(lines_of(*s.open(open_mode::read, encoding), 2) == strings{"ab", "\r\n", "cd", "\r\n"});
    CHECK(lines_of(*s.open(open_mode::read, encoding), 1) ==
          strings{"a", "b", "\r", "\n", "c", "d", "\r", "\n"});
    CHECK(s.open(open_mode::read, encoding)->read_line(0).value().empty());
  }
}

TEST_CASE("text: the limit counts characters", "[text][lines]") {
  const text_scenario s;
  const auto t = s.over("\u65e5\U0001f600\u00e9x\n");
  CHECK(t->read_line(2).value() == "\u65e5\U0001f600");
  CHECK(t->read_line(2).value() == "\u00e9x");
  CHECK(t->read_line(2).value() == "\n");
}

TEST_CASE("text: a line may be longer than any piece that is looked at", "[text][lines]") {
  const text_scenario s;
  for (const auto* encoding : {"utf-8", "utf-16", "iso-2022-jp"}) {
    for (const std::size_t size :
         {62u, 63u, 64u, 126u, 127u, 128u, 129u, 65535u, 65536u, 65537u, 300000u}) {
      INFO(encoding << ", " << size);
      const std::string line(size, 'x');
      s.put(s.encoded(line + "\r\n" + line + "\r" + line + "\n", encoding));
      const auto t = s.open(open_mode::read, encoding);
      CHECK((t->read_line().value() == line + "\r\n"));
      CHECK((t->read_line().value() == line + "\r"));
      CHECK((t->read_line().value() == line + "\n"));
    }
  }
}

TEST_CASE("text: lines and single characters mix", "[text][lines]") {
  const text_scenario s;
  for (const auto* encoding : encodings) {
    INFO(encoding);
    s.put(s.encoded("ab\r\ncd\n\re", encoding));
    const auto t = s.open(open_mode::read, encoding);
    CHECK(t->read(1).value() == "a");
    CHECK(t->read_line().value() == "b\r\n");
    CHECK(t->read(2).value() == "cd");
    CHECK(t->read_line().value() == "\n");
    CHECK(t->read_line().value() == "\r");
    CHECK(t->read_line().value() == "e");
  }
}

TEST_CASE("text: shifts may stand between a return and its newline", "[text][lines]") {
  const text_scenario s;
  const auto t = s.over("\x1b$BF|\r\x1b(B\n\x1b$BK\\\r\x1b$B8l\x1b(Bx", "iso-2022-jp");
  CHECK(t->read_line().value() == "\u65e5\r\n");
  CHECK(t->read_line().value() == "\u672c\r");
  CHECK(t->read_line().value() == "\u8a9ex");
}

}  // namespace coramfs::tests
