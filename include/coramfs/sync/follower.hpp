// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/open_follower.hpp>
#include <coramfs/follow_options.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace coramfs::sync {

/// One who reads a file while it is written, for threads. `sync::file_system::follow` makes it. It
/// has the names, arguments and results of `coramfs::follower`.
///
/// It holds the file busy, but not its lock. Followers are independent of each other, and each has
/// a position of its own. What is committed never changes, so a follower reads it without waiting
/// for anybody. A file that has no writer is complete, and locked for reading while it is followed.
///
/// It is move-only. A moved-from one is closed, as one that is made without a file: its calls fail
/// with `not_open`.
///
/// Waits: `next` and `read` block the calling thread where there is too little, each for as long as
/// `follow_options::patience` says, and never once the writer has ended.
///
/// Lifetime: a follower outlives the file system that it came from, and keeps its volume alive.
///
/// Thread safety: distinct objects may be used at once; one object takes one call at a time.
///
///     auto f = fs.follow("/download").value();
///     for (;;) {
///       auto piece = f.next().value();
///       if (piece.size() == 0) break;
///       asio::write(client, piece);
///     }
class CORAMFS_EXPORT follower {
 public:
  /// Makes a closed follower.
  follower() noexcept = default;

  /// Pins the next bytes, at most `at_most` of them, and moves the position behind them. They are
  /// given out in 32 runs of bytes at most, so it may be less than is there. No bytes mean that the
  /// file is complete and that all of it was seen, and nothing else does.
  ///
  /// It returns at once if `at_least` bytes are there, or `at_most` if that is less; if there are
  /// any and the patience is immediate; or if the writer has ended.
  ///
  /// Errors, after which the follower can be used as before: `invalid_argument` for 0 bytes;
  /// `timed_out`; `would_block` if there is nothing and the patience is immediate; behind the last
  /// byte of an abandoned file what it was abandoned with, each time; `out_of_memory`.
  /// Charges: nothing. As of any pin, what is pinned stays charged until the last pin goes.
  result<pinned> next(std::size_t at_most = 1 << 20);
  /// Copies the next bytes and returns how many, as `next` does: 0 means that the file is complete
  /// and that all of it was seen, or that the buffer is empty. Errors: as `next`, but none for an
  /// empty buffer but `not_open`.
  result<std::size_t> read(asio::mutable_buffer to);

  /// How many bytes of the file are committed now.
  std::uint64_t committed() const noexcept { return file_.committed(); }
  /// The offset of the byte that comes next.
  std::uint64_t position() const noexcept { return file_.position(); }
  /// What is known of the end now.
  follow_state state() const noexcept { return file_.state(); }
  /// The size that the writer has announced, if it has.
  std::optional<std::uint64_t> expected_size() const noexcept { return file_.expected_size(); }

 private:
  friend class file_system;
  explicit follower(detail::follow_operation& done) noexcept : file_(done) {}

  detail::open_follower file_;
};

}  // namespace coramfs::sync
