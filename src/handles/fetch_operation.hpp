// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/flow_ref.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/follow_options.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/result.hpp>

#include "handles/follow_operation.hpp"
#include "handles/open_operation.hpp"
#include "tree/flow.hpp"
#include "tree/negative_answers.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace coramfs::detail {

/// How the file is opened that a fetch makes.
template <class Options>
open_options opened_to_fetch(const Options& o) noexcept {
  open_options to;
  to.followable = true;
  to.on_full = o.on_full;
  to.timeout = o.timeout;
  to.label = o.label;
  return to;
}

/// A `fetch`, as an operation: it follows the file that is there, or else makes it, with itself as
/// its first follower, and has a producer begin to feed it. Then it waits for the first byte, or
/// for the end, so that an error before the first byte is its own.
///
/// Whoever makes the file does so under the tree's exclusive lock, with a flow that has a follower
/// already: of all who come at the same time one makes it, and all others find it. Where another
/// was faster it looks again.
///
/// Guarded as `open_operation`.
class fetch_operation : public follow_operation {
 public:
  progress advance() noexcept;
  claim& awaited() noexcept;
  lock_timeout patience() const noexcept;
  void refuse(const error& why) noexcept;
  error unmet() const noexcept;

  /// A file that was made, to be fed: `opened` is for a handle to take over.
  struct fresh_file {
    open_operation& opened;
    flow_ref flow;
    negative_answers::name name;
  };

 protected:
  fetch_operation(std::shared_ptr<volume_state> v, path_argument path,
                  const follow_options& options, std::uint32_t most_followers,
                  const open_options& make_with) noexcept
      : follow_operation(std::move(v), std::move(path), options, call::fetch, most_followers),
        make_with_(make_with) {}
  fetch_operation(fetch_operation&& unbegun) noexcept = default;
  ~fetch_operation() = default;

  /// Has a producer begin to feed a file. Whatever becomes of the handle, the flow tells. Errors:
  /// what kept it from beginning, with the handle closed or not taken.
  virtual result<void> begin(fresh_file file) noexcept = 0;

 private:
  bool look(progress& p) noexcept;
  result<void> begin_to_make() noexcept;
  bool make(progress& p) noexcept;
  progress wait_for_first_byte() noexcept;

  enum class stage : unsigned char { looks, makes, arrives };
  const open_options make_with_;
  stage stage_ = stage::looks;
  std::unique_ptr<open_operation> making_;
  negative_answers::name name_{};
  std::optional<flow_claim> first_byte_;  // what it waits for, if it does
};

}  // namespace coramfs::detail
