// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/normal_text.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/result.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace coramfs::detail {

/// A backslash is a separator too, as in D-MemFS.
constexpr bool is_separator(char c) noexcept { return c == '/' || c == '\\'; }

/// A path in its normal form: absolute, one slash between names, none at the end, "/" alone for the
/// root. It refers to text that somebody else keeps.
class normal_path {
 public:
  std::string_view text() const noexcept { return text_; }
  bool is_root() const noexcept { return text_.size() == 1; }

  /// The directory that holds the last name; of the root, the root itself.
  normal_path parent() const noexcept;
  /// The last name; empty for the root.
  std::string_view name() const noexcept { return text_.substr(last_slash_ + 1); }
  /// The text in front of the last name and its slash; empty for what is in the root.
  std::string_view above() const noexcept { return text_.substr(0, last_slash_); }

  /// Returns whether this names something below `above`, by the text alone.
  bool is_below(normal_path above) const noexcept;

  /// Takes the first name off `text`, which is what is left of a path's `text()`. Returns an empty
  /// name when nothing is left.
  static std::string_view take_name(std::string_view& text) noexcept;

  /// Makes a path of text that the tree gave out: it is normal already, and may be longer than an
  /// argument may be.
  static normal_path given_out(std::string_view text) noexcept { return normal_path(text); }

  /// Makes a path of text that a quick look finds to be normal as it is. Returns nothing where it
  /// is not, and where the look leaves doubts, as it does for hidden names and for the root.
  static std::optional<normal_path> if_plain(std::string_view text) noexcept;

 private:
  friend class path_buffer;
  explicit normal_path(std::string_view text) noexcept;
  normal_path(std::string_view text, std::size_t last_slash) noexcept
      : text_(text), last_slash_(last_slash) {}

  std::string_view text_;
  std::size_t last_slash_;
};

/// Room for one normal path, meant for the stack. A path that was made in it is valid until the
/// next.
class path_buffer {
 public:
  /// Normalises `text`. The path refers to `text` itself where that is normal already, and to this
  /// buffer otherwise, so both must outlive it. A backslash is a separator, too. ".", ".." and
  /// surplus slashes are resolved by the text alone, without a look at the tree.
  ///
  /// Errors, in this order: `invalid_path` for a NUL anywhere; `invalid_path` for a climb above the
  /// root at any point; `name_too_long`.
  result<normal_path> normalise(std::string_view text) noexcept;
  /// Normalises an argument. Errors: `out_of_memory`, before all others, for an argument that found
  /// no memory for its text; otherwise as for a text.
  result<normal_path> normalise(const std::same_as<path_argument> auto& path) noexcept {
    if (!path.valid()) return errc::out_of_memory;
    return normalise(path.view());
  }

 private:
  result<normal_path> resolve(std::string_view text) noexcept;

  std::array<char, max_path_size> text_;
};

}  // namespace coramfs::detail
