// SPDX-License-Identifier: BSL-1.0
#include "integrations/host/part_name.hpp"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <ctime>

#include <sys/random.h>

namespace coramfs::detail {

namespace {

// Most likely free; if not, the next one is. Where the system has no random numbers yet, the time
// and a count do.
std::uint64_t random_number() noexcept {
  static std::atomic<std::uint64_t> count{0};
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, GRND_NONBLOCK) == sizeof number) return number;
  struct timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const auto time =
      static_cast<std::uint64_t>(now.tv_sec) << 30 | static_cast<std::uint64_t>(now.tv_nsec);
  return (time << 8) + ++count;
}

}  // namespace

part_name random_part() noexcept {
  part_name name{};
  std::snprintf(name.data(), name.size(), ".coramfs-%016llx.part",
                static_cast<unsigned long long>(random_number()));
  return name;
}

}  // namespace coramfs::detail
