// SPDX-License-Identifier: BSL-1.0

// The least program that needs text files, by a target that brings all else.
#include <coramfs/sync/file_system.hpp>
#include <coramfs/sync/text_file.hpp>

int main() {
  auto fs = coramfs::sync::file_system::create().value();
  auto written = fs.open("/greeting", coramfs::open_mode::write).value();
  coramfs::sync::text_file(written, "utf-16").write("hello\n").value();
  written.close().value();
  auto read = fs.open("/greeting", coramfs::open_mode::read).value();
  return coramfs::sync::text_file(read, "utf-16").read_line().value() == "hello\n" ? 0 : 1;
}
