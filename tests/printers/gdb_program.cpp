// SPDX-License-Identifier: BSL-1.0
// Is stopped by tests/printers/check_gdb.py, which looks at the variables.
#include <coramfs/sync/file_system.hpp>

#include <cstdint>

namespace {

// A place for a breakpoint.
[[gnu::noinline]] void look_at_variables() { asm volatile(""); }

}  // namespace

int main() {
  auto fs = coramfs::sync::file_system::create().value();
  const coramfs::error missing = fs.file_size("/missing").error();
  const coramfs::error plain = coramfs::errc::busy;
  const coramfs::error numbers(coramfs::errc::quota_exceeded, 3, 1);
  const coramfs::error foreign(std::make_error_code(std::errc::no_link));
  const coramfs::result<std::uint64_t> seven = std::uint64_t{7};
  const coramfs::result<std::uint64_t> failed = fs.file_size("/d");
  const coramfs::result<void> done = fs.create_directory("/e");
  auto open = fs.open("/a", coramfs::open_mode::write_read).value();
  auto closed = fs.open("/b", coramfs::open_mode::create).value();
  closed.close().value();
  look_at_variables();
  return missing.code() && plain.code() && numbers.code() && foreign.code() && seven && !failed &&
                 done && open.is_open() && !closed.is_open()
             ? 0
             : 1;
}
