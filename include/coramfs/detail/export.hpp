// SPDX-License-Identifier: BSL-1.0
#pragma once

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "coramfs needs C++20: compile with -std=c++20 or newer"
#endif

// CORAMFS_EXPORT marks what a shared library gives out. Whoever links the shared library on
// Windows defines CORAMFS_SHARED; the build of the library itself defines CORAMFS_BUILDING too.
#if defined(_WIN32) && defined(CORAMFS_SHARED)
#if defined(CORAMFS_BUILDING)
#define CORAMFS_EXPORT __declspec(dllexport)
#else
#define CORAMFS_EXPORT __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define CORAMFS_EXPORT __attribute__((visibility("default")))
#else
#define CORAMFS_EXPORT
#endif
