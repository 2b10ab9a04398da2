// SPDX-License-Identifier: BSL-1.0
//
// The memory guard asks the machine, beside the quota: what it can not give is refused, or warned
// of, before a byte is taken. Without it the kernel's OOM killer would have the word.
#include <coramfs/sync/file_system.hpp>

#include <cstdint>
#include <exception>
#include <iostream>
#include <string_view>

using namespace coramfs;

int main() try {
  volume_options options;
  options.max_quota = std::uint64_t{1} << 50;         // a pebibyte: more than any machine has
  options.memory_guard.mode = guard_mode::per_write;  // and when the volume is made
  options.memory_guard.action = guard_action::reject;
  const auto refused = sync::file_system::create(options);
  std::cout << "rejected: " << refused.error().message() << '\n';

  options.memory_guard.action = guard_action::warn;
  options.memory_guard.on_warning = [](std::string_view text) {
    std::cout << "warned: " << text << '\n';
  };
  auto fs = sync::file_system::create(options).value();
  fs.write_text("/note", "a few bytes fit, so nothing is said of them").value();
  std::cout << fs.stats().value().used_bytes << " bytes charged\n";
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
