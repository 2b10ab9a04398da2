// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/error.hpp>

#include <boost/outcome/bad_access.hpp>
#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/try.hpp>

#include <cassert>
#include <cstddef>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>
#include <version>

#ifdef __cpp_lib_expected
#include <expected>
#endif

namespace coramfs {

/// An owned run of bytes.
using bytes = std::vector<std::byte>;

namespace detail {

/// What Outcome does when `value()` meets a failure, or `error()` a success: it throws `failure`,
/// or Outcome's own `bad_result_access`.
struct result_policy : boost::outcome_v2::policy::base {
  template <class Impl>
  static constexpr void wide_value_check(Impl&& self) {
    if (!base::_has_value(std::forward<Impl>(self))) throw failure(base::_error(self));
  }
  template <class Impl>
  static constexpr void wide_error_check(Impl&& self) {
    if (!base::_has_error(std::forward<Impl>(self)))
      throw boost::outcome_v2::bad_result_access("no error in a successful result");
  }
};

template <class T>
using basic_result = boost::outcome_v2::basic_result<T, error, result_policy>;

}  // namespace detail

/// A `T`, or the `error` that kept it from being made.
///
/// It is an Outcome result, so `has_value()`, `value()`, `error()`, `BOOST_OUTCOME_TRY` and
/// `BOOST_OUTCOME_CO_TRY` are Outcome's. `value()` on a failure throws a `failure`, which is a
/// `std::system_error`, and `error()` on a success throws `bad_result_access`.
///
/// Unlike a plain Outcome result it has a default, a failure with `errc::canceled`:
/// `asio::co_spawn` makes one where a coroutine ended by an exception.
///
///     coramfs::result<std::uint64_t> r = fs.file_size("/a");
///     if (!r) std::clog << r.error().message() << '\n';
///
/// As with Asio's `as_tuple` it can be taken apart where it is returned: into an error, whose code
/// is 0 for a success, and a value, which is a `T()` for a failure.
///
///     auto [ec, size] = fs.file_size("/a");
///     if (ec) std::clog << ec.message() << '\n';
template <class T>
class [[nodiscard]] result : public detail::basic_result<T> {
  using base = detail::basic_result<T>;

 public:
  using base::base;
  /// Explicit, so that `return {};` does not compile where somebody means success by it.
  explicit result() noexcept : base(error(errc::canceled)) {}

  /// The value; throws a `failure` where there is none.
  /// @{
  decltype(auto) value() & { return base::value(); }
  decltype(auto) value() const& { return base::value(); }
  /// @}
  /// Of a temporary the value itself, and no reference into it: a loop over
  /// `fs.walk("/").value()` goes over what is there.
  /// @{
  T value() && { return static_cast<base&&>(*this).value(); }
  T value() const&& { return static_cast<const base&>(*this).value(); }
  /// @}

  /// The value, or `other` in place of an error.
  /// @{
  template <class Other>
  requires(!std::is_void_v<T>) T value_or(Other&& other)
  const& {
    return this->has_value() ? this->assume_value() : static_cast<T>(std::forward<Other>(other));
  }
  template <class Other>
  requires(!std::is_void_v<T>) T value_or(Other&& other) && {
    return this->has_value() ? std::move(this->assume_value())
                             : static_cast<T>(std::forward<Other>(other));
  }
  /// @}

  /// The value. Precondition: `has_value()`.
  /// @{
  auto* operator->() noexcept requires(!std::is_void_v<T>) {
    assert(this->has_value());
    return std::addressof(this->assume_value());
  }
  const auto* operator->() const noexcept requires(!std::is_void_v<T>) {
    assert(this->has_value());
    return std::addressof(this->assume_value());
  }
  auto& operator*() & noexcept requires(!std::is_void_v<T>) {
    assert(this->has_value());
    return this->assume_value();
  }
  const auto& operator*() const& noexcept requires(!std::is_void_v<T>) {
    assert(this->has_value());
    return this->assume_value();
  }
  T operator*() && noexcept requires(!std::is_void_v<T>) {
    assert(this->has_value());
    return std::move(this->assume_value());
  }
  /// @}

#ifdef __cpp_lib_expected
  result(std::expected<T, error> from) : base(from_expected(std::move(from))) {}
  operator std::expected<T, error>() && {
    if (!this->has_value()) return std::unexpected(this->assume_error());
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return std::move(this->assume_value());
    }
  }
  operator std::expected<T, error>() const& { return result(*this); }

 private:
  static base from_expected(std::expected<T, error>&& from) {
    if (!from) return base(from.error());
    if constexpr (std::is_void_v<T>) {
      return base(boost::outcome_v2::in_place_type<void>);
    } else {
      return base(std::move(*from));
    }
  }
#endif
};

/// The error of a result, or for a success one whose code is 0: the first name of
/// `auto [ec, value] =`. A failure whose own code is 0, which only a foreign one can be, is
/// `canceled`.
template <std::size_t I, class T>
requires(I == 0) error get(const result<T>& r)
noexcept {
  if (r.has_value()) return std::error_code();
  return r.assume_error().code() ? r.assume_error() : error(errc::canceled);
}
/// The value of a result, or for a failure a `T()`: the second name of `auto [ec, value] =`. It is
/// moved out of a result that is a temporary, and copied otherwise.
/// @{
template <std::size_t I, class T>
requires(I == 1) T get(result<T>&& r) {
  static_assert(std::is_default_constructible_v<T>,
                "a value without a default constructor is not taken apart from its error: write "
                "`auto r = ...; if (!r) ...; r.value()`");
  return r.has_value() ? std::move(r.assume_value()) : T();
}
template <std::size_t I, class T>
requires(I == 1) T get(const result<T>& r) {
  static_assert(std::is_default_constructible_v<T> && std::is_copy_constructible_v<T>,
                "a value that can not be copied is only taken out of a temporary result: write "
                "`auto [ec, value] = std::move(r);`");
  return r.has_value() ? r.assume_value() : T();
}
/// @}

/// Writes what the result holds: the value where it can be written, else "a value"; "success" where
/// there is none; the error's message.
template <class Traits, class T>
requires std::is_same_v<Traits, std::char_traits<char>> std::basic_ostream<char, Traits>
&operator<<(std::basic_ostream<char, Traits>& to, const result<T>& r) {
  if (!r.has_value()) return to << r.assume_error();
  if constexpr (std::is_void_v<T>) {
    return to << "success";
  } else if constexpr (requires { to << r.assume_value(); }) {
    to << r.assume_value();
    return to;
  } else {
    return to << "a value";
  }
}

/// What a function returns that has succeeded and has no value: `return coramfs::success();`
inline auto success() noexcept { return boost::outcome_v2::success(); }

}  // namespace coramfs

// `auto [ec, value] = co_await fs.read_file("/a");`, and for a `result<void>` `auto [ec] =`.
#if !defined(DOXYGEN)
template <class T>
struct std::tuple_size<coramfs::result<T>>
    : std::integral_constant<std::size_t, std::is_void_v<T> ? 1 : 2> {};
template <class T>
struct std::tuple_element<0, coramfs::result<T>> {
  using type = coramfs::error;
};
template <class T>
struct std::tuple_element<1, coramfs::result<T>> {
  using type = T;
};
#endif
