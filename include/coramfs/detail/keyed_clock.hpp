// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/clock.hpp>
#include <coramfs/detail/export.hpp>

#include <cstdint>

namespace coramfs::detail {

/// A clock that has the keys, too, for the hashes of the volumes that are made with it. The order
/// in which the names of a directory are gone through depends on the key, so a simulation's clock
/// gives one that is the same again. Whoever can guess the key can choose names that make a
/// directory slow.
class CORAMFS_EXPORT keyed_clock : public clock {
 public:
  ~keyed_clock() override;

  /// The next 64 bits of a key.
  virtual std::uint64_t next_key() const noexcept = 0;
};

}  // namespace coramfs::detail
