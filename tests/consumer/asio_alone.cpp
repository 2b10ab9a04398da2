// SPDX-License-Identifier: BSL-1.0

// The other half of mixed.cpp: what a file has that uses Asio and knows nothing of the library, and
// none of its flags.
#include <array>
#include <chrono>
#include <memory>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

void run_timers(asio::io_context& context) {
  for (int i = 0; i < 20; ++i) {
    const auto timer = std::make_shared<asio::steady_timer>(context, std::chrono::milliseconds(i));
    timer->async_wait([timer, &context](std::error_code) {
      asio::post(context, [small = std::array<char, 200>{}] { (void)small; });
      asio::post(context, [large = std::array<char, 600>{}] { (void)large; });
    });
  }
}
