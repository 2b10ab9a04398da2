// SPDX-License-Identifier: BSL-1.0
// What only shows where a thread is stopped between two instructions: here the counts are made as
// it would have left them.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "core/path.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <asio/io_context.hpp>

#include <optional>
#include <string_view>

namespace coramfs::tests {

TEST_CASE("clearing: while somebody is yet to take back a count, it keeps its turn",
          "[operations][rename]") {
  const volume v = volume::create().value();
  sync::file_system threads(v);
  threads.create_directory("/d").value();
  threads.write_file("/d/a", std::string_view("a")).value();
  detail::tree& names = detail::volume_access::state(v)->tree;
  detail::node& directory = [&]() -> detail::node& {
    const detail::tree::shared_access access(names);
    return *names.look_up(detail::normal_path::given_out("/d")).value().found;
  }();
  std::optional<sync::file> holder = threads.open("/d/a", open_mode::read).value();
  asio::io_context context;
  file_system fs(context.get_executor(), v);
  bool is_done = false;
  const rename_options waiting{.open = if_open::wait, .timeout = lock_timeout::forever()};
  fs.rename("/d", "/e", waiting, [&](result<void> done) { is_done = done.has_value(); });
  REQUIRE(v.stats().waiting == 1);
  ++directory.users;
  holder.reset();
  for (int steps = 0; steps < 5; ++steps) {
    REQUIRE(context.poll_one() == 1);
    CHECK(!is_done);
    CHECK(error_of(threads.open("/d/a", open_mode::read, {.timeout = lock_timeout::immediate()})) ==
          errc::would_block);
  }
  --directory.users;
  context.poll();
  CHECK(is_done);
  CHECK(threads.read_file("/e/a").value().size() == 1);
  CHECK(v.stats().waiting == 0);
}

}  // namespace coramfs::tests
