// SPDX-License-Identifier: BSL-1.0
// Every encoding that this system's iconv knows, over bytes of all kinds: what comes out does not
// depend on how it is asked for.
#include <coramfs/sync/file_system.hpp>
#include <coramfs/sync/text_file.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <cctype>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::tests {

namespace {

using namespace std::string_view_literals;

// Where there is no program `iconv`. Those that keep letters back, and one of each kind beside.
constexpr const char* well_known[] = {"cp1255",  "cp1258",     "tcvn",        "tscii",
                                      "utf-8",   "utf-16le",   "utf-32be",    "utf-7",
                                      "latin1",  "shift_jis",  "euc-jp",      "iso-2022-jp",
                                      "gb18030", "big5-hkscs", "iso-2022-kr", "euc-jisx0213",
                                      "iso6937", "t.61-8bit",  "ibm930",      "hz"};

// Words of the list that `iconv -l` prints: some put all on a line, "//" behind each, or commas.
std::vector<std::string> listed_encodings() {
  std::vector<std::string> names;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> list(::popen("iconv -l 2>/dev/null", "r"),
                                                             ::pclose);
  std::string word;
  for (int c = list ? std::fgetc(list.get()) : EOF; c != EOF; c = std::fgetc(list.get())) {
    if (std::isspace(c) == 0 && c != '/' && c != ',') {
      word += static_cast<char>(c);
    } else if (!word.empty()) {
      names.push_back(std::exchange(word, {}));
    }
  }
  if (names.empty()) names.assign(std::begin(well_known), std::end(well_known));
  return names;
}

/// A file with bytes, which is read as text again and again.
class sample {
 public:
  sample() : fs_(sync::file_system::create({.max_quota = 1 << 24}).value()) {}

  void put(std::string_view content) {
    size_ = content.size();
    fs_.write_file("/t", asio::const_buffer(content.data(), content.size())).value();
  }
  std::size_t size() const noexcept { return size_; }

  struct reading {
    std::string text;
    bool failed = false, has_end = true, is_at_end = false;
  };
  using step = std::function<result<std::string>(sync::text_file&)>;
  // Until nothing comes any more, but not for ever.
  reading read(const std::string& encoding, decode_errors errors, const step& next) {
    auto f = fs_.open("/t", open_mode::read).value();
    sync::text_file t(f, encoding, errors);
    reading r;
    for (std::size_t calls = 0;; ++calls) {
      r.has_end = calls <= 8 * size_ + 8;
      if (!r.has_end) break;
      const auto piece = next(t);
      r.failed = !piece;
      if (!piece || piece.value().empty()) break;
      r.text += piece.value();
    }
    r.is_at_end = f.tell().value() == size_;
    return r;
  }

  // What `encoding` makes of a text; empty where it lacks it.
  std::string encoded(const std::string& encoding, std::string_view utf8) {
    {
      auto f = fs_.open("/t", open_mode::write).value();
      if (!sync::text_file(f, encoding).write(utf8)) return {};
    }
    return text_of(fs_.read_file("/t").value());
  }

