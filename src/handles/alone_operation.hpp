// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/flow_ref.hpp>
#include <coramfs/error.hpp>
#include <coramfs/options.hpp>

#include "core/operation.hpp"
#include "tree/flow.hpp"

#include <atomic>
#include <cstdint>
#include <optional>

namespace coramfs::detail {

class volume_state;

/// Waits until nobody has followed a flight for some time, and then takes its file out of the tree.
/// If the flight ends first, or memory for the wait is refused, the file stays where it is.
///
/// Guarded by whoever runs it: one thread at a time. Who begins it keeps the volume alive.
class alone_operation {
 public:
  alone_operation(volume_state& v, flow_ref of, lock_timeout linger) noexcept;

  progress advance() noexcept;
  claim& awaited() noexcept { return *claim_; }
  lock_timeout patience() const noexcept;
  /// It counts nowhere: it is no operation of a user's.
  std::atomic<std::uint64_t>* waiting() const noexcept { return nullptr; }
  void refuse(const error& why) noexcept;
  error unmet() const noexcept { return errc::timed_out; }
  /// Whether the file is out of the tree, for nobody followed it.
  bool outcome() const noexcept { return is_taken_out_; }

 private:
  progress wait(bool until_alone) noexcept;
  progress take_out() noexcept;

  volume_state* volume_;
  flow_ref flow_;
  lock_timeout linger_;
  enum class stage : unsigned char { is_followed, is_alone, ended };
  stage reached_ = stage::is_followed;
  bool is_over_ = false;  // the time for which it is alone
  bool is_taken_out_ = false;
  std::uint64_t joins_ = 0;  // before it was alone
  std::optional<followed_claim> claim_;
};

}  // namespace coramfs::detail
