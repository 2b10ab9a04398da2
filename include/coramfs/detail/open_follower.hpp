// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/joined_flow.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/piece_list.hpp>
#include <coramfs/follow_options.hpp>
#include <coramfs/result.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace coramfs::detail {

class follow_operation;

/// What both facades' `follower` is: a position in a file that grows, which it holds busy, and not
/// locked. A file that nobody writes is opened for reading instead. Nothing here waits.
///
/// Thread safety: one call at a time.
class open_follower {
 public:
  CORAMFS_EXPORT open_follower() noexcept;
  /// Takes over what a following has come to that has succeeded.
  explicit open_follower(follow_operation& done) noexcept;
  CORAMFS_EXPORT open_follower(open_follower&& other) noexcept;
  CORAMFS_EXPORT open_follower& operator=(open_follower&& other) noexcept;
  CORAMFS_EXPORT ~open_follower();

  bool is_open() const noexcept { return static_cast<bool>(flow_) || plain_.is_open(); }
  CORAMFS_EXPORT std::uint64_t committed() const noexcept;
  std::uint64_t position() const noexcept { return options_.from; }
  CORAMFS_EXPORT follow_state state() const noexcept;
  CORAMFS_EXPORT std::optional<std::uint64_t> expected_size() const noexcept;

  /// Whether a call that takes up to so many bytes has what it needs, or the offset up to which
  /// bytes have to come before that. Errors: `not_open`; `invalid_argument` for 0 bytes;
  /// `would_block` if it may not wait; what the file was abandoned with.
  result<std::optional<std::uint64_t>> missing(std::size_t at_most) const noexcept;
  /// Takes the next bytes, which are there; none are left of a file that is complete.
  result<piece_list> pin(std::size_t at_most) noexcept;
  /// Copies bytes that are there, from so many behind the position on.
  result<std::size_t> read(std::uint64_t behind, std::span<std::byte> to) noexcept;
  /// Moves the position behind bytes that were read.
  void pass(std::uint64_t count) noexcept { options_.from += count; }

  // Precondition of what follows: there is something to wait for.
  flow& waits_for() const noexcept { return *flow_; }
  lock_timeout patience() const noexcept {
    return options_.patience.value_or(lock_timeout::forever());
  }
  std::atomic<std::uint64_t>* waiting() const noexcept;
  /// Asks the volume's policy of faults, if it has one, before a wait. Errors: `timed_out`,
  /// `canceled`.
  result<void> ask_waiting() const noexcept;
  error noted(call by, const error& e) const noexcept;

 private:
  void let_go() noexcept;

  // The flow and what is pinned of it need the volume, which the use keeps alive.
  node_use use_;
  handle_record* record_ = nullptr;  // of one that follows a writer: its entry among the handles
  joined_flow flow_;
  open_file plain_;  // of a file without a writer
  path_text path_;
  follow_options options_;  // in which `from` is the position
};

}  // namespace coramfs::detail
