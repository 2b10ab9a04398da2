// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>

#include <cstdint>
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
  not_found,             ///< `no_such_file_or_directory`
  already_exists,        ///< `file_exists`
  is_a_directory,        ///< `is_a_directory`
  not_a_directory,       ///< `not_a_directory`
  directory_not_empty,   ///< `directory_not_empty`: the target of a replacing rename
  busy,                  ///< `device_or_resource_busy`: the file, or one below it, is open
  would_block,           ///< `operation_would_block`: an immediate lock attempt failed
  timed_out,             ///< `timed_out`: a lock or space was not had within its timeout
  canceled,              ///< `operation_canceled`
  invalid_path,          ///< `invalid_argument`: climbs above the root, or holds a NUL
  name_too_long,         ///< `filename_too_long`: a component above 255 bytes, a path above 4,096
  invalid_argument,      ///< `invalid_argument`
  not_open,              ///< `bad_file_descriptor`: the handle is closed
  not_readable,          ///< `operation_not_permitted`: the handle was not opened for reading
  not_writable,          ///< `operation_not_permitted`: the handle was not opened for writing
  not_supported,         ///< `operation_not_supported`: e.g. a write that would leave a gap
                         ///< in a sequential file
  too_large,             ///< `file_too_large`: larger than the caller's `max_size`
  invalid_encoding,      ///< `illegal_byte_sequence`
  unsafe_archive_entry,  ///< absolute path, "..", link or device: nothing of it was extracted
  corrupt_archive,       ///< damaged, truncated, or a checksum that does not match
  unsupported_archive,   ///< no known format, or encrypted
};

}  // namespace coramfs

template <>
struct std::is_error_code_enum<coramfs::errc> : std::true_type {};

namespace coramfs {

/// The category of `errc`. One object in a program that links the library once; where plugins link
/// the static library each into itself, each has one of its own.
///
/// The standard compares categories by their address, so two `std::error_code` out of two such
/// copies are never equal to each other. All else goes by the category's name and the number: a
/// code compared with an `errc`, an `error` compared with an `errc`, and a code or an `error`
/// compared with a `std::errc` or another `std::error_condition`.
CORAMFS_EXPORT const std::error_category& error_category() noexcept;

CORAMFS_EXPORT std::error_code make_error_code(errc) noexcept;

/// Whether `code` is `c`, from whichever copy of the library it is. It is chosen before the
/// standard's comparison, for which `c` would have to be converted.
CORAMFS_EXPORT bool operator==(const std::error_code& code, errc c) noexcept;

/// A failure: its code, and for a limit also how much was asked for and how much was left.
///
/// Trivially copyable; allocates only in `message()`.
class CORAMFS_EXPORT error {
 public:
  /// The numbers are bytes for `quota_exceeded`, `memory_guard` and `too_large`, nodes for
  /// `node_limit_exceeded`, and 0 elsewhere.
  error(errc code, std::uint64_t requested = 0, std::uint64_t available = 0) noexcept;

  /// Passes a foreign code through, for instance one of the host's file system.
  error(std::error_code code) noexcept : code_(code) {}

  std::error_code code() const noexcept { return code_; }
  std::uint64_t requested() const noexcept { return requested_; }
  std::uint64_t available() const noexcept { return available_; }

  /// For people: "quota exceeded: requested 2097152 bytes, 1048576 available".
  std::string message() const;

  friend bool operator==(const error& e, errc c) noexcept { return e.code_ == c; }
  friend bool operator==(const error& e, std::errc c) noexcept { return e.code_ == c; }

 private:
  std::error_code code_;
  std::uint64_t requested_ = 0;
  std::uint64_t available_ = 0;
};

static_assert(std::is_trivially_copyable_v<error>);

}  // namespace coramfs
