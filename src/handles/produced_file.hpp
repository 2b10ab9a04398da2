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

/// A file that a producer writes, whose word decides how it ends.
///
/// The handle is in the producer's frame, or wherever it has moved it to, and is destroyed with
/// that: before its word is known. So it comes here then, with the file as it is. One that an
/// exception has destroyed is never whole, whoever has caught that and whatever is said then. One
/// that is somewhere else when the producer has ended ends for itself.
///
/// Thread safety: one thread at a time. The handle may come from any thread, under the flow's
/// mutex.
class produced_file final : public flow_owner {
 public:
  /// An error before the first byte is to be answered for so long.
  struct negative {
    negative_answers::name of;
    std::chrono::milliseconds lasts;
  };

  /// `v` need live no longer than a handle of it.
  produced_file(volume_state& v, flow_ref of, const negative& answer) noexcept;
  produced_file(const produced_file&) = delete;
  produced_file& operator=(const produced_file&) = delete;
  /// Abandons the file, if there was no word.
  ~produced_file() { end(errc::abandoned, false); }

  flow& of() const noexcept { return *flow_; }
  /// Ends the file, once, if it has come here: finishes it, or abandons it with the error, which is
  /// one to tell followers. What can not be finished, for it is not as long as was announced, is
  /// abandoned, too. With `answers` an error before the first byte is kept for others.
  void end(const result<void>& word, bool answers) noexcept;

 private:
  void take_over(open_file& orphan) noexcept override;
  void answer_others(const error& why) const noexcept;

  volume_state& volume_;
  flow_ref flow_;
  const negative answer_;
  const int unwinding_;  // exceptions of this thread's that have nothing to do with the producer
  bool has_ended_ = false;
  // Guarded by the flow's mutex until the flight has ended.
  open_file orphan_;
  bool is_cut_off_ = false;  // by an exception
};

}  // namespace coramfs::detail
