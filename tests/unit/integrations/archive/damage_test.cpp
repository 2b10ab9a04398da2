// SPDX-License-Identifier: BSL-1.0
// Archives that have lost their ends, and archives with a byte that is another.
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"
#include "unit/integrations/archive/small_archives.hpp"

#include <map>
#include <string>
#include <vector>

namespace coramfs::tests {

using namespace std::string_literals;

TEST_CASE("expand_archive: no archive that was cut is taken for whole", "[archive]") {
  const bool is_streaming = GENERATE(false, true);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  for (const small_archive& a : small_archives()) {
    INFO(a.name);
    REQUIRE(expand_by(way::thread, v, source_of(a.content), "/whole").value().files == 2);
    const auto whole = tree_in(v, "/whole");
    fs.remove_tree("/whole").value();
    const figures before(v);
    for (std::size_t size = 0; size < a.content.size(); ++size) {
      if (is_whole_without_its_end(a, size)) break;
      // What ends a gzip is a checksum and a size, which are verified as a whole.
      const std::string cut = a.content.substr(0, size);
      error why = std::error_code();
      if (is_streaming) {
        why = error_of(stream_by(way::thread, v, source_of(cut), "/to"));
        if (fs.exists("/to").value()) {
          for (const auto& [path, content] : tree_in(v, "/to")) {
            if (whole.at(path) != content) FAIL("a file that is not whole, at " << size);
          }
          fs.remove_tree("/to").value();
        }
      } else {
        why = error_of(expand_by(way::thread, v, source_of(cut), "/to"));
      }
      if (why != errc::corrupt_archive && why != errc::unsupported_archive)
        FAIL("cut to " << size << " of " << a.content.size() << ": " << why.message());
      if (size > 600 && why != errc::corrupt_archive && a.name != "7z")
        FAIL("cut to " << size << ": " << why.message());
      if (!(figures(v) == before)) FAIL("something is left, at " << size);
    }
  }
}

TEST_CASE("expand_archive: a byte that is another", "[archive]") {
  const auto v = volume::create().value();
  sync::file_system fs(v);
  expand_options o;
  o.unsafe = unsafe_entries::skip;
  for (const small_archive& a : small_archives()) {
    INFO(a.name);
    expand_by(way::thread, v, source_of(a.content), "/whole").value();
    const auto whole = tree_in(v, "/whole");
    fs.remove_tree("/whole").value();
    const figures before(v);
    std::size_t refused = 0;
    for_each_change(a.content, [&](const std::string& changed, std::size_t i) {
      const auto done = expand_by(way::thread, v, source_of(changed), "/to", o);
      if (done) {
        // What has a checksum is what it was, under whatever name.
        for (const auto& [path, content] : tree_in(v, "/to")) {
          bool is_known = path.back() == '/';
          for (const auto& [was, text] : whole) is_known = is_known || text == content;
          if (a.has_checksums && !is_known) FAIL("byte " << i << ": content of " << path);
        }
        fs.remove_tree("/to").value();
      } else {
        ++refused;
      }
      if (!(figures(v) == before)) FAIL("something is left, at " << i);
    });
    CHECK(refused > a.content.size() / 4);
  }
}

TEST_CASE("expand_archive: sizes that are not those of the content", "[archive]") {
  const auto v = volume::create().value();
  const figures before(v);
  for (const std::uint32_t size : {0u, 1u, 4u, 6u, 0x7FFFFFFFu, 0xFFFFFFFEu}) {
    zip_part p{"a", "12345"};
    p.size = size;
    // No size at all: it is then found in the content.
    const auto done = expand_by(way::thread, v, source_of(zip_of({p})), "/");
    CHECK(error_of(done) == errc::corrupt_archive);
    CHECK(figures(v) == before);
  }
  zip_part none{"a", "12345"};
  none.local_crc = 0;
  CHECK(expand_by(way::thread, v, source_of(zip_of({none})), "/").value().files == 1);
}

TEST_CASE("expand_archive: a gzip with a wrong checksum", "[archive]") {
  const auto v = volume::create().value();
  const std::string good = piped("gzip -n", tar_of({{"a", "1"}}));
  for (const std::size_t at :
       {good.size() - 1, good.size() - 4, good.size() - 5, good.size() - 8}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    CHECK(error_of(expand_by(way::thread, v, source_of(bad), "/")) == errc::corrupt_archive);
  }
  CHECK(expand_by(way::thread, v, source_of(good), "/").value().files == 1);
}

TEST_CASE("expand_archive: a damaged gzip that seems to have another in it", "[archive]") {
  const auto v = volume::create().value();
  const std::string magic = "\x1F\x8B\x08\0\0\0\0\0\0\3"s;
  const std::string tar = tar_of({{"a", "before" + magic + "behind"}});
  // In one block that is not compressed.
  const auto packed = [&](const std::string& content) {
    return magic + "\1" + le(content.size(), 2) + le(~content.size(), 2) + content +
           le(crc_of(tar), 4) + le(tar.size(), 4);
  };
  CHECK(expand_by(way::thread, v, source_of(packed(tar)), "/good").value().files == 1);
  std::string changed = tar;
  changed[512] = 'B';
  CHECK(error_of(expand_by(way::thread, v, source_of(packed(changed)), "/")) ==
        errc::corrupt_archive);
  CHECK(error_of(expand_by(way::thread, v, source_of(packed(changed) + "behind it"), "/")) ==
        errc::corrupt_archive);
  // Several that are one tar, behind each other.
  const std::string several = piped("gzip", tar.substr(0, 700)) + piped("gzip", tar.substr(700));
  CHECK(expand_by(way::thread, v, source_of(several), "/several").value().files == 1);
}

}  // namespace coramfs::tests
