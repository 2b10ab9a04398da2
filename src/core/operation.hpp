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

/// An operation that may have to wait, or to do much, in steps that never block. What is between
/// the steps a thread and a coroutine do each in their own way, and they stand in the same queues.
///
/// - `advance` goes on as far as it can.
/// - After `yields`, `refuse` says that the operation is cancelled. One that has begun to write
///   does not listen to it, and neither does one that writes and is done.
/// - After `done`, `outcome` may be called, once.
///
/// If an operation is destroyed before it is done, it reads nothing of the caller's. It leaves
/// everything as it was, or as if it had been done; a file that it was overwriting keeps what has
/// been written so far.
///
/// Thread safety: one thread at a time.
template <class T>
concept operation = requires(T& op, const error& why) {
  { op.advance() }
  noexcept->std::same_as<progress>;
  { op.refuse(why) }
  noexcept;
  { op.outcome() }
  noexcept;
};

/// An operation that may have to wait. After `waits`, whoever drives it waits for the claim
/// `awaited()` for as long as `patience()` says, and counts itself in `waiting()` meanwhile. Then
/// it calls `advance` again; if the claim was not had, it calls `refuse` with the reason before
/// that. Meanwhile `unmet()` tells what it waits for: as the error of a lock that it does not get
/// (`timed_out`) or of bytes (`quota_exceeded`), with a note of who has the file.
template <class T>
concept waiting_operation = operation<T> && requires(T& op) {
  { op.awaited() }
  noexcept->std::same_as<claim&>;
  { op.patience() }
  noexcept->std::same_as<lock_timeout>;
  { op.waiting() }
  noexcept->std::same_as<std::atomic<std::uint64_t>*>;
  { op.unmet() }
  noexcept->std::same_as<error>;
};

}  // namespace coramfs::detail
