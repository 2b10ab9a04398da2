// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/joined_flow.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/open_follower.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/follow_options.hpp>
#include <coramfs/result.hpp>

#include "core/error_note.hpp"
#include "core/operation.hpp"
#include "handles/open_operation.hpp"
#include "tree/flow.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace coramfs::detail {

/// A `follow`, as an operation: it joins the flow of a file that is written for others to follow,
/// or else opens the file for reading, for which it may wait.
///
/// Guarded as `open_operation`. What it joins is looked up under the tree's shared lock, under
/// which no flow comes or goes.
class follow_operation : public open_operation {
 public:
  follow_operation(std::shared_ptr<volume_state> v, path_argument path,
                   const follow_options& options, call by = call::follow,
                   std::uint32_t most_followers = flow::most_followers) noexcept;
  follow_operation(follow_operation&& unbegun) noexcept = default;

  progress advance() noexcept;
  /// Whether the file is followed. After `done`.
  result<void> outcome() const noexcept;

 protected:
  /// After it has failed.
  void begin_anew() noexcept;
  bool has_joined() const noexcept { return static_cast<bool>(joined_); }
  /// Makes it one that has joined, of a file that it holds in use.
  void settle_in(node_use use) noexcept;
  /// Makes it one that has failed.
  void fail_with(const error& why) noexcept;

  const std::uint32_t most_followers_;
  follow_options options_;
  node_use use_;
  joined_flow joined_;

 private:
  friend class open_follower;
  bool join() noexcept;

  std::optional<error> refused_;
  bool has_waited_ = false;
  bool is_settling_ = false;  // whether the lock was about to be let go of at a look
};

/// What the calls of a follower have in common: they wait until enough bytes have come. The
/// follower must stay where it is until they end.
///
/// Guarded by its follower, which takes one call at a time.
class arrival_operation {
 public:
  progress advance() noexcept;
  claim& awaited() noexcept { return *claim_; }
  lock_timeout patience() const noexcept { return of_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return of_.waiting(); }
  void refuse(const error& why) noexcept;
  error unmet() const noexcept { return of_.noted(by_, errc::timed_out); }

 protected:
  arrival_operation(open_follower& of, std::size_t at_most, call by) noexcept
      : of_(of), at_most_(at_most), by_(by) {}

  open_follower& of_;
  const std::size_t at_most_;
  result<void> status_ = boost::outcome_v2::success();

 private:
  const call by_;
  std::optional<flow_claim> claim_;  // what it waits for, if it does
};

/// A `next` of a follower.
class pin_next_operation : public arrival_operation {
 public:
  pin_next_operation(open_follower& of, std::size_t at_most) noexcept
      : arrival_operation(of, at_most, call::next) {}

  result<piece_list> outcome() noexcept {
    if (!status_) return status_.error();
    return of_.pin(at_most_);
  }
};

/// A `read` of a follower, in slices. A cancellation ends it between two of them, too, and leaves
/// the position.
class read_next_operation : public arrival_operation {
 public:
  read_next_operation(open_follower& of, std::span<std::byte> to) noexcept
      : arrival_operation(of, to.size(), call::read), to_(to) {}

  progress advance() noexcept;
  void refuse(const error& why) noexcept;
  result<std::size_t> outcome() noexcept;

 private:
  const std::span<std::byte> to_;
  bool reads_ = false;  // what it has waited for is there
  std::size_t count_ = 0;
};

}  // namespace coramfs::detail
