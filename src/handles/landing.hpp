// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/flow_ref.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/error.hpp>
#include <coramfs/result.hpp>

#include "tree/flow.hpp"
#include "tree/negative_answers.hpp"

#include <chrono>

namespace coramfs::detail {

class volume_state;

/// How a file ends that a producer was handed, whose word decides that.
///
/// The producer owns the handle, which is destroyed with whatever it keeps it in: before its word
/// is known. So a handle that it has kept to the end lands here. One that it has handed on ends for
/// itself: where that is destroyed the file is abandoned at once, and no word of the producer's
/// makes it whole.
///
/// Thread safety: one thread at a time. The handle may land from any thread, under the flow's
/// mutex.
class landing final : public flow_harbour {
 public:
  /// An error before the first byte is to be answered for so long.
  struct negative {
    negative_answers::name of;
    std::chrono::milliseconds lasts;
  };

  /// `v` need live no longer than a handle of it.
  landing(volume_state& v, flow_ref of, const negative& answer) noexcept;
  landing(const landing&) = delete;
  landing& operator=(const landing&) = delete;
  /// Abandons what has landed, if there was no word.
  ~landing() { end(errc::abandoned, false); }

  flow& of() const noexcept { return *flow_; }
  /// Ends what has landed, once: finishes it, or abandons it with the error, which is one to tell
  /// followers. What can not be finished, for it is not as long as was announced, is abandoned,
  /// too. With `answers` an error before the first byte is kept for others.
  void end(const result<void>& word, bool answers) noexcept;

 private:
  void take(open_file& ending) noexcept override;
  void answer_others(const error& why) const noexcept;

  volume_state& volume_;
  flow_ref flow_;
  const negative answer_;
  bool has_ended_ = false;
  open_file landed_;  // guarded by the flow's mutex until the flight has ended
};

}  // namespace coramfs::detail
