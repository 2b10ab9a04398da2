// SPDX-License-Identifier: BSL-1.0
// Zips and other archives that are expanded while they arrive: what tools write, and what two
// readers might take for two archives (AF13, AF21, AF23, AF24). The blocking form decodes as the
// others do.
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/arriving_streams.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"

#include <map>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

using namespace std::string_literals;

result<expand_summary> arrive(const volume& v, arriving_text text, const std::string& dest,
                              const expand_options& options = {}) {
  sync::file_system fs(v);
  blocking_text from(std::move(text));
  return expand_arriving(fs, from, dest, options);
}

// The record at the end of a zip, whose directory is of that size and begins there.
std::string end_of(std::size_t entries, std::size_t size, std::size_t begin) {
  return "PK\5\6" + le(0, 4) + le(entries, 2) + le(entries, 2) + le(size, 4) + le(begin, 4) +
         le(0, 2);
}

// A zip whose entries were made on that system.
std::string made_on(unsigned system, std::string zip) {
  for (std::size_t at = zip.find("PK\1\2"); at != zip.npos; at = zip.find("PK\1\2", at + 1))
    zip[at + 5] = static_cast<char>(system);
  return zip;
}

// Members without bytes, which nobody takes.
std::vector<zip_part> members(std::size_t count) {
  std::vector<zip_part> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back({"../" + std::to_string(i)});
  return all;
}

// One member whose checksum and sizes stand behind it in that width.
std::string described_zip(std::string packed, const std::string& content, std::size_t width) {
  const std::string extra = width == 8 ? le(1, 2) + le(16, 2) + le(0, 16) : "";
  const std::string head = le(45, 2) + le(8, 2) + le(8, 2) + le(0x00210000, 4);
  const std::string sizes = width == 8 ? std::string(8, '\xFF') : le(0, 8);
  const std::string sums = le(crc_of(content), 4);
  const std::string all = "PK\3\4" + head + le(0, 4) + sizes + le(1, 2) + le(extra.size(), 2) +
                          "a" + extra + packed + "PK\7\10" + sums + le(packed.size(), width) +
                          le(content.size(), width);
  const std::string directory = "PK\1\2" + le(0x032D, 2) + head + sums + le(packed.size(), 4) +
                                le(content.size(), 4) + le(1, 2) + le(0, 8) + le(0, 4) + le(0, 4) +
                                "a";
  return all + directory + end_of(1, directory.size(), all.size());
}

}  // namespace

