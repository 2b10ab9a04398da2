// SPDX-License-Identifier: BSL-1.0
#include "core/random_key.hpp"

#include <coramfs/detail/keyed_clock.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <random>

namespace coramfs::detail {

namespace {

hash_key makeshift_key() noexcept {
  static const char somewhere = 0;
  const int on_the_stack = 0;
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  const auto address = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p); };
  return {static_cast<std::uint64_t>(now) ^ address(&on_the_stack) << 16, address(&somewhere)};
}

}  // namespace

keyed_clock::~keyed_clock() = default;

hash_key key_of(const clock* goes_by) noexcept {
  const auto* const keyed = dynamic_cast<const keyed_clock*>(goes_by);
  if (keyed == nullptr) return random_key();
  const std::uint64_t first = keyed->next_key();
  return {first, keyed->next_key()};
}

hash_key random_key() noexcept try {
  std::random_device source;
  std::uniform_int_distribution<std::uint64_t> word;
  const std::uint64_t first = word(source);
  return {first, word(source)};
} catch (const std::exception&) {
  return makeshift_key();
}

}  // namespace coramfs::detail
