// SPDX-License-Identifier: BSL-1.0
// How much is decoded at once: without a pool others have no turn meanwhile.
#include <coramfs/archive.hpp>

#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/decoder_budget.hpp"
#include "integrations/archive/libarchive_stream.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/makers.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

// What takes half of its size when it is compressed.
std::string hexadecimal(std::size_t size) {
  std::minstd_rand random(1);
  std::string text(size, ' ');
  for (char& c : text) c = "0123456789abcdef"[random() / 7 % 16];
  return text;
}

// What the calls of a decoder bring: the most that one does, and that all do.
struct brought {
  std::uint64_t at_once = 0, all = 0;
};

brought decode(const std::string& archive) {
  detail::decoder_budget budget(volume::create().value(), {}, 64 << 20);
  auto in = std::make_unique<detail::memory_input>(std::as_bytes(std::span(archive)));
  auto from =
      detail::libarchive_stream::open(std::move(in), archive_formats::common, budget).value();
  brought b;
  while (from->next().value()) {
    while (const auto block = from->read().value()) {
      b.at_once = std::max<std::uint64_t>(b.at_once, block->bytes.size());
      b.all += block->bytes.size();
    }
  }
  return b;
}

std::string zip_with(const std::string& content, const std::string& packed, unsigned method) {
  zip_part p{"a", packed, method};
  p.size = static_cast<std::uint32_t>(content.size());
  p.crc = crc_of(content);
  p.local_crc = p.crc;
  return zip_of({p});
}

}  // namespace

TEST_CASE("turns: a call brings some 64 KiB, whatever the format", "[archive]") {
  // No multiple of 128 KiB: that libarchive 3.6 takes for cut, of a zip with zstd.
  constexpr std::size_t kib = 1024, size = 2048 * kib + 1000;
  const std::string content = hexadecimal(size), tar = tar_of({{"a", content}});
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directory("/in").value();
  fs.write_text("/in/a", content).value();
  const auto created = [&](archive_format format) {
    create_archive(fs, "/in", "/out", format).value();
    std::string archive = fs.read_text("/out").value();
    fs.remove("/out").value();
    return archive;
  };
  struct sample {
    const char* name;
    std::string archive;
    std::size_t most;
  };
  const std::vector<sample> samples = {
      {"tar", tar, 64 * kib},
      {"tar.gz", piped("gzip", tar), 64 * kib},
      {"tar.bz2", piped("bzip2", tar), 64 * kib},
      {"tar.xz", piped("xz", tar), 64 * kib},
      {"tar.zst", piped("zstd -19 -q", tar), 64 * kib},
      {"tar.lz4", piped("lz4 -q", tar), 64 * kib},
      {"7z", created(archive_format::seven_zip), 64 * kib},
      {"stored zip", zip_of({{"a", content}}), 64 * kib},
      {"zip, deflated", created(archive_format::zip), 64 * kib},
      {"zip, xz", zip_with(content, piped("xz", content), 95), 16 * kib},
      {"zip, zstd", zip_with(content, piped("zstd -19 -q", content), 93), 256 * kib},
  };
  for (const sample& s : samples) {
    INFO(s.name);
    const brought b = decode(s.archive);
    CHECK(b.all == size);
    CHECK(b.at_once <= s.most);
  }
}

}  // namespace coramfs::tests
