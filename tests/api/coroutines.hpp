// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <exception>
#include <utility>

namespace coramfs::tests {

// No co_await inside an assertion: g++ would run it a second time, in what Catch2 adds to keep
// warnings.

inline void rethrow(std::exception_ptr thrown) {
  if (thrown) std::rethrow_exception(thrown);
}

/// Begins a coroutine. What it throws comes out of its context's `run`.
template <class Context, class Body>
void spawn(Context&& on, Body body) {
  asio::co_spawn(on, std::move(body), rethrow);
}

/// One that `signal` cancels.
template <class Context, class Body>
void spawn(Context&& on, asio::cancellation_signal& signal, Body body) {
  asio::co_spawn(on, std::move(body), asio::bind_cancellation_slot(signal.slot(), rethrow));
}

inline asio::const_buffer buffer_of(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace coramfs::tests
