// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/volume.hpp>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace coramfs::tests {

/// Returns once `condition` holds. For events that another thread brings about and that can only
/// be asked for. Throws where a minute was not enough: the event never comes.
template <class Condition>
void await(Condition condition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) throw std::runtime_error("it never happened");
    std::this_thread::yield();
  }
}

/// Returns once `n` operations wait on the volume.
inline void await_waiting(const volume& v, std::uint64_t n) {
  await([&v, n] { return v.stats().waiting == n; });
}

}  // namespace coramfs::tests