TEST_CASE("expand_arriving: another zip behind the first, or in its comment", "[arriving]") {
  const auto v = volume::create().value();
  const figures before(v);
  const std::string first = zip_of({{"a", "first"}}), second = zip_of({{"b", "second"}});
  // Who begins to read at the end takes the second one.
  CHECK(expand_by(way::thread, v, source_of(first + second), "/whole"));
  CHECK(tree_in(v) == std::map<std::string, std::string>{{"whole/", ""}, {"whole/b", "second"}});
  sync::file_system(v).remove_tree("/whole").value();
  std::string commented = first;
  commented.replace(first.size() - 2, 2, le(second.size(), 2));
  for (const std::string& zip : {first + second, commented + second}) {
    CHECK(error_of(arrive(v, {zip}, "/to")) == errc::corrupt_archive);
    CHECK(error_of(arrive(v, {zip, 1 << 20}, "/to")) == errc::corrupt_archive);
  }
  // So far behind that nobody who reads from the end finds the first.
  const std::string far = first + std::string(70'000, 'x');
  CHECK_FALSE(expand_by(way::thread, v, source_of(far), "/to"));
  CHECK(error_of(arrive(v, {far}, "/to")) == errc::corrupt_archive);
  CHECK(figures(v) == before);
  // A comment of words is only that.
  commented.replace(first.size() - 2, 2, le(5, 2));
  CHECK(arrive(v, {commented + "words"}, "/to").value().files == 1);
}

TEST_CASE("expand_arriving: a comment of an entry that points to another directory", "[arriving]") {
  const auto v = volume::create().value();
  // In the bytes of a member stand a directory and a record of the end that has room for it.
  const std::string other = zip64_of({{"b", "second"}});
  const std::size_t record = other.find("PK\6\6");
  const std::string zip = zip_of({{"a", other}});
  const std::size_t begin = zip.find("PK\1\2", zip.find(other) + other.size());
  std::string directory = zip.substr(begin, zip.size() - 22 - begin);
  directory.replace(32, 2, le(20, 2));
  directory += "PK\6\7" + le(0, 4) + le(zip.find(other) + record, 8) + le(1, 4);
  const std::string all = zip.substr(0, begin) + directory + end_of(1, directory.size(), begin);
  CHECK(error_of(arrive(v, {all}, "/to")) == errc::corrupt_archive);
  CHECK(tree_in(v).empty());
}

TEST_CASE("expand_arriving: the larger record of the end", "[arriving]") {
  const auto v = volume::create().value();
  // It is longer than what is looked at to find its format.
  const std::string zip = zip64_of({{"a", std::string(600, 'a')}, {"b", "2"}});
  CHECK(arrive(v, {zip}, "/to").value().files == 2);
  const std::size_t record = zip.find("PK\6\6"), locator = zip.find("PK\6\7");
  // Its own length, how many entries there are, how long the directory is, and where it begins.
  for (const std::uint64_t rest : {43ull, 45ull, 1ull << 62, ~0ull - 11}) {
    std::string changed = zip;
    changed.replace(record + 4, 8, le(rest, 8));
    // What comes behind it is not read to find that out.
    const arriving_text text{changed, 1000, asio::error::connection_reset};
    CHECK(error_of(arrive(v, text, "/no")) == errc::corrupt_archive);
  }
  for (const std::size_t at : {record + 32, record + 40, record + 48, locator + 8}) {
    std::string changed = zip;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    CHECK(error_of(arrive(v, {changed}, "/no")) == errc::corrupt_archive);
  }
}

TEST_CASE("expand_arriving: an encrypted directory", "[arriving]") {
  const auto v = volume::create().value();
  expand_options o;
  o.unsafe = unsafe_entries::skip;
  CHECK(error_of(arrive(v, {zip64_of({{"a", "1"}}, 62)}, "/to", o)) == errc::unsupported_archive);
  // Then the headers of the members say that they do not say all.
  zip_part masked{"../a", "123456789012345"};
  masked.flags = 0x2041;
  CHECK(error_of(arrive(v, {zip_of({masked})}, "/to", o)) == errc::unsupported_archive);
  masked.flags = 0x2000;
  CHECK(error_of(arrive(v, {zip_of({masked})}, "/to", o)) == errc::unsupported_archive);
  CHECK(tree_in(v).empty());
}

TEST_CASE("expand_arriving: directories of which only the name says what they are", "[arriving]") {
  const std::size_t piece = GENERATE(1u, 1000u);
  const std::string empty_deflated = "\3\0"s;
  zip_part directory{"d/", empty_deflated, 8};
  directory.size = 0;
  directory.crc = 0;
  // As those of Java are, which say nothing; and with the attributes of a plain file.
  for (const unsigned system : {0u, 3u, 10u}) {
    for (const std::uint32_t attributes : {0u, 0100644u << 16, 0040755u << 16}) {
      if (system == 0 && attributes != 0) continue;
      directory.attributes = attributes;
      zip_part stored{"d/e/"};
      stored.attributes = attributes;
      const std::string zip = made_on(system, zip_of({directory, stored, {"d/e/a", "1"}}));
      INFO(system << ", " << attributes);
      const auto v = volume::create().value();
      const auto whole = expand_by(way::thread, v, source_of(zip), "/whole").value();
      const auto done = arrive(v, {zip, piece}, "/to").value();
      CHECK(whole.directories == 2);
      CHECK(done.directories == 2);
      CHECK(tree_in(v, "/to") == tree_in(v, "/whole"));
    }
  }
  // What its attributes call a link is one.
  zip_part link{"d/"};
  link.attributes = 0120777u << 16;
  const auto v = volume::create().value();
  CHECK(error_of(arrive(v, {zip_of({link})}, "/to")) == errc::unsafe_archive_entry);
}

TEST_CASE("expand_arriving: an empty member whose sizes stand behind it in either width",
          "[arriving]") {
  const std::size_t width = GENERATE(4u, 8u);
  const auto v = volume::create().value();
  const std::string content = "content";
  const std::string packed = "\1"s + le(content.size(), 2) + le(~content.size(), 2) + content;
  CHECK(arrive(v, {described_zip("\3\0"s, "", width), 3}, "/none").value().files == 1);
  CHECK(arrive(v, {described_zip(packed, content, width), 3}, "/some").value().bytes == 7);
  CHECK(sync::file_system(v).read_text("/some/a").value() == content);
}

TEST_CASE("expand_arriving: what is kept of members is charged", "[arriving]") {
  constexpr std::size_t count = 20'000;
  const std::string zip = zip_of(members(count));
  expand_options o;
  o.unsafe = unsafe_entries::skip;
  // The decoder, what is kept of the archive, and less than these members.
  constexpr std::uint64_t others = (1 << 20) + 512 * 1024;
  const auto small = volume::create({.max_quota = others + 60 * count}).value();
  CHECK(error_of(arrive(small, {zip, 1 << 20}, "/to", o)) == errc::quota_exceeded);
  const auto large = volume::create({.max_quota = others + 80 * count}).value();
  CHECK(arrive(large, {zip, 1 << 20}, "/to", o).value().skipped == count);
}

TEST_CASE("expand_arriving: no more is kept of members than a decoder may take", "[arriving]") {
  const auto how = GENERATE(accounting::memory, accounting::payload);
  const auto v = volume::create({.accounting = how}).value();
  const figures before(v);
  expand_options o;
  o.unsafe = unsafe_entries::skip;
  o.max_decoder_memory = 1 << 20;
  // For each there are 64 bytes.
  CHECK(arrive(v, {zip_of(members(16 * 1024)), 1 << 20}, "/to", o).value().skipped == 16 * 1024);
  sync::file_system(v).remove_tree("/to").value();
  sync::file_system fs(v);
  blocking_text endless(zip_of(members(40'000)), 1 << 20);
  CHECK(error_of(expand_arriving(fs, endless, "/to", o)) == errc::unsupported_archive);
  CHECK(endless.given() < std::size_t{2} << 20);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_arriving: frames that are to be skipped before the first", "[arriving]") {
  const std::string tar = tar_of({{"a", "content"}});
  for (const char* const command : {"zstd -q", "lz4 -q"}) {
    const std::string stream = piped(command, tar);
    for (const std::size_t size : {0u, 300'000u, 900'000u}) {
      const auto v = volume::create().value();
      const std::string before = "\x50\x2A\x4D\x18"s + le(size, 4) + std::string(size, 's');
      CHECK(arrive(v, {before + stream, 4096}, "/to").value().files == 1);
      CHECK(expand_by(way::thread, v, source_of(before + stream), "/whole").value().files == 1);
      CHECK(tree_in(v, "/to").at("a") == "content");
    }
  }
}

TEST_CASE("expand_arriving: the first block of a tar is enough to refuse it", "[arriving]") {
  const auto v = volume::create().value();
  const std::string tar = tar_of({{"../a", std::string(100'000, 'a')}});
  const arriving_text text{tar.substr(0, 512), 512, asio::error::connection_reset};
  CHECK(error_of(arrive(v, text, "/to")) == errc::unsafe_archive_entry);
}

}  // namespace coramfs::tests
