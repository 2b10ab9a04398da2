// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <utility>

namespace coramfs::detail {

class block_memory;

/// What an operation has given up and is yet to be freed.
///
/// To give up a block is a few instructions; to have the system take its pages back takes some
/// microseconds for each of them, and a second for a large volume's. So who shares a thread with
/// others collects what it gives up, and frees it in turns: `free_some`, until nothing is left.
/// A call that can not give turns, such as a close, frees one turn's worth and leaves the rest in
/// the volume. Each request for memory frees as many bytes of that rest before it takes any.
///
/// Whoever has one keeps the volume alive until it is done with it.
///
/// What is collected counts as kept for reuse (`block_memory::kept_bytes`), beyond `max_recycled`
/// perhaps, and gives way like it.
class backlog {
 public:
  class collecting;

  /// Frees some of what was collected in the same volume by anybody. True: there is more.
  bool free_some() noexcept;

 private:
  block_memory* in_ = nullptr;  // none: nothing was collected
};

/// While it is there, its thread collects the large blocks that it gives up.
class backlog::collecting {
 public:
  explicit collecting(backlog& to) noexcept : to_(to) {}
  collecting(const collecting&) = delete;
  collecting& operator=(const collecting&) = delete;
  ~collecting() { innermost = outer_; }

  /// False: the calling thread collects nothing. Else it is noted that there is something.
  static bool note(block_memory& in) noexcept;

 private:
  static thread_local constinit collecting* innermost;

  backlog& to_;
  collecting* const outer_ = std::exchange(innermost, this);
};

}  // namespace coramfs::detail
