// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/error.hpp>

#include "core/sip_hash.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

namespace coramfs::detail {

/// Why files could not be fetched, by their paths, each until some time has come.
///
/// However many paths there are, it keeps no more than 1,024 answers, in 64 KiB that are taken with
/// the first of them and kept. They are in sets of eight, by a keyed hash of the path, and what
/// comes into a full set takes the place of the one that would have ended first. So whoever names
/// many paths makes the volume forget answers, which are fetched again then, and does no more.
/// Paths are known by 128 bits of keyed hashes alone.
///
/// Thread safety: all members may be called from many threads at once. The mutex is a leaf.
class negative_answers {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// What a path is known by.
  struct name {
    std::uint64_t low, high;

    friend bool operator==(const name&, const name&) = default;
  };
  static name name_of(std::string_view normal, const hash_key& key) noexcept;

  /// Keeps an answer until then, unless memory is refused for the first.
  void keep(const name& of, const error& why, time_point until) noexcept;
  /// The answer for a path, if there is one.
  std::optional<error> find(const name& of, time_point now) noexcept;

 private:
  static constexpr std::size_t sets = 128, set_size = 8;
  struct answer {
    name of{};
    time_point until = time_point::min();  // which has come: there is none
    error why{std::error_code()};
  };
  using set = std::array<answer, set_size>;
  static_assert(sizeof(set) * sets <= 64 * 1024);
  set& set_of(const name& of) noexcept { return (*sets_)[of.low % sets]; }

  std::mutex mutex_;
  std::unique_ptr<std::array<set, sets>> sets_;  // guarded by mutex_
  std::atomic<bool> is_used_{false};
};

}  // namespace coramfs::detail
