// SPDX-License-Identifier: BSL-1.0
// The ends of volumes that have lent what they had, and forks into volumes of other settings.
#include <coramfs/sync/file_system.hpp>
#include <coramfs/volume.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

volume_options of_layout(storage_layout layout) {
  volume_options o;
  o.default_storage = layout;
  return o;
}

}  // namespace

TEST_CASE("fork: a file keeps the layout of its source, whatever the fork's files have",
          "[sharing][fork]") {
  const auto from = GENERATE(storage_layout::automatic, storage_layout::sequential,
                             storage_layout::random_access);
  const auto to = GENERATE(storage_layout::automatic, storage_layout::sequential,
                           storage_layout::random_access);
  CAPTURE(static_cast<int>(from), static_cast<int>(to));
  const volume v = volume::create(of_layout(from)).value();
  sync::file_system fs(v);
  const std::string all(100'000, 'x');
  fs.write_file("/a", asio::buffer(all)).value();
  fs.write_file("/empty", {}).value();
  fork_options o;
  o.default_storage = to;
  const volume f = v.fork(o).value();
  sync::file_system in(f);
  CHECK(in.read_text("/a").value() == all);
  CHECK(in.read_text("/empty").value().empty());
  const auto write_behind_gap = [](sync::file_system& at, const char* path) {
    return at.open(path, open_mode::update).value().write_at(300'000, asio::buffer("abc", 3));
  };
  const bool may_have_gap = from != storage_layout::sequential;
  CHECK(write_behind_gap(in, "/a").has_value() == may_have_gap);
  CHECK(write_behind_gap(fs, "/a").has_value() == may_have_gap);
  in.write_file("/new", asio::buffer(all)).value();
  CHECK(write_behind_gap(in, "/new").has_value() == (to != storage_layout::sequential));
}

// The pin's backlog outlives the volume, of which it was the last to have something.
TEST_CASE("fork: a volume may end with a block that somebody gives up beside many others",
          "[sharing][fork][pins]") {
  const volume root = volume::create({}).value();
  std::optional<volume> v(root.fork().value());
  std::optional<sync::file_system> in_v(std::in_place, *v);
  const std::string big(1 << 20, 'x');
  in_v->write_file("/own", asio::buffer(big)).value();
  in_v->write_file("/kept", asio::buffer(big)).value();
  const volume w = v->fork().value();
  sync::file_system in_w(w);
  {
    // It is open when its owner goes, so it stays until the volume ends.
    const auto kept = in_v->open("/kept", open_mode::read).value();
    in_v.reset();
    v.reset();
  }
  in_w.remove("/kept").value();
  std::optional<pinned> last;
  {
    auto f = in_w.open("/own", open_mode::read).value();
    last = f.pin(0, big.size()).value();
  }
  in_w.remove("/own").value();
  last.reset();
  CHECK(w.stats().used_bytes == 0);
  // The memory that went is anybody's.
  in_w.write_file("/new", asio::buffer(big)).value();
  CHECK(in_w.read_text("/new").value() == big);
}

}  // namespace coramfs::tests
