// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/error.hpp>

#include <boost/outcome/bad_access.hpp>
#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/try.hpp>

#include <cstddef>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace coramfs {

/// An owned run of bytes.
using bytes = std::vector<std::byte>;

namespace detail {

/// What Outcome does when `value()` meets a failure, or `error()` a success.
struct result_policy : boost::outcome_v2::policy::base {
  template <class Impl>
  static constexpr void wide_value_check(Impl&& self) {
    if (!base::_has_value(std::forward<Impl>(self))) throw_failure(base::_error(self));
  }
  template <class Impl>
  static constexpr void wide_error_check(Impl&& self) {
    if (!base::_has_error(std::forward<Impl>(self)))
      throw boost::outcome_v2::bad_result_access("no error in a successful result");
  }

 private:
  // `what()` ends with the code's own text, so only what is more than that goes in front of it.
  [[noreturn]] static void throw_failure(const error& e) {
    const std::string text = e.message();
    const std::size_t code_size = e.code().message().size();
    if (text.size() <= code_size + 2) throw std::system_error(e.code());
    throw std::system_error(e.code(), text.substr(code_size + 2));
  }
};

template <class T>
using basic_result = boost::outcome_v2::basic_result<T, error, result_policy>;

}  // namespace detail

/// A `T`, or the `error` that kept it from being made.
///
/// An Outcome result, so `has_value()`, `value()`, `error()`, `BOOST_OUTCOME_TRY` and
/// `BOOST_OUTCOME_CO_TRY` are Outcome's. `value()` on a failure throws `std::system_error`
/// with the error's code.
///
/// Unlike a plain Outcome result it has a default, a failure with `errc::canceled`:
/// `asio::co_spawn` makes one where a coroutine ended by an exception.
///
///     coramfs::result<std::uint64_t> r = fs.file_size("/a");
///     if (!r) std::clog << r.error().message() << '\n';
template <class T>
class [[nodiscard]] result : public detail::basic_result<T> {
 public:
  using detail::basic_result<T>::basic_result;
  result() noexcept : detail::basic_result<T>(error(errc::canceled)) {}
};

}  // namespace coramfs
