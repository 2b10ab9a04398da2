// SPDX-License-Identifier: BSL-1.0
#pragma once

// A header of the standard library has to come before Asio: Asio before 1.30 asks, before it has
// included any such header, whether there is std::aligned_alloc, and a file that begins with Asio
// gets another answer than one that begins with <string>.
#include <version>

#include <coramfs/detail/export.hpp>

// Said before Asio says the same in many lines: its buffers alone do not compile without, and its
// own way around that, ASIO_NO_EXCEPTIONS, has no coroutines. The library throws nothing but
// `std::bad_alloc` in places that say so, and what `value()` of a failure throws.
#if !defined(__cpp_exceptions)
#error "coramfs needs exceptions, as Asio does: compile what includes it without -fno-exceptions"
#endif

#include <asio/buffer.hpp>
#include <asio/version.hpp>

// What the library was built with, as its build wrote it down. Whoever takes the headers straight
// from a source tree has no such file, and is told by the linker alone.
#if __has_include(<coramfs/detail/built_with.hpp>)
#include <coramfs/detail/built_with.hpp>
#endif

#include <type_traits>

// One program, one Asio. Asio is inline functions and classes whose layout depends on its version
// and on macros; a program that has two of it links, since all of it has the same names, and
// crashes when it first resumes a coroutine. So each file that includes this one says in the name
// of a symbol which Asio it has, and the library defines that symbol for its own Asio alone.
//
// The name has the macros that change what is laid out, allocated or looked up together: as they
// are after Asio has set its own, so that it does not matter which way they came to be as they are.

#if defined(ASIO_HAS_IO_URING_AS_DEFAULT)
#define CORAMFS_ASIO_REACTOR _uring_as_default
#elif defined(ASIO_HAS_IOCP)
#define CORAMFS_ASIO_REACTOR _iocp
#elif defined(ASIO_HAS_EPOLL)
#define CORAMFS_ASIO_REACTOR _epoll
#elif defined(ASIO_HAS_KQUEUE)
#define CORAMFS_ASIO_REACTOR _kqueue
#elif defined(ASIO_HAS_DEV_POLL)
#define CORAMFS_ASIO_REACTOR _dev_poll
#else
#define CORAMFS_ASIO_REACTOR _select
#endif
#if defined(ASIO_HAS_IO_URING)
#define CORAMFS_ASIO_URING _uring
#else
#define CORAMFS_ASIO_URING
#endif
#if defined(ASIO_HAS_EVENTFD)
#define CORAMFS_ASIO_EVENTFD _eventfd
#else
#define CORAMFS_ASIO_EVENTFD
#endif
#if defined(ASIO_HAS_TIMERFD)
#define CORAMFS_ASIO_TIMERFD _timerfd
#else
#define CORAMFS_ASIO_TIMERFD
#endif
#if defined(ASIO_HAS_THREADS)
#define CORAMFS_ASIO_THREADS _threads
#else
#define CORAMFS_ASIO_THREADS _no_threads
#endif
#if !defined(ASIO_HAS_CO_AWAIT)
#define CORAMFS_ASIO_COROUTINES _no_coroutines
#elif defined(ASIO_HAS_STD_COROUTINE)
#define CORAMFS_ASIO_COROUTINES _coroutines
#else
#define CORAMFS_ASIO_COROUTINES _experimental_coroutines
#endif
#if defined(ASIO_HAS_STD_ALIGNED_ALLOC)
#define CORAMFS_ASIO_ALLOCATION _aligned_alloc
#else
#define CORAMFS_ASIO_ALLOCATION _operator_new
#endif
#if defined(ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE)
#define CORAMFS_ASIO_CACHE ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE
#else
#define CORAMFS_ASIO_CACHE 2
#endif
#if defined(ASIO_DISABLE_SMALL_BLOCK_RECYCLING)
#define CORAMFS_ASIO_BLOCKS _no_block_recycling
#else
#define CORAMFS_ASIO_BLOCKS
#endif
#if defined(ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
#define CORAMFS_ASIO_FRAMES _no_frame_recycling
#else
#define CORAMFS_ASIO_FRAMES
#endif
#if defined(ASIO_HAS_HANDLER_HOOKS)
#define CORAMFS_ASIO_HOOKS
#else
#define CORAMFS_ASIO_HOOKS _no_handler_hooks
#endif
#if defined(ASIO_ENABLE_HANDLER_TRACKING) || defined(ASIO_CUSTOM_HANDLER_TRACKING)
#define CORAMFS_ASIO_TRACKING _handler_tracking
#else
#define CORAMFS_ASIO_TRACKING
#endif
// Asio turns this on by itself with _GLIBCXX_DEBUG, too.
#if defined(ASIO_ENABLE_BUFFER_DEBUGGING)
#define CORAMFS_ASIO_BUFFERS _buffer_debugging
#else
#define CORAMFS_ASIO_BUFFERS
#endif
#if defined(ASIO_USE_TS_EXECUTOR_AS_DEFAULT)
#define CORAMFS_ASIO_EXECUTOR _ts_executor
#else
#define CORAMFS_ASIO_EXECUTOR
#endif
#if defined(ASIO_NO_TYPEID)
#define CORAMFS_ASIO_TYPEID _no_typeid
#else
#define CORAMFS_ASIO_TYPEID
#endif
#if defined(ASIO_NO_EXCEPTIONS)
#define CORAMFS_ASIO_EXCEPTIONS _no_exceptions
#else
#define CORAMFS_ASIO_EXCEPTIONS
#endif
#if defined(ASIO_HAS_BOOST_CONFIG)
#define CORAMFS_ASIO_BOOST _with_boost
#else
#define CORAMFS_ASIO_BOOST
#endif

