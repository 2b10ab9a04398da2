// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>

#include <cstdint>
#include <iosfwd>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>

namespace coramfs {

/// What can go wrong. Each value that has a counterpart in `std::errc` compares equal to it
/// through `std::error_code`: `error_code(errc::busy) == std::errc::device_or_resource_busy`.
enum class errc {
  quota_exceeded = 1,    ///< `no_space_on_device`: the bytes do not fit into the volume's quota
  node_limit_exceeded,   ///< `no_space_on_device`: the nodes do not fit under `max_nodes`
  memory_guard,          ///< `not_enough_memory`: the guard refused, nothing was allocated
  out_of_memory,         ///< `not_enough_memory`: the allocator refused, nothing changed
  not_found,             ///< `no_such_file_or_directory`: nothing has this path
  already_exists,        ///< `file_exists`: something has the path that is to be made
  is_a_directory,        ///< `is_a_directory`: a file is needed there
  not_a_directory,       ///< `not_a_directory`: a directory is needed there, or above it
  directory_not_empty,   ///< `directory_not_empty`: the target of a replacing rename has entries
  busy,                  ///< `device_or_resource_busy`: the file, or one below it, is in use
  would_block,           ///< `operation_would_block`: an immediate lock attempt failed
  timed_out,             ///< `timed_out`: a lock or space was not had within its timeout
  canceled,              ///< `operation_canceled`: a cancellation ended the operation
  invalid_path,          ///< `invalid_argument`: climbs above the root, or holds a NUL
  name_too_long,         ///< `filename_too_long`: a component above 255 bytes, a path above 4,096
  invalid_argument,      ///< `invalid_argument`: an unknown enumerator, or a value out of range
  not_open,              ///< `bad_file_descriptor`: the handle is closed
  not_readable,          ///< `operation_not_permitted`: the handle was not opened for reading
  not_writable,          ///< `operation_not_permitted`: the handle was not opened for writing
  not_supported,         ///< `operation_not_supported`: e.g. a write that would leave a gap
                         ///< in a sequential file
  too_large,             ///< `file_too_large`: above the caller's `max_size`, or 2^63 - 1 bytes
  invalid_encoding,      ///< `illegal_byte_sequence`: not text of the encoding, or not UTF-8
  unsafe_archive_entry,  ///< no counterpart: absolute path, "..", link or device
  corrupt_archive,       ///< no counterpart: damaged, truncated, or of a wrong checksum
  unsupported_archive,   ///< no counterpart: no known format, or encrypted
  abandoned,             ///< `connection_aborted`: the writer of a followed file has given it up
};

}  // namespace coramfs

template <>
struct std::is_error_code_enum<coramfs::errc> : std::true_type {};

namespace coramfs {

struct error_details;

namespace detail {
class error_notes;
}

/// The category of `errc`. A program that links the library once has one such object; where plugins
/// each link the static library, each of them has its own.
///
/// The standard compares categories by their address, so two `std::error_code` from two such
/// copies are never equal to each other. All other comparisons go by the category's name and the
/// number: a code or an `error` with an `errc`, and either of them with a `std::errc` or another
/// `std::error_condition`.
CORAMFS_EXPORT const std::error_category& error_category() noexcept;

/// The code of an `errc`, in `error_category()`. The standard calls it where it converts one.
CORAMFS_EXPORT std::error_code make_error_code(errc) noexcept;

/// Writes its text, such as "not found".
CORAMFS_EXPORT std::ostream& operator<<(std::ostream& to, errc c);

/// Whether `code` is `c`, whichever copy of the library it comes from. Overload resolution prefers
/// this to the standard's comparison, for which `c` would have to be converted.
CORAMFS_EXPORT bool operator==(const std::error_code& code, errc c) noexcept;

/// A failure: its code, for a limit also how much was asked for and how much was left, and a note
/// of what it is about: the call that failed, its path, and who had the file open that it could not
/// have.
///
/// It is trivially copyable, and costs no allocation: the note is not in it. Each of 64 threads has
/// room for its last 32 notes, and all others have room for 32 in common; a call that fails may use
/// up more than one. When as many have come since, the note has gone, and of the error its code and
/// its numbers are left. It never tells what belongs to another error, and may be asked in any
/// thread, also when the volume has gone. So write the text down, or take the `details`, before an
/// error is kept for long.
class CORAMFS_EXPORT error {
 public:
  /// The numbers are bytes for `quota_exceeded`, `memory_guard` and `too_large`, and for a
  /// `timed_out` that has waited for space; nodes for `node_limit_exceeded`; and 0 for all other
  /// codes; but `requested` is an offset for `invalid_encoding`: of what is malformed, in bytes.
  error(errc code, std::uint64_t requested = 0, std::uint64_t available = 0) noexcept;

  /// Passes a foreign code through, for instance one of the host's file system.
  error(std::error_code code) noexcept : code_(code) {}

  /// Whether it is an error at all, and its code not 0. Every `error()` of a result is.
  explicit operator bool() const noexcept { return static_cast<bool>(code_); }

  /// Its code: an `errc`, or a foreign one.
  std::error_code code() const noexcept { return code_; }
  /// How much was asked for. For `too_large` it is the size that passes the limit, and for
  /// `invalid_encoding` the offset of what is malformed.
  std::uint64_t requested() const noexcept { return requested_; }
  /// How much could have been had. For `too_large` it is the limit.
  std::uint64_t available() const noexcept { return available_; }

  /// What was noted of it (`coramfs/error_details.hpp`); empty where nothing was, and where the
  /// note has gone. May throw `std::bad_alloc`.
  error_details details() const;

  /// A text for people: what went wrong, then the call and the path, then all else that is known of
  /// it. Examples are
  ///
  ///     quota exceeded: write "/f": requested 2097152 bytes, 1048576 available
  ///     timed out: open "/a": held by "download" (update) for 2.0 s, 1 other waits
  ///
  /// In the path quotes, backslashes and what is not printed are escaped. May throw
  /// `std::bad_alloc`.
  std::string message() const;

  /// Whether its code is `c`, or equals it.
  /// @{
  friend bool operator==(const error& e, errc c) noexcept { return e.code_ == c; }
  friend bool operator==(const error& e, std::errc c) noexcept { return e.code_ == c; }
  /// @}
  /// Writes its `message()`.
  CORAMFS_EXPORT friend std::ostream& operator<<(std::ostream& to, const error& e);

 private:
  friend class detail::error_notes;

  std::error_code code_;
  std::uint64_t requested_ = 0;
  std::uint64_t available_ = 0;
  std::uint64_t note_ = 0;  // the number of the note; 0 if there is none
};

static_assert(std::is_trivially_copyable_v<error>);

/// What `value()` of a failed result throws. It has the code of the error, and `what()` is the
/// error's `message()`.
class CORAMFS_EXPORT failure : public std::system_error {
 public:
  /// May throw `std::bad_alloc`.
  explicit failure(const error& e);

  /// The error that the result had.
  const error& why() const noexcept { return why_; }
  /// The error's `message()`.
  const char* what() const noexcept override;

 private:
  error why_;
  std::runtime_error text_;  // a string that is copied without an exception
};

}  // namespace coramfs
