// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/schedule.hpp>

#include <functional>
#include <optional>

namespace coramfs::detail {

/// What a trace has come to when it was run.
struct tried_trace {
  testing::trace taken;
  bool fails;  // as it should
};

/// Runs a trace. Returns nothing if that would be one run too many.
using try_trace = std::function<std::optional<tried_trace>(const testing::trace&)>;

/// Makes a trace that fails differ from `fifo` in as few steps as it can.
///
/// What is left out is a part of the differences: at first a half, those of the end before those of
/// the beginning, since what comes after the failure's cause is of no use; then a quarter, and so
/// on, until not one can go. Whoever then still goes before many goes before fewer, if that fails,
/// too.
///
/// If then more than one is left, each trace that differs in one step is tried: it says more than
/// several that happen to go together.
///
/// A step of another run is another step: what is left out changes what is ready in all steps after
/// it. So what is kept of each try is what was really taken in it.
testing::trace minimised(testing::trace failing, const try_trace& run);

}  // namespace coramfs::detail
