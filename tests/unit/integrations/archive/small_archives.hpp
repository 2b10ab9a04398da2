// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>

#include "unit/integrations/archive/makers.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace coramfs::tests {

/// One of two files, `a` and `d/b`, small enough to be tried with each of its bytes changed.
struct small_archive {
  std::string name, content;
  bool has_checksums = true;               ///< of all content: a tar has some of its headers alone
  bool is_read_from_its_beginning = true;  ///< to its end, so that it can be read while it arrives
};

/// Written by this library, as other programs read them (create_test.cpp), and by hand.
inline std::vector<small_archive> small_archives() {
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directories("/in/d/none").value();
  fs.write_text("/in/a", "the content of a").value();
  fs.write_text("/in/d/b", std::string(700, 'b') + "the end").value();
  std::vector<small_archive> all;
  const std::map<std::string, archive_format> formats = {
      {"tar", archive_format::tar},         {"zip", archive_format::zip},
      {"tar.gz", archive_format::tar_gz},   {"tar.xz", archive_format::tar_xz},
      {"tar.zst", archive_format::tar_zst}, {"7z", archive_format::seven_zip}};
  for (const auto& [name, format] : formats) {
    create_archive(fs, "/in", "/out." + name, format).value();
    all.push_back({name, fs.read_text("/out." + name).value(), name != "tar" && name != "tar.zst",
                   name != "7z"});
  }
  all.push_back({"tar.bz2", piped("bzip2", fs.read_text("/out.tar").value())});
  all.push_back({"stored zip", zip_of({{"a", "12345"}, {"d/", ""}, {"d/b", "xyz"}})});
  return all;
}

/// Calls `check(changed, i)` with the content of which the byte `i` is another, for each byte.
template <class Check>
void for_each_change(const std::string& content, Check check) {
  for (std::size_t i = 0; i < content.size(); ++i) {
    for (const unsigned change : {0x01u, 0x80u, 0xFFu}) {
      std::string changed = content;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ change);
      check(changed, i);
    }
  }
}

/// Whether an archive that has lost its end is one all the same: the last zeros of a tar are one
/// block too many.
inline bool is_whole_without_its_end(const small_archive& a, std::size_t size) {
  return a.name == "tar" && size + 512 >= a.content.size();
}

}  // namespace coramfs::tests
