// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/result.hpp>
#include <coramfs/volume.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace coramfs::detail {

/// Bytes of a volume's quota that are held for a copy of its content which is kept elsewhere. They
/// go back with it. It keeps the volume alive, unless it is empty.
///
/// Thread safety: distinct objects, safe.
class held_charge {
 public:
  /// Holds none.
  held_charge() noexcept = default;
  held_charge(held_charge&& other) noexcept
      : of_(std::move(other.of_)), bytes_(std::exchange(other.bytes_, 0)) {}
  held_charge& operator=(held_charge&& other) noexcept {
    std::swap(of_, other.of_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  CORAMFS_EXPORT ~held_charge();

  /// Pays for a copy of `size` bytes that takes `footprint` bytes of memory: whichever of them the
  /// volume counts. It does not wait for space. For the policy of faults it is about `path`.
  ///
  /// Errors: `quota_exceeded`; `memory_guard`; `out_of_memory`.
  CORAMFS_EXPORT static result<held_charge> take(const volume& of, std::string_view path,
                                                 std::uint64_t size,
                                                 std::uint64_t footprint) noexcept;

 private:
  held_charge(std::shared_ptr<volume_state> of, std::uint64_t bytes) noexcept
      : of_(std::move(of)), bytes_(bytes) {}

  std::shared_ptr<volume_state> of_;
  std::uint64_t bytes_ = 0;
};

}  // namespace coramfs::detail
