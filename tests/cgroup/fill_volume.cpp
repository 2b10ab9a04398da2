// SPDX-License-Identifier: BSL-1.0

// Fills a volume until a write fails, and tells with what.
//
// usage: fill_volume guarded|unguarded QUOTA BALLAST   both in MiB
//
// The ballast is taken after the volume was made, so that what its quota could count on then is
// no longer there. Ends with 0 if the memory guard refused, and with 3 if the quota did.
#include <coramfs/sync/file_system.hpp>

#include <asio/buffer.hpp>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

// Pages of zeros might cost nothing.
std::vector<char> memory_of(std::size_t mebibytes) {
  return std::vector<char>(mebibytes * mebibyte, 'x');
}

coramfs::volume_options options(bool guarded, std::size_t quota) {
  coramfs::volume_options o;
  o.max_quota = quota * mebibyte;
  o.memory_guard.mode = guarded ? coramfs::guard_mode::per_write : coramfs::guard_mode::none;
  o.memory_guard.action = coramfs::guard_action::reject;
  o.memory_guard.interval = std::chrono::seconds(0);
  return o;
}

// A group of 256 MiB with a ballast of 100 has room for nine pieces, the one that they are written
// from included, and about 11 MiB for the process itself. The guard knows of no need but the
// volume's: where a piece more had just fitted, or just not, the process would have nothing.
coramfs::error fill(coramfs::sync::file& f) {
  const std::vector<char> piece = memory_of(16);
  for (;;) {
    const auto written = f.write(asio::buffer(piece));
    if (!written) return written.error();
  }
}

// Of a process that lives: what it wrote is there, and can be given back.
void check_and_remove(coramfs::sync::file_system& fs, const std::string& path) {
  char first = 0;
  auto f = fs.open(path, coramfs::open_mode::read).value();
  if (f.size().value() != 0) f.read(asio::buffer(&first, 1)).value();
  f.close().value();
  fs.remove(path).value();
}

coramfs::error refusal(const coramfs::volume_options& o, std::size_t ballast) {
  auto fs = coramfs::sync::file_system::create(o);
  if (!fs) return fs.error();
  const std::vector<char> taken = memory_of(ballast);
  auto f = fs.value().open("/big", coramfs::open_mode::write).value();
  const coramfs::error refused = fill(f);
  std::cout << "wrote " << f.size().value() / mebibyte << " MiB, ";
  f.close().value();
  check_and_remove(fs.value(), "/big");
  return refused;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool guarded = arguments.at(0) == "guarded";
  const coramfs::error e =
      refusal(options(guarded, std::stoul(arguments.at(1))), std::stoul(arguments.at(2)));
  std::cout << e.message() << '\n';
  if (e == coramfs::errc::memory_guard) return 0;
  return e == coramfs::errc::quota_exceeded ? 3 : 1;
}
