// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "core/fault_seam.hpp"
#include "core/quota.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace coramfs::detail {

/// The questions to a policy of faults that come up under the tree's lock, where it may not be
/// called: what an operation is about to take is only known there. So the operation ends with the
/// question, lets the lock go, asks, and begins anew; what was answered is not asked again, unless
/// others have changed what it takes.
///
/// Thread safety: one operation's own.
class fault_answers {
 public:
  explicit fault_answers(const fault_seam& seam) noexcept : seam_(seam) {}

  /// Under the tree's lock, before `quota::reserve`. If the result is an error the operation ends
  /// with it, and nobody sees it.
  CORAMFS_COLD result<void> reserving(const charge& wanted, const charge& replaced = {}) noexcept;
  /// The same before memory is allocated for that.
  CORAMFS_COLD result<void> allocating(const charge& wanted, const charge& replaced = {}) noexcept;

  /// Whether the operation has ended with a question.
  bool has_question() const noexcept { return question_.has_value(); }
  /// Asks it, without the tree's lock. The error is that of the operation.
  result<void> ask(std::string_view path) noexcept;

 private:
  struct question {
    charge wanted, replaced;
    bool is_for_memory;
    friend bool operator==(const question&, const question&) noexcept = default;
  };
  // Others may change what it takes again and again, and so may the policy itself.
  static constexpr unsigned most_asked = 8;

  result<void> look_up(const question& q) noexcept;

  const fault_seam& seam_;
  std::optional<question> question_;
  std::optional<question> bytes_, memory_;  // what was answered
  unsigned asked_ = 0;
};

template <class Act>
CORAMFS_COLD auto answering_each(const fault_seam& seam, std::string_view path, Act& act) noexcept {
  fault_answers known(seam);
  for (;;) {
    auto outcome = act(&known);
    if (!known.has_question()) return outcome;
    if (const auto answer = known.ask(path); !answer) {
      outcome = answer.error();
      return outcome;
    }
  }
}

/// Runs `act`, which takes the tree's lock, and gives its questions to the `fault_answers`, until
/// it has none. Returns its result, or the fault. Without a policy there is a null in their place.
template <class Act>
auto answering(const fault_seam& seam, std::string_view path, Act act) noexcept {
  if (seam.has_policy()) [[unlikely]]
    return answering_each(seam, path, act);
  return act(nullptr);
}

}  // namespace coramfs::detail
