// SPDX-License-Identifier: BSL-1.0
#pragma once

/// What clang is told of locks, so that it refuses calls without the lock that they need: see
/// Clang's "Thread Safety Analysis". Other compilers see none of it.
/// @{
#ifdef __clang__
#define CORAMFS_ANNOTATION(what) __attribute__((what))
#else
#define CORAMFS_ANNOTATION(what)
#endif

/// A class that can be held: exclusively by one thread, or shared by several.
#define CORAMFS_CAPABILITY(name) CORAMFS_ANNOTATION(capability(name))
/// A class whose objects hold something while they live.
#define CORAMFS_SCOPED_CAPABILITY CORAMFS_ANNOTATION(scoped_lockable)

/// A member that is read where one of the kinds is held, and written where it is held exclusively.
#define CORAMFS_GUARDED_BY(held) CORAMFS_ANNOTATION(guarded_by(held))

/// A function whose caller holds something exclusively; of either kind; or not at all.
#define CORAMFS_REQUIRES(...) CORAMFS_ANNOTATION(requires_capability(__VA_ARGS__))
#define CORAMFS_REQUIRES_SHARED(...) CORAMFS_ANNOTATION(requires_shared_capability(__VA_ARGS__))
#define CORAMFS_EXCLUDES(...) CORAMFS_ANNOTATION(locks_excluded(__VA_ARGS__))

/// A function that begins to hold something, or ends that.
#define CORAMFS_ACQUIRE(...) CORAMFS_ANNOTATION(acquire_capability(__VA_ARGS__))
#define CORAMFS_ACQUIRE_SHARED(...) CORAMFS_ANNOTATION(acquire_shared_capability(__VA_ARGS__))
#define CORAMFS_RELEASE(...) CORAMFS_ANNOTATION(release_capability(__VA_ARGS__))
#define CORAMFS_RELEASE_SHARED(...) CORAMFS_ANNOTATION(release_shared_capability(__VA_ARGS__))

/// A function that sees to it by itself that its caller holds something.
#define CORAMFS_ASSERTS(...) CORAMFS_ANNOTATION(assert_capability(__VA_ARGS__))
#define CORAMFS_ASSERTS_SHARED(...) CORAMFS_ANNOTATION(assert_shared_capability(__VA_ARGS__))

/// A function that clang can not follow. A comment beside it says why it is right.
#define CORAMFS_UNCHECKED CORAMFS_ANNOTATION(no_thread_safety_analysis)
/// @}
