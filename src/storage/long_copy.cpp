// SPDX-License-Identifier: BSL-1.0
#include "storage/long_copy.hpp"

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace coramfs::detail {

#if defined(__SSE2__)

void long_copy(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  constexpr std::size_t line = 64;  // bytes that go out together
  const std::size_t head = -reinterpret_cast<std::uintptr_t>(to) % line;
  if (size < head + line) {
    std::memcpy(to, from, size);
    return;
  }
  std::memcpy(to, from, head);
  std::size_t done = head;
  for (; done + line <= size; done += line) {
    const auto* const source = reinterpret_cast<const __m128i*>(from + done);
    auto* const target = reinterpret_cast<__m128i*>(to + done);
    const __m128i a = _mm_loadu_si128(source), b = _mm_loadu_si128(source + 1);
    const __m128i c = _mm_loadu_si128(source + 2), d = _mm_loadu_si128(source + 3);
    _mm_stream_si128(target, a);
    _mm_stream_si128(target + 1, b);
    _mm_stream_si128(target + 2, c);
    _mm_stream_si128(target + 3, d);
  }
  // Other threads see these stores in any order, but all of them before what comes after the fence.
  _mm_sfence();
  std::memcpy(to + done, from + done, size - done);
}

#else

void long_copy(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  std::memcpy(to, from, size);
}

#endif

}  // namespace coramfs::detail
