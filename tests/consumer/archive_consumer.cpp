// SPDX-License-Identifier: BSL-1.0

// The least of all: a tree into an archive and back, by a thread.
#include <coramfs/archive.hpp>

int main() {
  coramfs::sync::file_system fs(coramfs::volume::create().value());
  fs.create_directory("/in").value();
  fs.write_text("/in/a", "content").value();
  const auto written =
      coramfs::create_archive(fs, "/in", "/in.tar.gz", coramfs::archive_format::tar_gz);
  const auto from = coramfs::archive_source::in_volume("/in.tar.gz");
  const auto done = coramfs::expand_archive(fs, from, "/out");
  const bool is_there = fs.read_text("/out/a").value() == "content";
  return written.value() == 1 && done.value().files == 1 && is_there ? 0 : 1;
}
