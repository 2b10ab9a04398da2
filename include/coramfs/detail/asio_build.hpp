// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/export.hpp>

#include <type_traits>

// One program, one Asio. Asio is inline functions and classes whose layout depends on its version
// and on macros; a program that has two of it links, since all of it has the same names, and
// crashes when it first resumes a coroutine. So each file that includes this one says in the name
// of a symbol which Asio it has, and the library defines that symbol for its own Asio alone.
//
// The name has the macros that change what is laid out, allocated or looked up together: as they
// are after Asio has set its own, so that it does not matter which way they came to be as they are.

#if defined(CORAMFS_BOOST_ASIO)
#define CORAMFS_ASIO_FAMILY boost_asio_
#else
#define CORAMFS_ASIO_FAMILY asio_
#endif
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_HAS_IO_URING_AS_DEFAULT) \
                                : defined(ASIO_HAS_IO_URING_AS_DEFAULT)
#define CORAMFS_ASIO_REACTOR _uring_as_default
#elif defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_HAS_IOCP) : defined(ASIO_HAS_IOCP)
#define CORAMFS_ASIO_REACTOR _iocp
#elif defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_HAS_EPOLL) : defined(ASIO_HAS_EPOLL)
#define CORAMFS_ASIO_REACTOR _epoll
#elif defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_HAS_KQUEUE) : defined(ASIO_HAS_KQUEUE)
#define CORAMFS_ASIO_REACTOR _kqueue
#elif defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_HAS_DEV_POLL) : defined(ASIO_HAS_DEV_POLL)
#define CORAMFS_ASIO_REACTOR _dev_poll
#else
#define CORAMFS_ASIO_REACTOR _select
#endif
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_HAS_IO_URING) : defined(ASIO_HAS_IO_URING)
#define CORAMFS_ASIO_URING _uring
#else
#define CORAMFS_ASIO_URING
#endif
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_HAS_EVENTFD) : defined(ASIO_HAS_EVENTFD)
#define CORAMFS_ASIO_EVENTFD _eventfd
#else
#define CORAMFS_ASIO_EVENTFD
#endif
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_HAS_TIMERFD) : defined(ASIO_HAS_TIMERFD)
#define CORAMFS_ASIO_TIMERFD _timerfd
#else
#define CORAMFS_ASIO_TIMERFD
#endif
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_HAS_THREADS) : defined(ASIO_HAS_THREADS)
#define CORAMFS_ASIO_THREADS _threads
#else
#define CORAMFS_ASIO_THREADS _no_threads
#endif
#if defined(CORAMFS_BOOST_ASIO) ? !defined(BOOST_ASIO_HAS_CO_AWAIT) : !defined(ASIO_HAS_CO_AWAIT)
#define CORAMFS_ASIO_COROUTINES _no_coroutines
#elif defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_HAS_STD_COROUTINE) \
                                  : defined(ASIO_HAS_STD_COROUTINE)
#define CORAMFS_ASIO_COROUTINES _coroutines
#else
#define CORAMFS_ASIO_COROUTINES _experimental_coroutines
#endif
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_HAS_STD_ALIGNED_ALLOC) \
                                : defined(ASIO_HAS_STD_ALIGNED_ALLOC)
#define CORAMFS_ASIO_ALLOCATION _aligned_alloc
#else
#define CORAMFS_ASIO_ALLOCATION _operator_new
#endif
#if defined(CORAMFS_BOOST_ASIO) && defined(BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE)
#define CORAMFS_ASIO_CACHE BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE
#elif !defined(CORAMFS_BOOST_ASIO) && defined(ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE)
#define CORAMFS_ASIO_CACHE ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE
#else
#define CORAMFS_ASIO_CACHE 2
#endif
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING) \
                                : defined(ASIO_DISABLE_SMALL_BLOCK_RECYCLING)
#define CORAMFS_ASIO_BLOCKS _no_block_recycling
#else
#define CORAMFS_ASIO_BLOCKS
#endif
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING) \
                                : defined(ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
#define CORAMFS_ASIO_FRAMES _no_frame_recycling
#else
#define CORAMFS_ASIO_FRAMES
#endif
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_HAS_HANDLER_HOOKS) \
                                : defined(ASIO_HAS_HANDLER_HOOKS)
