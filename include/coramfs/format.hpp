// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/error.hpp>
#include <coramfs/result.hpp>

#include <version>

/// Formatters for `std::format`, where the standard library has it (`__cpp_lib_format`); nothing
/// otherwise. They stand apart from the types, since `<format>` is much to compile.
///
/// Each formats the text that `operator<<` writes, and takes what a `std::string_view` takes
/// between its braces:
///
///     std::format("{:>20}", coramfs::errc::busy);
///     std::println("{}", fs.read_file("/missing").error());
#ifdef __cpp_lib_format

#include <format>
#include <sstream>
#include <string>
#include <string_view>

template <>
struct std::formatter<coramfs::errc> : std::formatter<std::string_view> {
  auto format(coramfs::errc c, auto& context) const {
    return std::formatter<std::string_view>::format(coramfs::make_error_code(c).message(), context);
  }
};

template <>
struct std::formatter<coramfs::error> : std::formatter<std::string_view> {
  auto format(const coramfs::error& e, auto& context) const {
    return std::formatter<std::string_view>::format(e.message(), context);
  }
};

template <class T>
struct std::formatter<coramfs::result<T>> : std::formatter<std::string_view> {
  auto format(const coramfs::result<T>& r, auto& context) const {
    std::ostringstream text;
    text << r;
    return std::formatter<std::string_view>::format(text.str(), context);
  }
};

#endif