 private:
  sync::file_system fs_;
  std::size_t size_ = 0;
};

result<std::string> all(sync::text_file& t) { return t.read(); }
result<std::string> line(sync::text_file& t) { return t.read_line(); }
sample::step by(std::size_t n) {
  return [n](sync::text_file& t) { return t.read(n); };
}

std::string without_replacement(std::string text) {
  for (std::size_t at = 0; (at = text.find("\ufffd", at)) != text.npos;) text.erase(at, 3);
  return text;
}

// Bytes of all values, and among them characters that the encoding has, some of which wait for
// what follows.
std::string random_bytes(std::mt19937& random, const std::vector<std::string>& alphabet,
                         std::size_t size) {
  const unsigned noise = 1 + random() % 4;
  std::string bytes;
  while (bytes.size() < size) {
    if (alphabet.empty() || random() % 4 < noise - 1) {
      bytes += static_cast<char>(random());
    } else {
      bytes += alphabet[random() % alphabet.size()];
    }
  }
  return bytes;
}

std::vector<std::string> alphabet_of(sample& s, const std::string& encoding) {
  std::vector<std::string> alphabet;
  for (const char* utf8 : {"\n", "\r\n", "a", "e", "\u0301", "\u0309", "\u05d1", "\u05bc", "\u05b7",
                           "\u0b95", "\u0bc6", "\u0bbe", "\u00e9", "\u304b", "\u309a", "\u554a",
                           "\uac00", "\u00ca\u0304", "\u20ac"}) {
    std::string bytes = s.encoded(encoding, utf8);
    if (!bytes.empty()) alphabet.push_back(std::move(bytes));
  }
  return alphabet;
}

// Empty, or what differs.
std::string difference(sample& s, const std::string& encoding, decode_errors errors,
                       std::mt19937& random) {
  const sample::reading whole = s.read(encoding, errors, all);
  const auto some = [&](std::size_t most) {
    return [&random, most](sync::text_file& t) { return t.read(1 + random() % most); };
  };
  const auto piece_of_line = [&](sync::text_file& t) { return t.read_line(1 + random() % 9); };
  const std::pair<const char*, sample::step> ways[] = {
      {"by one", by(1)},           {"by two", by(2)},  {"by up to 7", some(7)},
      {"by up to 999", some(999)}, {"by lines", line}, {"by pieces of lines", piece_of_line}};
  for (const auto& [name, step] : ways) {
    const sample::reading r = s.read(encoding, errors, step);
    if (!r.has_end) return std::string(name) + ": no end";
    if (r.failed != whole.failed) return std::string(name) + ": another error";
    if (!r.failed && r.text != whole.text) return std::string(name) + ": another text";
    if (!r.failed && !r.is_at_end) return std::string(name) + ": not at the end";
    if (!r.failed) continue;
    // What came before the failure is what comes before the first stand-in.
    const std::string replaced = s.read(encoding, decode_errors::replace, all).text;
    if (replaced.compare(0, r.text.size(), r.text) != 0)
      return std::string(name) + ": another head";
    const bool is_next = replaced.compare(r.text.size(), 3, "\ufffd") == 0;
    if (name == "by one"sv && !is_next) return std::string(name) + ": failed early or late";
  }
  return {};
}

}  // namespace

TEST_CASE("text: in every encoding it is the same by one, by some, by lines and at once",
          "[text][random][every]") {
  sample s;
  std::mt19937 random(20'261'128);
  std::string fingerprint_bytes;
  for (int i = 0; i < 2'000; ++i) fingerprint_bytes += static_cast<char>(random());
  std::set<std::string> seen;  // most names are aliases
  for (const std::string& encoding : listed_encodings()) {
    s.put(fingerprint_bytes);
    const auto known = s.read(encoding, decode_errors::replace, all);
    if (known.failed || !seen.insert(known.text).second) continue;
    const auto alphabet = alphabet_of(s, encoding);
    for (int round = 0; round < 8; ++round) {
      const std::string bytes = random_bytes(random, alphabet, round < 7 ? 1 + random() % 30 : 600);
      s.put(bytes);
      for (const auto errors :
           {decode_errors::replace, decode_errors::ignore, decode_errors::strict}) {
        INFO(encoding << ", errors " << static_cast<int>(errors) << ", round " << round);
        CHECK(difference(s, encoding, errors, random).empty());
      }
      INFO(encoding << ", round " << round);
      CHECK(without_replacement(s.read(encoding, decode_errors::ignore, all).text) ==
            without_replacement(s.read(encoding, decode_errors::replace, all).text));
    }
  }
  CHECK(seen.size() >= 3);
}

TEST_CASE("text: a letter that waits for its accent comes before a malformed byte behind it",
          "[text][every]") {
  sample s;
  const struct {
    const char* encoding;
    std::string_view bytes, text;
  } table[] = {{"cp1258", "xa\x8az", "xa\ufffdz"},
               {"cp1258", "xa\x8a", "xa\ufffd"},
               {"cp1258", "a\x8a\x8a\xec", "a\ufffd\ufffd\u0301"},
               {"cp1255", "x\xe9\x8az", "x\u05d9\ufffdz"},
               {"cp1255", "\xe9\xc4\x8a", "\ufb1d\ufffd"}};
  for (const auto& e : table) {
    s.put(e.bytes);
    if (s.read(e.encoding, decode_errors::ignore, all).failed) continue;  // iconv lacks it
    INFO(e.encoding);
    for (const sample::step& step : {sample::step(all), by(1), by(2), sample::step(line)}) {
      const auto r = s.read(e.encoding, decode_errors::replace, step);
      CHECK(r.has_end);
      CHECK(r.text == e.text);
      CHECK(r.is_at_end);
    }
  }
}

}  // namespace coramfs::tests
