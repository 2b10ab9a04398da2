// SPDX-License-Identifier: BSL-1.0

// The least use of streams: a number that one writes, and the other two read and write on.
#include <coramfs/iostream.hpp>
#include <coramfs/stdio.hpp>
#include <coramfs/sync/file_system.hpp>

#include <cstdio>
#include <string>
#include <utility>

int main() {
  coramfs::sync::file_system fs(coramfs::volume::create().value());
  auto f = fs.open("/a", coramfs::open_mode::write_read).value();
  coramfs::ostream(f) << 42;
  f.seek(0).value();
  int number = 0;
  coramfs::istream(f) >> number;
  std::FILE* const c = coramfs::open_stdio(std::move(f)).value();
  std::fputs(" is it", c);
  const bool is_closed = std::fclose(c) == 0;
  return number == 42 && is_closed && fs.read_text("/a").value() == "42 is it" ? 0 : 1;
}
