// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/arriving.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/held_charge.hpp>
#include <coramfs/result.hpp>
#include <coramfs/rw_lock.hpp>

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

namespace coramfs::detail {

/// What a coroutine, which reads a stream, and a thread, which decodes it, have in common: a buffer
/// of a fixed size. Both own it, so either may go first.
///
/// Thread safety: one coroutine and one thread at a time, each with its own functions.
class arrival final : public arriving_bytes {
 public:
  /// How much memory it takes.
  static constexpr std::size_t memory = 128 * 1024;

  /// `paid` is for that. Throws `std::bad_alloc`.
  explicit arrival(held_charge paid);
  ~arrival();

  /// For the coroutine: waits until there is room for bytes, or the thread has ended. Errors:
  /// `canceled`, and those of a wait for a lock.
  asio::awaitable<result<void>> wait_for_room();
  /// Where the next bytes go; nothing if there is no room. It stays until they are put there.
  std::span<std::byte> room() noexcept;
  void put(std::size_t count) noexcept;
  /// The stream has ended, or failed. What had come before a failure is not decoded any more. The
  /// first failure counts.
  void end() noexcept;
  void fail(const error& why) noexcept;
  /// Nobody wants the outcome: the thread ends with `canceled` as soon as it can. Any thread may
  /// call this.
  void abandon() noexcept;
  /// Waits until the thread has ended. Errors: as those of `wait_for_room`.
  asio::awaitable<result<void>> wait_for_end();
  bool has_ended() noexcept;

  /// For the thread: waits for bytes. Errors: those of the stream; `canceled`.
  result<std::size_t> read(std::span<std::byte> to) override;
  std::stop_token stop_token() const noexcept { return stop_.get_token(); }
  /// It ends now, or never begins.
  void close() noexcept;

 private:
  void give_room(std::unique_lock<std::mutex>& lock) noexcept;

  const held_charge paid_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<std::byte> buffer_;  // the bytes from begin_ on, and from the start again
  std::size_t begin_ = 0, count_ = 0;
  bool is_at_end_ = false;        // of the stream
  std::optional<error> failure_;  // of the stream
  bool is_waited_for_ = false;    // that there is room: then room_ is locked
  bool is_closed_ = false;
  std::stop_source stop_;
  rw_lock room_, ended_;  // locked as long as there is none, or it has not ended
};

}  // namespace coramfs::detail
