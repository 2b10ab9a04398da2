// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace coramfs {

/// How a file is opened. The lock is shared for `read` and exclusive for all others.
enum class open_mode {
  read,    ///< "rb": readable; the file must exist
  write,   ///< "wb": writable; creates the file, or empties it
  append,  ///< "ab": writable, each write goes to the end; creates the file, or keeps it
  update,  ///< "r+b": readable and writable; the file must exist
  create,  ///< "xb": writable; the file must not exist
};

/// The mode that C and Python call "rb", "wb", "ab", "r+b" or "xb".
///
/// Errors: `invalid_argument` for everything else, a text mode among it.
CORAMFS_EXPORT result<open_mode> parse_open_mode(std::string_view text);

/// What an operation on a file does that finds no room in the quota.
///
/// Who waits stands in one queue of the volume, served strictly in order by whatever frees bytes.
/// What is freed while somebody waits is set aside for the head of the queue; others may take what
/// was free before. Nodes, the memory guard and a refused allocation are not waited for.
enum class when_full {
  reject,  ///< it fails with `quota_exceeded`
  wait,    ///< it waits, as long as the timeout of the open says; `immediate()` rejects
};

/// What a position is counted from.
enum class seek_from { start, current, end };

/// How `open` behaves beyond its mode.
struct open_options {
  /// Bytes: the file is extended with zeros to this size at open, so that writes inside it
  /// can not fail for space.
  std::uint64_t preallocate = 0;
  /// How long to wait for the file's lock, and for each wait for space. None: the volume's
  /// `default_lock_timeout`.
  std::optional<lock_timeout> timeout = {};
  /// What this open, and what grows the file by its handle, does when the quota is full. Several
  /// who each hold a part of what they need may wait for each other until their timeouts: ask for
  /// the whole with `preallocate` where it is known.
  when_full on_full = when_full::reject;
};

// g++ 12 destroys some temporaries of a co_await expression twice.
static_assert(std::is_trivially_destructible_v<open_options>);

}  // namespace coramfs