// All of it as one name, such as
// asio_102201_epoll_eventfd_timerfd_threads_coroutines_aligned_alloc_cache_2.
#define CORAMFS_ASIO_JOIN_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r) \
  asio_##a##b##c##d##e##f##g##h##_cache_##i##j##k##l##m##n##o##p##q##r
#define CORAMFS_ASIO_JOIN(...) CORAMFS_ASIO_JOIN_(__VA_ARGS__)
#define CORAMFS_ASIO_BUILD                                                                        \
  CORAMFS_ASIO_JOIN(ASIO_VERSION, CORAMFS_ASIO_REACTOR, CORAMFS_ASIO_URING, CORAMFS_ASIO_EVENTFD, \
                    CORAMFS_ASIO_TIMERFD, CORAMFS_ASIO_THREADS, CORAMFS_ASIO_COROUTINES,          \
                    CORAMFS_ASIO_ALLOCATION, CORAMFS_ASIO_CACHE, CORAMFS_ASIO_BLOCKS,             \
                    CORAMFS_ASIO_FRAMES, CORAMFS_ASIO_HOOKS, CORAMFS_ASIO_TRACKING,               \
                    CORAMFS_ASIO_BUFFERS, CORAMFS_ASIO_EXECUTOR, CORAMFS_ASIO_TYPEID,             \
                    CORAMFS_ASIO_EXCEPTIONS, CORAMFS_ASIO_BOOST)

namespace coramfs {

/// Holds one symbol, in the library: the name of the Asio that the library was built with. If a
/// linker does not find another one here, then the file that wants it was compiled with another
/// Asio, or with other macros of Asio's. Compile it with what pkg-config or CMake pass on for
/// coramfs, and with no macro of Asio's that they do not have; or build coramfs with that file's
/// Asio (`-Dasio_include_dir=FOLDER`) and macros (`-Dcpp_args=-DASIO_...`).
namespace must_be_built_with {
CORAMFS_EXPORT extern const char CORAMFS_ASIO_BUILD;
}

namespace detail {

#if defined(CORAMFS_BUILT_WITH)
static_assert(ASIO_VERSION == CORAMFS_BUILT_WITH_ASIO_VERSION, CORAMFS_BUILT_WITH_MESSAGE);
#if ASIO_VERSION == CORAMFS_BUILT_WITH_ASIO_VERSION
// A template of two types, since compilers say for which ones an assertion failed.
template <class OfThisFile, class OfTheLibrary>
struct same_macros_of_asio {
  static_assert(
      std::is_same_v<OfThisFile, OfTheLibrary>,
      "coramfs was built with other macros of Asio's, as the two names here show: compile "
      "with what pkg-config or CMake pass on for coramfs and with no other such macro, or "
      "build coramfs with the same ones (meson setup -Dcpp_args=-DASIO_...)");
};
template struct same_macros_of_asio<struct CORAMFS_ASIO_BUILD, struct CORAMFS_BUILT_WITH>;
#endif
#endif

// Has the linker look for the symbol, in each file; it must not be optimised away.
#if defined(__ELF__) && __has_cpp_attribute(gnu::retain)
[[maybe_unused, gnu::used, gnu::retain]]
#elif __has_cpp_attribute(gnu::used)
[[maybe_unused, gnu::used]]
#endif
static const char* const asio_build = &must_be_built_with::CORAMFS_ASIO_BUILD;

}  // namespace detail

}  // namespace coramfs
