// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coramfs::detail {

/// How many threads at once have a lane: a small number that is a thread's own while it lives, for
/// what all threads do often and none wants to write to the same memory for.
inline constexpr unsigned thread_lanes = 64;
/// Of a thread that came when all were taken, or whose end could not be heard of.
inline constexpr unsigned no_lane = thread_lanes;

// Without this model a shared library calls a function for each look at it. It takes four bytes of
// what the system's loader has for libraries that are loaded late.
#if defined(__GNUC__) && defined(__ELF__)
#define CORAMFS_NEAR_THREAD_LOCAL [[gnu::tls_model("initial-exec")]]
#else
#define CORAMFS_NEAR_THREAD_LOCAL
#endif
CORAMFS_NEAR_THREAD_LOCAL extern constinit thread_local unsigned known_lane;  // 0: none yet
#undef CORAMFS_NEAR_THREAD_LOCAL

unsigned assign_lane() noexcept;

/// The calling thread's lane, or `no_lane`. It allocates nothing.
///
/// What a thread does in its lane happens before what the lane's next owner does.
inline unsigned thread_lane() noexcept {
  const unsigned known = known_lane;
  return known != 0 ? known - 1 : assign_lane();
}

/// All lanes that any thread has ever had are below this. In one total order with what a thread
/// does in its lane, if that is sequentially consistent.
unsigned lanes_in_use() noexcept;

}  // namespace coramfs::detail
