// SPDX-License-Identifier: BSL-1.0
#include "tree/recent_directories.hpp"

#include "tree/directory_index.hpp"
#include "tree/node.hpp"

#include <algorithm>

namespace coramfs::detail {

namespace {

// From the end: a wrong candidate mostly differs in its last name.
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

}  // namespace

directory_node* recent_directories::find(std::string_view path) const noexcept {
  auto* const found = places_[index_of(path)].load(std::memory_order_acquire);
  return found != nullptr && has_path(*found, path) ? found : nullptr;
}

void recent_directories::remember(std::string_view path, directory_node& d) noexcept {
  count_user(d);
  auto* const before = places_[index_of(path)].exchange(&d, std::memory_order_acq_rel);
  if (before != nullptr) discount_user(*before);
}

void recent_directories::forget() noexcept {
  for (place& p : places_) {
    if (p.load(std::memory_order_relaxed) == nullptr) continue;
    discount_user(*p.exchange(nullptr, std::memory_order_relaxed));
  }
}

// Siblings differ at their ends, and what is found is compared as a whole.
std::size_t recent_directories::index_of(std::string_view path) noexcept {
  constexpr std::size_t telling = 32;
  const std::size_t begin = path.size() - std::min(path.size(), telling);
  return (directory_index::hash(path.substr(begin)) + path.size()) % count;
}

}  // namespace coramfs::detail
