// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace coramfs {

/// How a file is opened. The handle holds the file's lock, shared for `read` and exclusive for all
/// others, until it is closed.
enum class open_mode : unsigned char {
  read,    ///< "rb": readable; the file must exist
  write,   ///< "wb": writable; creates the file, or empties it
  append,  ///< "ab": writable, each write goes to the end; creates the file, or keeps it
  update,  ///< "r+b": readable and writable; the file must exist
  create,  ///< "xb": writable; the file must not exist
  // The last three are the three above them that make files, and readable besides.
  write_read,   ///< "w+b": `write`, and readable
  append_read,  ///< "a+b": `append`, and readable; it reads from the start at first
  create_read,  ///< "x+b": `create`, and readable
};

namespace detail {

constexpr bool may_read(open_mode mode) noexcept {
  return mode == open_mode::read || mode == open_mode::update || mode >= open_mode::write_read;
}
constexpr bool may_write(open_mode mode) noexcept { return mode != open_mode::read; }
constexpr bool appends(open_mode mode) noexcept {
  return mode == open_mode::append || mode == open_mode::append_read;
}
/// Whether the open empties a file that is there.
constexpr bool empties(open_mode mode) noexcept {
  return mode == open_mode::write || mode == open_mode::write_read;
}
/// Whether a file that is there is refused.
constexpr bool must_create(open_mode mode) noexcept {
  return mode == open_mode::create || mode == open_mode::create_read;
}
/// Whether the open makes a file where there is none.
constexpr bool may_create(open_mode mode) noexcept {
  return mode != open_mode::read && mode != open_mode::update;
}

}  // namespace detail

/// The mode that C and Python call "rb", "wb", "ab", "r+b", "xb", "w+b", "a+b" or "x+b".
///
/// Errors: `invalid_argument` for every other text, such as the text modes "r" and "w".
CORAMFS_EXPORT result<open_mode> parse_open_mode(std::string_view text);

/// The name of a mode, as it is written here: "read", "write" and so on.
CORAMFS_EXPORT std::string_view to_string(open_mode mode) noexcept;

/// What an operation on a file does when it finds no room in the quota.
///
/// All who wait stand in one queue of the volume, which whatever frees bytes serves strictly in
/// order. Bytes that are freed meanwhile are set aside for the head of the queue; others may take
/// only what was free before. Nobody waits for nodes, for the memory guard or for a refused
/// allocation.
enum class when_full : unsigned char {
  reject,  ///< it fails with `quota_exceeded`
  wait,    ///< it waits, as long as the timeout of the open says; with `immediate()` it rejects
};

/// What a position is counted from: the `start` of the file, the `current` cursor, or the `end` of
/// the file.
enum class seek_from { start, current, end };

/// What becomes of a followable file whose writer gives it up: it is taken out of the tree in the
/// same step (`remove`), or it stays where it is and is marked as incomplete (`keep`), so that
/// somebody else may append the rest.
enum class on_abandon : unsigned char { remove, keep };

/// How `open` behaves beyond its mode.
struct open_options {
  /// Bytes: a smaller file is extended with zeros to this size by the open. Writes inside it can
  /// not fail for space afterwards, unless they are to bytes that are pinned.
  std::uint64_t preallocate = 0;
  /// How long to wait for the file's lock, and how long each wait for space may take. If empty, it
  /// is the volume's `default_lock_timeout`.
  std::optional<lock_timeout> timeout = {};
  /// What the open does when the quota is full, and what each operation on its handle does that
  /// makes the file grow. Several handles that each hold a part of what they need may wait for
  /// each other until their timeouts: ask for the whole with `preallocate` where it is known.
  when_full on_full = when_full::reject;
  /// Whether the open gives the file bytes of its own, where it shares some with copies or forks or
  /// where some are pinned: all of them are copied and paid for by the open, so that later writes
  /// to them can not fail for space. With `open_mode::read` it is `invalid_argument`, and so it is
  /// with `preallocate`, beside which it could not be refused without a trace.
  bool own = false;
  /// Whether others may read the file while this handle writes it (`follow`). It is for `write`,
  /// `create` and `append`. The handle only appends, so that what is written never changes: a
  /// `seek`, a `truncate`, a `punch_hole` and a write elsewhere than at the end fail with
  /// `not_supported`. It says by `finish` that the file is whole; a handle that is closed or
  /// destroyed without that has abandoned it. With another mode, `preallocate` or `own` it is
  /// `invalid_argument`, and so it is with `open_unnamed`.
  bool followable = false;
  /// What becomes of a followable file that is abandoned. Beware of `remove` with
  /// `open_mode::append`: a file that was complete before is removed, too, by a writer that has
  /// appended nothing. Use `keep` there.
  on_abandon abandoned = on_abandon::remove;
  /// A name for the handle, for people: errors of those who do not get its file tell it, and so
  /// does `volume::open_handles`. Up to 30 bytes of it are copied when the file is opened, so it
  /// must live until the open has completed. Null: it has none.
  const char* label = nullptr;
};

}  // namespace coramfs
