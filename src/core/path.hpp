// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/result.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace coramfs::detail {

/// Bytes: the limits of the normal form, the leading slash included.
inline constexpr std::size_t max_path_size = 4096;
inline constexpr std::size_t max_name_size = 255;

/// A path in its normal form: absolute, one slash between names, none at the end, "/" alone
/// for the root. Only `normalise` makes one; it shows text that the caller keeps.
class normal_path {
 public:
  std::string_view text() const noexcept { return text_; }
  bool is_root() const noexcept { return text_.size() == 1; }

  /// What is above the last name; the root for the root.
  normal_path parent() const noexcept;
  /// The last name; empty for the root.
  std::string_view name() const noexcept { return text_.substr(last_slash_ + 1); }

  /// Whether this names something below `above`, by the text alone.
  bool is_below(normal_path above) const noexcept;

  /// Takes the first name off a path's remaining `text`, as `text()` gave it; empty at the end.
  static std::string_view take_name(std::string_view& text) noexcept;

  /// Of text that the tree gave out: it is normal, and may be longer than an argument.
  static normal_path given_out(std::string_view text) noexcept { return normal_path(text); }

  /// Of a text that is a normal path as it is. None: it may be, or not; so it is for hidden names,
  /// and for the root.
  static std::optional<normal_path> if_plain(std::string_view text) noexcept;

 private:
  friend class path_buffer;
  explicit normal_path(std::string_view text) noexcept;
  normal_path(std::string_view text, std::size_t last_slash) noexcept
      : text_(text), last_slash_(last_slash) {}

  std::string_view text_;
  std::size_t last_slash_;
};

/// Room for one normal path, meant for the stack.
class path_buffer {
 public:
  /// Normalises `text`, which stays as it is and must live as long: what is normal already is
  /// shown in its own place, and all else in this buffer. Both separators of C2 count, ".", ".."
  /// and surplus slashes are resolved in the text alone.
  ///
  /// Errors, in this order: `invalid_path` for a NUL anywhere; `invalid_path` for a climb above
  /// the root at any point; `name_too_long`.
  result<normal_path> normalise(std::string_view text) noexcept;
  /// Likewise, and before all else `out_of_memory` for an argument that found no memory.
  result<normal_path> normalise(const std::same_as<path_argument> auto& path) noexcept {
    if (!path.valid()) return errc::out_of_memory;
    return normalise(path.view());
  }

 private:
  result<normal_path> resolve(std::string_view text) noexcept;

  std::array<char, max_path_size> text_;
};

}  // namespace coramfs::detail
