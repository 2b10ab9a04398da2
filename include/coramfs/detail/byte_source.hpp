// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace coramfs::detail {

/// Bytes that are to be written and stand in several places: a buffer sequence, without its type.
/// The sequence must outlive it.
class byte_source {
 public:
  using callback = void (*)(void* visitor, std::span<const std::byte>) noexcept;
  using visit_function = void (*)(const void* sequence, callback, void* visitor) noexcept;

  byte_source(std::uint64_t size, const void* sequence, visit_function visit) noexcept
      : size_(size), sequence_(sequence), visit_(visit) {}

  /// The bytes of all pieces.
  std::uint64_t size() const noexcept { return size_; }

  /// Calls `visitor(span)` for each piece, in order.
  template <class Visitor>
  void for_each(Visitor visitor) const noexcept {
    visit_(
        sequence_,
        [](void* v, std::span<const std::byte> piece) noexcept {
          (*static_cast<Visitor*>(v))(piece);
        },
        &visitor);
  }

 private:
  std::uint64_t size_;
  const void* sequence_;
  visit_function visit_;
};

}  // namespace coramfs::detail
