// SPDX-License-Identifier: BSL-1.0
// What decoders take is charged, and a few bytes that want gigabytes are refused (AF9).
#include <coramfs/archive.hpp>

#include "integrations/archive/decoder_budget.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"

#include <limits>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

using namespace std::string_literals;

constexpr std::uint64_t mib = 1 << 20;

// A small xz whose one block says that it wants the largest dictionary.
std::string xz_wanting_all(const std::string& content) {
  std::string xz = piped("xz", content);
  const std::size_t begin = 12, size = (static_cast<unsigned char>(xz[begin]) + 1u) * 4;
  REQUIRE(xz.substr(begin + 1, 3) == "\0\x21\1"s);
  xz[begin + 4] = 40;
  xz.replace(begin + size - 4, 4, le(crc_of(xz.substr(begin, size - 4)), 4));
  return xz;
}

// A 7z with one member, whose coder has these properties; what is packed is of no sense.
std::string seven_zip_of(const std::string& id, const std::string& properties,
                         bool encoded = false) {
  const std::string packed(32, 'x');
  const std::string coder = le(0x20 | id.size(), 1) + id + le(properties.size(), 1) + properties;
  const std::string streams = "\6\0\1\x09"s + le(packed.size(), 1) + "\0\7\x0B\1\0\1"s + coder +
                              "\x0C"s + le(100, 1) + "\0"s;
  const std::string files = "\5\1\x11\5\0f\0\0\0\0"s;
  const std::string header =
      encoded ? "\x17"s + streams + "\0"s : "\1\4"s + streams + "\x08\0\0"s + files + "\0"s;
  const std::string start = le(packed.size(), 8) + le(header.size(), 8) + le(crc_of(header), 4);
  return "7z\xBC\xAF\x27\x1C\0\4"s + le(crc_of(start), 4) + start + packed + header;
}

zip_part zip_member(unsigned method, const std::string& content, bool is_link = false) {
  zip_part p{"f", content, method};
  p.size = 1000;
  if (is_link) p.attributes = 0120777u << 16;
  return p;
}

struct bomb {
  std::string name, content;
};

std::vector<bomb> bombs() {
  const std::string tar = tar_of({{"a", "1"}}), most = "\xFF\xFF\xFF\xFF"s;
  const std::string lzma = "\x10\x02\5\0\x5D"s + most + std::string(40, 'x');
  return {
      {"xz", xz_wanting_all(tar)},
      {"a second xz", piped("xz --lzma2=dict=64KiB", std::string(100, 'x')) + xz_wanting_all(tar)},
      {"lzip", "LZIP\1\x1D"s + std::string(100, 'x')},
      {"zstd", "\x28\xB5\x2F\xFD\0\xA8"s + std::string(100, 'x')},
      {"zip, lzma", zip_of({zip_member(14, lzma)})},
      {"zip, a link of lzma", zip_of({zip_member(14, lzma, true)})},
      {"zip, xz", zip_of({zip_member(95, xz_wanting_all("content"))})},
      {"zip, ppmd", zip_of({zip_member(98, le(0xFF5, 2) + std::string(40, 'x'))})},
      {"7z, lzma", seven_zip_of("\3\1\1", "\x5D"s + most)},
      {"7z, lzma2", seven_zip_of("\x21", "\x28")},
      {"7z, ppmd", seven_zip_of("\3\4\1", "\6\xDB\xFF\xFF\xFF")},
      {"7z, its header", seven_zip_of("\3\1\1", "\x5D"s + most, true)},
      {"7z, its header, lzma2", seven_zip_of("\x21", "\x28", true)},
  };
}

}  // namespace

