// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/error.hpp>

namespace coramfs::detail {

/// Says which threads must not block, as one that runs a step of a simulation: whoever could wake
/// it may have to wait for the end of that very step. A call that would have to block such a thread
/// ends at once, as if its deadline had passed, and the ban is told.
///
/// There is one for the process, or none. It is asked where a thread is about to sleep, and nowhere
/// else.
///
/// Thread safety: all of it is called by any thread, with no lock of the library held.
class blocking_ban {
 public:
  /// Whether it is for the calling thread.
  virtual bool is_here() noexcept = 0;
  /// Tells what a call has not waited for: as an operation's `unmet` has it, or, if that is an
  /// `rw_lock`, which one.
  virtual void refused(const error& unmet, const void* lock) noexcept = 0;
  /// Tells that a call needs what it was not let wait for, and can not fail. Does not return.
  [[noreturn]] virtual void refused_for_good() noexcept = 0;

  /// From now on `ban` is asked; it must live as long as the process.
  CORAMFS_EXPORT static void set(blocking_ban& ban) noexcept;
  /// The one that is for the calling thread, or null.
  static blocking_ban* here() noexcept;

 protected:
  blocking_ban() = default;
  blocking_ban(const blocking_ban&) = delete;
  blocking_ban& operator=(const blocking_ban&) = delete;
  ~blocking_ban() = default;
};

}  // namespace coramfs::detail
