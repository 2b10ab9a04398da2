// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/waiting.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>

namespace coramfs::detail {

/// How far a step of an operation got.
enum class progress : unsigned char {
  done,    ///< it has ended, and `outcome` tells how
  waits,   ///< it goes on when `awaited()` is had
  yields,  ///< it has done a slice of its work, and others may have a turn
};

/// What a step has come to; or `done`, and why it failed in `status`.
inline progress progress_or_failure(const result<progress>& step, result<void>& status) noexcept {
  if (step) return step.value();
  status = step.error();
  return progress::done;
}

/// An operation that may have to wait, or to do much, in steps that never block: a thread and a
/// coroutine each do in their own way what is between the steps, and stand in the same queues.
///
/// - `advance` goes on as far as it can.
/// - After `yields` a `refuse` is a cancellation; what has begun to write does not listen.
/// - After `done` there is an `outcome`, once.
///
/// Dropped before it is done, it reads nothing of a caller's: it leaves everything as it was, or as
/// if it were done; of a file that it overwrites it leaves what it has come to.
template <class T>
concept operation = requires(T& op, const error& why) {
  { op.advance() }
  noexcept->std::same_as<progress>;
  { op.refuse(why) }
  noexcept;
  { op.outcome() }
  noexcept;
};

/// One that may have to wait: after `waits` the claim `awaited()` is waited for, for as long as
/// `patience()` says, and counted in `waiting()`. Then either it is had and `advance` is called
/// again, or it is not, and `refuse` says why before `advance` is.
template <class T>
concept waiting_operation = operation<T> && requires(T& op) {
  { op.awaited() }
  noexcept->std::same_as<claim&>;
  { op.patience() }
  noexcept->std::same_as<lock_timeout>;
  { op.waiting() }
  noexcept->std::same_as<std::atomic<std::uint64_t>*>;
};

}  // namespace coramfs::detail
