// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace coramfs::detail {

/// Whether one name matches one component of a glob pattern: `*`, `?`, `[a-z]`, `[!a-z]`. Takes
/// time of at most the product of the two sizes, however many stars there are.
bool matches_name(std::string_view pattern, std::string_view name) noexcept;

/// A whole glob pattern, as a machine that reads a path name by name. It is in several places
/// at once, so each name is read once however many ways there are to match it.
class pattern {
 public:
  /// Numbers of components that are to be matched next, in order.
  using places = std::vector<std::size_t>;

  /// Throws `std::bad_alloc`.
  explicit pattern(std::string_view text);

  /// Where it is at the root.
  places start() const;

  /// The only name that can match there, if that is so.
  std::optional<std::string_view> only_name(const places& at) const noexcept;

  struct step {
    places next;   ///< where it is below the name; empty: nothing below matches
    bool matches;  ///< whether the path up to the name is a match
  };
  step read(const places& from, std::string_view name) const;

 private:
  void add(places& to, std::size_t component) const;
  bool is_any_depth(std::size_t component) const noexcept { return components_[component] == "**"; }

  std::vector<std::string_view> components_;
};

}  // namespace coramfs::detail
