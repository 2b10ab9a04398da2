// SPDX-License-Identifier: BSL-1.0
//
// Two coroutines that open the same two files in opposite order, which mostly goes well. Among many
// schedules there is one on which it does not. What comes out tells its seed, who waits for whom,
// and the least that has to be otherwise than usual.
#include <coramfs/file_system.hpp>
#include <coramfs/testing.hpp>

#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <iostream>
#include <string_view>

using namespace coramfs;

namespace {

asio::awaitable<void> pay(file_system& fs, const char* from, const char* to, const char* label,
                          int later) {
  for (int i = 0; i < later; ++i) co_await asio::post(asio::use_awaitable);
  const open_options options{.timeout = lock_timeout::forever(), .label = label};
  auto source = (co_await fs.open(from, open_mode::append, options)).value();
  // Somebody else is asked, such as a server, and others have a turn.
  co_await asio::post(asio::use_awaitable);
  auto target = (co_await fs.open(to, open_mode::append, options)).value();
  (co_await source.write(std::string_view("paid\n"))).value();
  (co_await target.write(std::string_view("received\n"))).value();
}

}  // namespace

int main() try {
  testing::explore(1000, [](testing::simulation& sim) {
    auto& fs = sim.keep<file_system>(sim.get_executor(), volume::create(sim.options()).value());
    sim.spawn(pay(fs, "/alice", "/bob", "first", 0), "alice pays");
    sim.spawn(pay(fs, "/bob", "/alice", "second", 3), "bob pays");
    sim.run();
  });
  std::cerr << "nobody was stuck\n";
  return 1;
} catch (const testing::explore_failed& e) {
  // A test lets it out, and fails.
  std::cout << e.what() << '\n';
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