TEST_CASE("expand_archive: a few bytes that want gigabytes of the decoder", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  for (const bomb& b : bombs()) {
    INFO(b.name);
    CHECK(b.content.size() < 1000);
    const auto v = volume::create().value();
    const figures before(v);
    expand_options o;
    // Links are read with the header, so they are looked at, too.
    o.unsafe = unsafe_entries::skip;
    const error why = error_of(expand_by(by, v, source_of(b.content), "/to", o));
    CHECK(why == errc::unsupported_archive);
    CHECK(error_of(stream_by(by, v, source_of(b.content), "/to", o)) == errc::unsupported_archive);
    CHECK(figures(v) == before);
    CHECK(v.stats().peak_bytes < 2 * mib);
  }
}

TEST_CASE("expand_archive: the decoder is charged as long as it is there", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const std::string tar = tar_of({{"a", "1"}});
  const std::string archive = piped("xz --lzma2=dict=16MiB", tar);
  const auto run = [&](const volume& v, std::uint64_t most) {
    std::uint64_t used = 0;
    expand_options o;
    o.max_decoder_memory = most;
    const auto done =
        run_by<expand_summary>(by, v, o, [&](auto& fs, const expand_options& options) {
          return expand_each(
              fs, source_of(archive), "/",
              [&, v](const archive_entry&) {
                used = v.stats().used_bytes;
                return entry_action::extract;
              },
              options);
        });
    return std::pair(error_of(done), used);
  };
  SECTION("with what it has declared, and a fixed part") {
    const auto v = volume::create().value();
    const auto [why, used] = run(v, 64 * mib);
    CHECK(!why);
    CHECK(used == 17 * mib);
    CHECK(v.stats().used_bytes < mib);
  }
  SECTION("with no more than it may take") {
    const auto v = volume::create().value();
    const auto [why, used] = run(v, 16 * mib);
    CHECK(!why);
    CHECK(used == 16 * mib);
  }
  SECTION("which it may not pass") {
    const auto v = volume::create().value();
    const auto [why, used] = run(v, 16 * mib - 1);
    CHECK(why == errc::unsupported_archive);
    CHECK(used == 0);
  }
  SECTION("where it fits into the quota") {
    volume_options options;
    options.max_quota = 17 * mib - 1;
    const auto v = volume::create(options).value();
    const auto [why, used] = run(v, 64 * mib);
    CHECK(why == errc::quota_exceeded);
    CHECK(used == 0);
    CHECK(v.stats().used_bytes == 0);
  }
  SECTION("and not where content alone is counted") {
    volume_options options;
    options.accounting = coramfs::accounting::payload;
    options.max_quota = 100;
    const auto v = volume::create(options).value();
    const auto [why, used] = run(v, 64 * mib);
    CHECK(!why);
    CHECK(used == 0);
    CHECK(run(v, mib).first == errc::unsupported_archive);
  }
}