#define CORAMFS_ASIO_HOOKS
#else
#define CORAMFS_ASIO_HOOKS _no_handler_hooks
#endif
#if defined(CORAMFS_BOOST_ASIO)                                                                  \
    ? defined(BOOST_ASIO_ENABLE_HANDLER_TRACKING) || defined(BOOST_ASIO_CUSTOM_HANDLER_TRACKING) \
    : defined(ASIO_ENABLE_HANDLER_TRACKING) || defined(ASIO_CUSTOM_HANDLER_TRACKING)
#define CORAMFS_ASIO_TRACKING _handler_tracking
#else
#define CORAMFS_ASIO_TRACKING
#endif
// Asio turns this on by itself with _GLIBCXX_DEBUG, too.
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_ENABLE_BUFFER_DEBUGGING) \
                                : defined(ASIO_ENABLE_BUFFER_DEBUGGING)
#define CORAMFS_ASIO_BUFFERS _buffer_debugging
#else
#define CORAMFS_ASIO_BUFFERS
#endif
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_USE_TS_EXECUTOR_AS_DEFAULT) \
                                : defined(ASIO_USE_TS_EXECUTOR_AS_DEFAULT)
#define CORAMFS_ASIO_EXECUTOR _ts_executor
#else
#define CORAMFS_ASIO_EXECUTOR
#endif
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_NO_TYPEID) : defined(ASIO_NO_TYPEID)
#define CORAMFS_ASIO_TYPEID _no_typeid
#else
#define CORAMFS_ASIO_TYPEID
#endif
#if defined(CORAMFS_BOOST_ASIO) ? defined(BOOST_ASIO_NO_EXCEPTIONS) : defined(ASIO_NO_EXCEPTIONS)
#define CORAMFS_ASIO_EXCEPTIONS _no_exceptions
#else
#define CORAMFS_ASIO_EXCEPTIONS
#endif
// That of Boost always has it.
#if !defined(CORAMFS_BOOST_ASIO) && defined(ASIO_HAS_BOOST_CONFIG)
#define CORAMFS_ASIO_BOOST _with_boost
#else
#define CORAMFS_ASIO_BOOST
#endif

// All of it as one name, such as
// asio_102201_epoll_eventfd_timerfd_threads_coroutines_aligned_alloc_cache_2.
#define CORAMFS_ASIO_JOIN_(family, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r) \
  family##a##b##c##d##e##f##g##h##_cache_##i##j##k##l##m##n##o##p##q##r
#define CORAMFS_ASIO_JOIN(...) CORAMFS_ASIO_JOIN_(__VA_ARGS__)
#define CORAMFS_ASIO_BUILD                                                                       \
  CORAMFS_ASIO_JOIN(                                                                             \
      CORAMFS_ASIO_FAMILY, CORAMFS_ASIO_VERSION, CORAMFS_ASIO_REACTOR, CORAMFS_ASIO_URING,       \
      CORAMFS_ASIO_EVENTFD, CORAMFS_ASIO_TIMERFD, CORAMFS_ASIO_THREADS, CORAMFS_ASIO_COROUTINES, \
      CORAMFS_ASIO_ALLOCATION, CORAMFS_ASIO_CACHE, CORAMFS_ASIO_BLOCKS, CORAMFS_ASIO_FRAMES,     \
      CORAMFS_ASIO_HOOKS, CORAMFS_ASIO_TRACKING, CORAMFS_ASIO_BUFFERS, CORAMFS_ASIO_EXECUTOR,    \
      CORAMFS_ASIO_TYPEID, CORAMFS_ASIO_EXCEPTIONS, CORAMFS_ASIO_BOOST)

namespace coramfs {

/// Holds one symbol, in the library: the name of the Asio that the library was built with. If a
/// linker does not find another one here, then the file that wants it was compiled with another
/// Asio, or with other macros of Asio's. Compile it with what pkg-config or CMake pass on for
/// coramfs, and with no macro of Asio's that they do not have; or build coramfs with that file's
/// Asio (`-Dasio=boost`, `-Dasio_include_dir=FOLDER`) and macros (`-Dcpp_args=-DASIO_...`).
namespace must_be_built_with {
CORAMFS_EXPORT extern const char CORAMFS_ASIO_BUILD;
}

namespace detail {

#if defined(CORAMFS_BUILT_WITH)
static_assert(CORAMFS_ASIO_VERSION == CORAMFS_BUILT_WITH_ASIO_VERSION, CORAMFS_BUILT_WITH_MESSAGE);
#if CORAMFS_ASIO_VERSION == CORAMFS_BUILT_WITH_ASIO_VERSION
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
