// SPDX-License-Identifier: BSL-1.0
#pragma once

// A header of the standard library has to come before Asio: Asio before 1.30 asks, before it has
// included any such header, whether there is std::aligned_alloc, and a file that begins with Asio
// gets another answer than one that begins with <string>.
#include <version>

// Said before Asio says the same in many lines: its buffers alone do not compile without, and its
// own way around that, ASIO_NO_EXCEPTIONS, has no coroutines. The library throws nothing but
// `std::bad_alloc` in places that say so, and what `value()` of a failure throws.
#if !defined(__cpp_exceptions)
#error "coramfs needs exceptions, as Asio does: compile what includes it without -fno-exceptions"
#endif

// What the library was built with, as its build wrote it down. Whoever takes the headers straight
// from a source tree has no such file, and is told by the linker alone.
#if __has_include(<coramfs/detail/built_with.hpp>)
#include <coramfs/detail/built_with.hpp>
#endif

// Said here, before the wrong one is included, which need not be there at all. The flags are those
// of pkg-config or CMake; it is built with the other Asio by `meson setup -Dasio=standalone` or
// `-Dasio=boost`.
#if defined(CORAMFS_BUILT_WITH)
#if CORAMFS_BUILT_WITH_BOOST_ASIO && !defined(CORAMFS_BOOST_ASIO)
#error "coramfs was built with Boost.Asio: compile with its flags, such as -DCORAMFS_BOOST_ASIO"
#elif !CORAMFS_BUILT_WITH_BOOST_ASIO && defined(CORAMFS_BOOST_ASIO)
#error "coramfs was built with the standalone Asio: compile without -DCORAMFS_BOOST_ASIO"
#endif
#endif

#if defined(CORAMFS_BOOST_ASIO)
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/version.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#elif __has_include(<asio/buffer.hpp>)
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/version.hpp>
#else
#error "coramfs: there is no asio/buffer.hpp; for Boost.Asio compile with -DCORAMFS_BOOST_ASIO"
#endif

#include <coramfs/error.hpp>

#include <system_error>

namespace coramfs {

// `coramfs::asio` is the Asio that the library is built with: `::asio`, or `boost::asio` in a build
// with `-Dasio=boost`. Every `asio::` in these headers is this one, and what is written with this
// name and `CORAMFS_ASIO_VERSION` is the same source for both.
#if defined(CORAMFS_BOOST_ASIO)
#define CORAMFS_ASIO_VERSION BOOST_ASIO_VERSION
namespace asio = ::boost::asio;
using asio_error_code = boost::system::error_code;
using asio_system_error = boost::system::system_error;

// As the one for `std::error_code`; that of Boost would take two copies of the library for two.
inline bool operator==(const asio_error_code& code, errc c) noexcept {
  return static_cast<std::error_code>(code) == c;
}
#else
#define CORAMFS_ASIO_VERSION ASIO_VERSION
#if !defined(DOXYGEN)  // which takes it for an alias of itself
namespace asio = ::asio;
#endif

/// How Asio's operations say what went wrong: `std::error_code`, or in a build with Boost.Asio
/// `boost::system::error_code`. It converts to `std::error_code` and from it, and compares with
/// `errc` and `std::errc` as that does.
using asio_error_code = std::error_code;
/// What Asio's operations throw: `std::system_error`, or in a build with Boost.Asio
/// `boost::system::system_error`.
using asio_system_error = std::system_error;
#endif

}  // namespace coramfs
