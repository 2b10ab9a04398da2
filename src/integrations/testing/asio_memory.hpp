// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>

#include "integrations/testing/asio_scheduler.hpp"

namespace coramfs::detail {

/// Lets Asio reuse the memory of coroutine frames and functions in the steps of a simulation, as it
/// does in a thread that runs an `io_context`: it keeps that memory where the thread's innermost
/// context says. Elsewhere it allocates each of them anew, which takes longer than all of a step.
class asio_memory : private asio::detail::thread_context {
 public:
  /// A step, while it lives.
  class in_use {
   public:
    explicit in_use(asio_memory& m) : on_(&m, m.kept_) {}

   private:
    thread_call_stack::context on_;
  };

 private:
  asio::detail::thread_info_base kept_;
};

}  // namespace coramfs::detail
