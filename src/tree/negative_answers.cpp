// SPDX-License-Identifier: BSL-1.0
#include "tree/negative_answers.hpp"

#include <algorithm>
#include <new>

namespace coramfs::detail {

negative_answers::name negative_answers::name_of(std::string_view normal,
                                                 const hash_key& key) noexcept {
  using hash = sip_hash<1, 3>;
  return {hash::of(normal, key), hash::of(normal, {key.high, ~key.low})};
}

void negative_answers::keep(const name& of, const error& why, time_point until) noexcept {
  const std::lock_guard lock(mutex_);
  if (sets_ == nullptr) sets_.reset(new (std::nothrow) std::array<set, sets>);
  if (sets_ == nullptr) return;
  set& in = set_of(of);
  auto place = std::find_if(in.begin(), in.end(), [&](const answer& a) { return a.of == of; });
  if (place == in.end()) {
    place = std::min_element(in.begin(), in.end(),
                             [](const answer& a, const answer& b) { return a.until < b.until; });
  }
  *place = {of, until, why};
  is_used_.store(true, std::memory_order_release);
}

std::optional<error> negative_answers::find(const name& of, time_point now) noexcept {
  if (!is_used_.load(std::memory_order_acquire)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  for (const answer& a : set_of(of))
    if (a.of == of && now < a.until) return a.why;
  return std::nullopt;
}

}  // namespace coramfs::detail