TEST_CASE("expand_archive: maps of holes that are much longer than what they are of", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto with_map = [](std::size_t holes) {
    std::string map = std::to_string(holes) + "\n";
    for (std::size_t i = 0; i < holes; ++i) map += "0\n0\n";
    map.resize((map.size() + 511) / 512 * 512);
    tar_part p{"s", map};
    p.pax = pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
            pax_record("GNU.sparse.name", "s") + pax_record("GNU.sparse.realsize", "0");
    return tar_of({p});
  };
  const std::string zeros = std::string(11, '0') + '\0', hole = zeros + zeros;
  const auto old = [&](std::size_t blocks) {
    // Each of them says that there is one more.
    std::string more(512, '\0');
    for (std::size_t i = 0; i < 21; ++i) more.replace(24 * i, 24, hole);
    more[504] = 1;
    std::string all = tar_of({{"s", "", 'S'}}).substr(0, 512);
    all.replace(257, 8, "ustar  \0"s);
    all.replace(386, 24, hole);
    all[482] = 1;
    std::uint64_t sum = 8 * ' ';
    for (std::size_t i = 0; i < 512; ++i)
      if (i < 148 || i >= 156) sum += static_cast<unsigned char>(all[i]);
    std::string digits = "000000";
    for (std::size_t i = 6; i-- > 0; sum /= 8) digits[i] = static_cast<char>('0' + sum % 8);
    all.replace(148, 8, digits + "\0 "s);
    for (std::size_t i = 0; i < blocks; ++i) all += more;
    return all + std::string(2048, '\0');
  };
  for (const std::string& tar : {with_map(1'000'000), old(8'000)}) {
    for (const std::string& bomb : {piped("gzip", tar), piped("lz4 -q", tar), tar}) {
      const auto v = volume::create().value();
      const figures before(v);
      CHECK(error_of(expand_by(by, v, source_of(bomb), "/")) == errc::unsupported_archive);
      CHECK(figures(v) == before);
      // What libarchive makes of it was paid for.
      CHECK(v.stats().peak_bytes > 8 * mib);
      CHECK(v.stats().peak_bytes < 16 * mib);
      volume_options small;
      small.max_quota = 4 * mib;
      CHECK(error_of(expand_by(by, volume::create(small).value(), source_of(bomb), "/")) ==
            errc::quota_exceeded);
    }
  }
  // One of some thousands is taken, and is no more than the fixed part.
  const auto v = volume::create().value();
  CHECK(expand_by(by, v, source_of(piped("gzip", with_map(10'000))), "/").value().files == 1);
  CHECK(v.stats().peak_bytes < 2 * mib);
}

TEST_CASE("decoder_budget: what is wanted is never so much that it is little", "[archive]") {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const auto v = volume::create().value();
  detail::decoder_budget budget(v, "/a", most);
  budget.begin().value();
  for (const std::uint64_t declared : {most, most - 1, most - mib, most - mib + 1})
    CHECK(error_of(budget.require(declared)) == errc::quota_exceeded);
}

TEST_CASE("expand_archive: what is kept of the directory of a zip is paid for", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  std::vector<zip_part> parts;
  for (int i = 0; i < 20'000; ++i) parts.push_back({"f" + std::to_string(i)});
  const std::string archive = zip_of(parts);
  volume_options options;
  options.max_quota = 5 * mib;
  const auto small = volume::create(options).value();
  CHECK(error_of(list_by(by, small, source_of(archive))) == errc::quota_exceeded);
  const auto v = volume::create().value();
  CHECK(list_by(by, v, source_of(archive)).value().size() == parts.size());
  CHECK(v.stats().peak_bytes > mib + 216 * parts.size());
  CHECK(v.stats().used_bytes < mib);
}

TEST_CASE("expand_archive: input that brings nothing ends", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const std::string tar = tar_of({{"a", "1"}});
  std::string blocks = piped("gzip -n", tar).substr(0, 10), streams;
  for (int i = 0; i < 1 << 20; ++i) blocks += "\0\0\0\xFF\xFF"s;
  const std::string empty = piped("xz", "");
  while (streams.size() < 4 * mib) streams += empty;
  for (const std::string& bomb : {blocks, streams, piped("xz", tar) + streams}) {
    const auto v = volume::create().value();
    CHECK(error_of(expand_by(by, v, source_of(bomb), "/")) == errc::unsupported_archive);
    CHECK(v.stats().used_bytes == volume::create().value().stats().used_bytes);
  }
}

TEST_CASE("expand_archive: a 7z that says it has many more files than it names", "[archive]") {
  const auto v = volume::create().value();
  // 99,999,999 files, in a header of some bytes.
  const std::string files = "\5\xF0\xFF\xE0\xF5\5\x11\5\0f\0\0\0\0"s, header = "\1" + files + "\0"s;
  const std::string start = le(0, 8) + le(header.size(), 8) + le(crc_of(header), 4);
  const std::string archive = "7z\xBC\xAF\x27\x1C\0\4"s + le(crc_of(start), 4) + start + header;
  CHECK(error_of(expand_by(way::thread, v, source_of(archive), "/")) == errc::corrupt_archive);
}

}  // namespace coramfs::tests
