// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/explore.hpp>

#include "integrations/testing/simulation_core.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace coramfs::detail {

/// What one run of a body has come to.
struct explored_run {
  /// How it has failed, if it has. Two failures are alike only if these are the same.
  enum class end {
    well,
    by_exception,
    by_foreign_exception,
    stuck,
    blocked,
    too_long,
    counted,
    unrun
  };

  end how = end::well;
  std::string why = {};            // what an exception has said, or a report
  std::exception_ptr thrown = {};  // what is no `std::exception`
  testing::trace taken = {};
  std::vector<std::uint64_t> marks = {};      // the fingerprint of each step, if it was asked for
  std::vector<std::string> differences = {};  // from `fifo`, in words, if it was asked for

  std::uint64_t coroutines = 0;  // that have begun

  bool has_failed() const noexcept { return how != end::well; }
  /// Whether both have failed in the same way: with the same text, but for numbers.
  bool is_like(const explored_run& other) const;
  /// How many steps had a choice.
  std::uint32_t choices() const noexcept;
};

/// Runs of one body.
class exploration {
 public:
  exploration(const std::function<void(testing::simulation&)>& body,
              const testing::explore_options& options) noexcept
      : body_(body), options_(options) {}

  /// What is to be noted beside the choices.
  enum class notes { none, marks, differences };

  explored_run run(const testing::schedule& how, notes wanted = notes::none);

  struct minimised {
    explored_run least;
    unsigned runs = 0;        // what it took
    bool is_repeated = true;  // whether the trace failed in the same way at all
  };
  /// Looks for the least trace that fails as `failed` does, and runs it at last.
  minimised minimise(const explored_run& failed, std::uint64_t seed);

 private:
  class watch;

  explored_run minimise_trace(const explored_run& failed, const testing::trace& from,
                              std::uint64_t seed, unsigned& runs);
  std::optional<explored_run> set_one_apart(const explored_run& failed, std::uint64_t seed,
                                            unsigned& runs);

  void judge(testing::simulation& sim, explored_run& r, unsigned long failures_before) const;
  void run_body(testing::simulation& sim, explored_run& r);

  const std::function<void(testing::simulation&)>& body_;
  const testing::explore_options& options_;
};

}  // namespace coramfs::detail
