// SPDX-License-Identifier: BSL-1.0
// An archive that comes over a connection which is simulated: in pieces, with delays, and broken
// off.
#include <coramfs/archive.hpp>
#include <coramfs/testing.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"

#include <asio/buffer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;
using testing::simulation;
using testing::stream;
using testing::stream_pair;

enum class ending { whole, short_of_it, reset };

// Sends an archive, or the half of it, and then closes, or breaks off.
asio::awaitable<void> send(stream& to, std::string archive, ending how) {
  if (how != ending::whole) archive.resize(archive.size() / 2);
  co_await asio::async_write(to, asio::buffer(archive), asio::use_awaitable);
  if (how == ending::reset) {
    to.reset();
  } else {
    to.close();
  }
}

asio::awaitable<void> expand(file_system fs, stream& from, std::optional<error>& why) {
  const auto done = co_await expand_arriving(fs, from, "/to");
  why = done ? error(std::error_code()) : done.error();
}

}  // namespace

TEST_CASE("expand_arriving: over a connection, all of it or nothing", "[arriving]") {
  const std::string tar =
      tar_of({{"a", std::string(5000, 'a')}, {"d", "", '5'}, {"d/b", std::string(9000, 'b')}});
  const std::string archives[] = {tar, piped("gzip", tar), zip_of({{"a", "1"}, {"b", "2"}})};
  for (const std::string& archive : archives) {
    for (const ending how : {ending::whole, ending::short_of_it, ending::reset}) {
      for (std::uint64_t seed = 0; seed < 60; ++seed) {
        INFO("seed " << seed);
        std::optional<error> why;
        std::optional<volume> v;
        simulation sim(testing::schedule::uniform(seed));
        v.emplace(volume::create(sim.options()).value());
        stream_pair p(sim, testing::stream_options{.largest_piece_bytes = 1 + seed * 30,
                                                   .shortest_delay = 1ms,
                                                   .longest_delay = 20ms});
        const figures before(*v);
        sim.spawn(send(p.first, archive, how), "sender");
        sim.run(expand(file_system(sim.get_executor(), *v), p.second, why));
        sim.run();
        REQUIRE(why);
        if (how == ending::whole) {
          CHECK_FALSE(why->code());
          CHECK(sync::file_system(*v).is_file("/to/a").value());
        } else {
          if (how == ending::reset) {
            CHECK(why->code() == std::error_code(asio_error_code(asio::error::connection_reset)));
          } else {
            CHECK(*why == errc::corrupt_archive);
          }
          CHECK(figures(*v) == before);
        }
        CHECK(v->stats().open_handles == 0);
        CHECK(v->stats().pins == 0);
      }
    }
  }
}

}  // namespace coramfs::tests
