// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace coramfs {

/// What is known of the end of a file that is followed.
enum class follow_state : unsigned char {
  growing,    ///< its writer goes on
  complete,   ///< it is whole: its writer has finished it, or nobody was writing it
  abandoned,  ///< its writer has given it up, and more will not come
};

/// How a file is followed.
struct follow_options {
  /// The offset of the first byte that is wanted, which may be one that is not there yet.
  std::uint64_t from = 0;
  /// Bytes: a follower that waits is only woken when so many have come behind its position, or as
  /// many as the call can take, if that is less; or at the end.
  std::size_t at_least = 64 * 1024;
  /// How long each wait for bytes may take; if empty, as long as it takes. It is also how long to
  /// wait for the lock of a file that is written and not followable; for that, if empty, it is the
  /// volume's `default_lock_timeout`.
  std::optional<lock_timeout> patience = {};
  /// Whether the error of a file that is abandoned comes at once, and not behind the bytes that
  /// were written.
  bool fail_fast = false;
};

// g++ 12 destroys some temporaries of a co_await expression twice.
static_assert(std::is_trivially_destructible_v<follow_options>);

}  // namespace coramfs
