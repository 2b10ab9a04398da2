// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/error.hpp>

#include <array>
#include <cstdint>

namespace guarded_stream {

/// How often there was no room, by who said so, with the numbers that came with it.
class refusals {
 public:
  struct tally {
    coramfs::errc reason;
    const char* name;
    std::uint64_t count = 0;
    std::uint64_t last_requested = 0, last_available = 0, least_available = 0;  ///< bytes
  };

  /// Whether it is a refusal, which is counted; else it is a fault.
  bool add(const coramfs::error& e);

  const std::array<tally, 3>& by_reason() const { return tallies_; }

 private:
  std::array<tally, 3> tallies_{{{coramfs::errc::quota_exceeded, "quota"},
                                 {coramfs::errc::memory_guard, "guard"},
                                 {coramfs::errc::out_of_memory, "allocator"}}};
};

}  // namespace guarded_stream
