// SPDX-License-Identifier: BSL-1.0
#include "tree/recent_directories.hpp"

#include "tree/node.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace coramfs::detail {

namespace {

// Compares from the end, because a wrong candidate mostly differs in its last name.
bool has_path(const directory_node& d, std::string_view path) noexcept {
  const node* at = &d;
  for (; at->parent != nullptr; at = at->parent) {
    const std::string_view name = at->name.view();
    if (!path.ends_with(name)) return false;
    path.remove_suffix(name.size());
    if (!path.ends_with('/')) return false;
    path.remove_suffix(1);
  }
  return path.empty();
}

template <class Word>
std::uint64_t load(const char* from) noexcept {
  Word w;
  std::memcpy(&w, from, sizeof w);
  return w;
}

// A word of the last eight characters, or of all if there are fewer.
std::uint64_t end_of(std::string_view text) noexcept {
  const std::size_t n = text.size();
  if (n >= 8) return load<std::uint64_t>(&text[n - 8]);
  if (n >= 4) return load<std::uint32_t>(&text[0]) << 32 | load<std::uint32_t>(&text[n - 4]);
  if (n == 0) return 0;
  return load<std::uint8_t>(&text[0]) << 16 | load<std::uint8_t>(&text[n / 2]) << 8 |
         load<std::uint8_t>(&text[n - 1]);
}

// The first round of a good finaliser for hashes of 64 bits, after Steele, Lea and Flood, "Fast
// Splittable Pseudorandom Number Generators", OOPSLA 2014.
std::uint64_t mix(std::uint64_t h) noexcept {
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
  return h ^ (h >> 27);
}

// Takes the text word by word; the last word may overlap the one in front of it. The hash has no
// secret key and needs none: directories whose paths collide take each other's place, as any do
// when there are more of them than places, and nobody looks through a chain of them.
std::uint64_t hash(std::string_view text) noexcept {
  std::uint64_t h = text.size();
  std::size_t i = 0;
  for (; i + 8 < text.size(); i += 8) h = mix(h ^ load<std::uint64_t>(&text[i]));
  return mix(h ^ end_of(text)) >> 32;
}

}  // namespace

directory_node* recent_directories::find(std::string_view path) const noexcept {
  auto* const found = slots_[index_of(path)].load(std::memory_order_acquire);
  return found != nullptr && has_path(*found, path) ? found : nullptr;
}

void recent_directories::remember(std::string_view path, directory_node& d) noexcept {
  count_user(d);
  auto* const before = slots_[index_of(path)].exchange(&d, std::memory_order_acq_rel);
  if (before != nullptr) discount_user(*before);
}

void recent_directories::forget() noexcept {
  ++times_forgotten_;
  for (slot& p : slots_) {
    if (p.load(std::memory_order_relaxed) == nullptr) continue;
    discount_user(*p.exchange(nullptr, std::memory_order_relaxed));
  }
}

// Only the end of a path is hashed, because siblings differ there. What is found is compared as a
// whole.
std::size_t recent_directories::index_of(std::string_view path) noexcept {
  constexpr std::size_t telling = 32;
  const std::size_t begin = path.size() - std::min(path.size(), telling);
  return (hash(path.substr(begin)) + path.size()) % count;
}

}  // namespace coramfs::detail
