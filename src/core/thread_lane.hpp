// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coramfs::detail {

/// How many threads can have a lane at the same time. A lane is a small number that is a thread's
/// own while it lives: threads that do the same thing often write to places of their own, which are
/// found by their lanes.
inline constexpr unsigned thread_lanes = 64;
/// Stands for the lane of a thread that has none: it came when all were taken, or nothing could be
/// arranged that would give its lane back at its end.
inline constexpr unsigned no_lane = thread_lanes;

// Without this model a shared library calls a function each time it looks at a variable of the
// thread. Each variable with it takes a few bytes of the room that the system's loader keeps for
// libraries that are loaded late.
#if defined(__GNUC__) && defined(__ELF__)
#define CORAMFS_NEAR_THREAD_LOCAL [[gnu::tls_model("initial-exec")]]
#else
#define CORAMFS_NEAR_THREAD_LOCAL
#endif
// The thread's lane plus one; 0 before it is assigned.
CORAMFS_NEAR_THREAD_LOCAL extern constinit thread_local unsigned known_lane;

unsigned assign_lane() noexcept;

/// Returns the calling thread's lane, or `no_lane`. The first call in a thread takes a mutex, which
/// is a leaf, and may allocate where the process has many keys of pthreads.
///
/// What a thread does in its lane happens before what the lane's next owner does.
inline unsigned thread_lane() noexcept {
  const unsigned known = known_lane;
  return known != 0 ? known - 1 : assign_lane();
}

/// Returns a number above all lanes that threads have had so far. The read is sequentially
/// consistent: it stands in one total order with the assignment of lanes, and with what threads do
/// in them by operations of that kind.
unsigned lanes_in_use() noexcept;

}  // namespace coramfs::detail
