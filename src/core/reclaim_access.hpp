// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/reclaim.hpp>

#include "core/callback_scope.hpp"

#include <functional>
#include <utility>

namespace coramfs::detail {

/// The way to what a `reclaim_callback` is.
struct reclaim_access {
  /// One that answers by what `start` begins, with no lock held, for the task that it is given.
  static reclaim_callback started_by(std::function<void(const volume&, reclaim_task)> start) {
    reclaim_callback made;
    made.start_ = std::move(start);
    return made;
  }

  /// Has a callback answer. What it throws ends the task. Returns false where it has thrown.
  static bool answer(const reclaim_callback& by, const volume& of, reclaim_task given) noexcept {
    try {
      if (by.start_ != nullptr) {
        by.start_(of, std::move(given));
        return true;
      }
      reclaim_task task(std::move(given));
      const callback_scope scope(task.scope());
      const shortage missing = task.begin();
      if (missing.bytes != 0 || missing.nodes != 0) by.call_(of, missing);
      return true;
    } catch (...) {
      return false;
    }
  }
};

}  // namespace coramfs::detail
