// SPDX-License-Identifier: BSL-1.0
// What the headers of compressed streams want of memory, in streams of other programs: all of them
// are found, also behind each other, and the end.
#include "integrations/archive/lzip_watch.hpp"
#include "integrations/archive/seven_zip_header.hpp"
#include "integrations/archive/stream_watch.hpp"
#include "integrations/archive/xz_watch.hpp"
#include "integrations/archive/zstd_watch.hpp"

#include "support/catch.hpp"
#include "unit/integrations/archive/makers.hpp"

#include <cstdlib>
#include <span>
#include <string>

namespace coramfs::tests {

namespace {

using detail::stream_filter;
using namespace std::string_literals;

std::span<const std::byte> bytes_in(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

struct seen {
  std::uint64_t declared, ends_at;
};

seen look(stream_filter filter, const std::string& content, std::uint64_t to, std::size_t step) {
  detail::memory_input in(bytes_in(content));
  const auto watch = detail::watch_over(filter, in, 0);
  for (std::uint64_t at = 0; at < to; at += step) watch->look(std::min(at + step, to)).value();
  return {watch->declared(), watch->ends_at()};
}

std::string noise(std::size_t size) {
  std::string all;
  std::uint32_t n = 1;
  while (all.size() < size) all += static_cast<char>((n = n * 1664525 + 1013904223) >> 24);
  return all;
}

bool is_installed(const std::string& program) {
  return std::system(("command -v " + program + " > /dev/null").c_str()) == 0;
}

}  // namespace

TEST_CASE("watch: xz, with many blocks, and streams behind each other", "[archive]") {
  const std::size_t step = GENERATE(1u, 100u, 1u << 20);
  const std::string content = noise(300'000) + std::string(300'000, 'x');
  const std::string small = piped("xz --block-size=100000 -T1 --lzma2=dict=64KiB", content);
  const std::string large = piped("xz --x86 --lzma2=dict=32MiB", content);
  CHECK(look(stream_filter::xz, small, small.size(), step).declared == 64 << 10);
  CHECK(look(stream_filter::xz, small + large, small.size(), step).declared == 64 << 10);
  // It is seen as soon as its header is about to be given out, and not before.
  CHECK(look(stream_filter::xz, small + large, small.size() + 13, step).declared == 32 << 20);
  const std::string padded = small + std::string(8, '\0') + large;
  CHECK(look(stream_filter::xz, padded, padded.size(), step).declared == 32 << 20);
  const std::string more = small + "garbage, and so on";
  CHECK(look(stream_filter::xz, more, more.size(), step).ends_at == small.size());
}

TEST_CASE("watch: zstd, lz4 and lzip, streams behind each other", "[archive]") {
  const std::string content = noise(300'000) + std::string(300'000, 'x');
  struct sample {
    stream_filter filter;
    std::string program, small, large;
    std::uint64_t least, most;
  };
  const sample all[] = {
      {stream_filter::zstd, "zstd", "zstd -q -1 --zstd=wlog=17", "zstd -q -19 --long=26", 1 << 17,
       1 << 26},
      {stream_filter::lz4, "lz4", "lz4 -q -B4", "lz4 -q -B7", 128 << 11, 9 << 20},
      {stream_filter::lzip, "lzip", "lzip -s65536", "lzip -s33554432", 1 << 16, 1 << 25},
  };
  for (const sample& s : all) {
    if (!is_installed(s.program)) {
      WARN("left out, for want of the program: " << s.program);
      continue;
    }
    INFO(s.program);
    const std::string small = piped(s.small, content), large = piped(s.large, content);
    for (const std::size_t step : {1u, 100u, 1u << 20}) {
      const seen first = look(s.filter, small + large, small.size(), step);
      CHECK(first.declared <= s.least);
      CHECK(first.declared > 0);
      const seen both = look(s.filter, small + large, small.size() + 40, step);
      CHECK(both.declared > first.declared);
      CHECK(both.declared <= s.most);
      const seen whole = look(s.filter, small + large, small.size() + large.size(), step);
      CHECK(whole.declared == both.declared);
    }
  }
}

TEST_CASE("watch: headers by themselves", "[archive]") {
  CHECK(detail::lzma2_dictionary(0) == 4096);
  CHECK(detail::lzma2_dictionary(40) == 0xFFFFFFFF);
  CHECK(detail::lzma2_dictionary(39) == 3u << 30);
  CHECK(!detail::lzma2_dictionary(41));
  CHECK(detail::lzma_dictionary(bytes_in("\x5D"s + le(0xFFFFFFFF, 4))) == 0xFFFFFFFF);
  CHECK(!detail::lzma_dictionary(bytes_in("\xE1"s + le(4096, 4))));
  CHECK(detail::lzip_dictionary(bytes_in("LZIP\1\x1D"s)) == 512u << 20);
  CHECK(!detail::lzip_dictionary(bytes_in("LZIP\1\x1E"s)));
  CHECK(!detail::lzip_dictionary(bytes_in("LZIP\1"s)));
  const auto frame = [](const std::string& rest) {
    return detail::zstd_frame_of(bytes_in("\x28\xB5\x2F\xFD"s + rest));
  };
  CHECK(frame("\0\0"s).value().window == 1 << 10);
  CHECK(frame("\0\xFF"s).value().window == (std::uint64_t{1} << 41) / 8 * 15);
  CHECK(frame("\xE0"s + le(1ull << 40, 8)).value().window == 1ull << 40);
  CHECK(frame("\x60"s + le(1, 2)).value().window == 257);
  CHECK(!frame("\xE0"s + le(0, 7)));
  CHECK(detail::seven_zip_coder_memory(bytes_in("\3\4\1"s), bytes_in("\6"s + le(0xFFFFFFDB, 4))) ==
        0xFFFFFFDB);
  CHECK(!detail::seven_zip_coder_memory(bytes_in("\x7F\7"s), {}));
}

}  // namespace coramfs::tests
