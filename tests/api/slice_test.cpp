// SPDX-License-Identifier: BSL-1.0
// Long operations as coroutines: others get a turn between their slices, and nobody sees a part.
#include "api/sliced_operation.hpp"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

constexpr std::size_t large = 16 << 20;  // bytes: sixteen slices

using fixture = sliced_operation;

}  // namespace

TEST_CASE(
    "slices: others run while a large file is written, and see it before "
    "or after",
    "[api][slices]") {
  fixture t;
  const std::string before = "before", content(large, 'x');
  t.threads.write_file("/a", buffer_of(before)).value();
  std::uint64_t sizes_between = 0;
  const auto see = [&] {
    sizes_between = std::max(sizes_between, t.threads.file_size("/a").value());
  };
  SECTION("by write") {
    const int turns = t.turns_during(
        [&]() -> asio::awaitable<void> {
          auto f = co_await t.fs.open("/a", open_mode::append);
          const auto n = co_await f.value().write(buffer_of(content));
          CHECK(n.value() == large);
        },
        see);
    CHECK(turns >= 10);
    CHECK(sizes_between == before.size());
    CHECK(t.threads.file_size("/a").value() == before.size() + large);
  }
  SECTION("by write_file") {
    const int turns = t.turns_during(
        [&]() -> asio::awaitable<void> {
          const auto done = co_await t.fs.write_file("/a", buffer_of(content));
          CHECK(done.has_value());
        },
        see);
    CHECK(turns >= 10);
    CHECK(sizes_between == before.size());
  }
  SECTION("by write_file, as a new one") {
    bool is_there = false;
    const int turns = t.turns_during(
        [&]() -> asio::awaitable<void> {
          const auto done = co_await t.fs.write_file("/new", buffer_of(content));
          CHECK(done.has_value());
        },
        [&] { is_there = is_there || t.threads.exists("/new").value(); });
    CHECK(turns >= 10);
    CHECK(!is_there);
    CHECK(t.threads.file_size("/new").value() == large);
  }
  SECTION("by truncate, in a chain") {
    const int turns = t.turns_during(
        [&]() -> asio::awaitable<void> {
          auto f = co_await t.fs.open("/a", open_mode::update);
          const auto n = co_await f.value().truncate(large);
          CHECK(n.value() == large);
        },
        see);
    CHECK(turns >= 10);
    CHECK(sizes_between == before.size());
  }
}

TEST_CASE(
    "slices: others run while a large chain becomes a table, and see it "
    "before or after",
    "[api][slices][promotion]") {
  fixture t;
  const std::string before(large, 'x'), little = "little";
  t.threads.write_file("/a", buffer_of(before)).value();
  const auto generation = t.threads.stat("/a").value().generation;
  const std::uint64_t gap = 1'000, end = large + gap;
  std::uint64_t sizes_between = 0;
  const auto see = [&] {
    const file_status now = t.threads.stat("/a").value();
    if (now.generation == generation) sizes_between = std::max(sizes_between, now.size);
    CHECK((now.generation == generation) == (now.size == large));
  };
  const auto turns_of = [&](std::function<asio::awaitable<void>(file&)> op) {
    return t.turns_during(
        [&]() -> asio::awaitable<void> {
          auto f = (co_await t.fs.open("/a", open_mode::update)).value();
          f.seek(static_cast<std::int64_t>(end)).value();
          co_await op(f);
        },
        see);
  };
  std::string written = little;
  int turns = 0;
  SECTION("by a short write") {
    turns = turns_of([&](file& f) -> asio::awaitable<void> {
      const auto n = co_await f.write(buffer_of(little));
      CHECK(n.value() == little.size());
      CHECK(f.tell().value() == end + little.size());
    });
  }
  SECTION("by a short write at an offset") {
    turns = turns_of([&](file& f) -> asio::awaitable<void> {
      const auto n = co_await f.write_at(end, buffer_of(little));
      CHECK(n.value() == little.size());
      CHECK(f.tell().value() == end);
    });
  }
  SECTION("by a long write") {
    written = std::string(large, 'w');
    turns = turns_of([&](file& f) -> asio::awaitable<void> {
      const auto n = co_await f.write(buffer_of(written));
      CHECK(n.value() == large);
    });
    CHECK(turns >= 25);
  }
  SECTION("by a long moved-in buffer") {
    written = std::string(large, 'w');
    turns = turns_of([&](file& f) -> asio::awaitable<void> {
      bytes moved = bytes_of(written);
      const auto n = co_await f.write(std::move(moved));
      CHECK(n.value() == large);
      CHECK(moved.empty());
    });
    CHECK(turns >= 25);
  }
  SECTION("by prepare") {
    turns = turns_of([&](file& f) -> asio::awaitable<void> {
      const auto room = co_await f.prepare(little.size());
      asio::buffer_copy(room.value(), buffer_of(little));
      CHECK(f.size().value() == large);
      f.commit(little.size()).value();
    });
  }
  SECTION("by a stream's write") {
    turns = turns_of([&](file& f) -> asio::awaitable<void> {
      const std::size_t n = co_await f.async_write_some(buffer_of(little), asio::use_awaitable);
      CHECK(n == little.size());
    });
  }
  CHECK(turns >= 10);
  CHECK(sizes_between == large);
  CHECK(t.v.stats().chunk_count == 0);
  const std::string after = before + std::string(gap, '\0') + written;
  CHECK((text_of(t.threads.read_file("/a").value()) == after));
}

TEST_CASE(
    "slices: a promotion whose context dies in the middle leaves the "
    "chain as it was",
    "[api][slices][promotion][cancellation]") {
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  const auto v = volume::create({.accounting = counting}).value();
  sync::file_system threads(v);
  const std::string before(large, 'a'), little = "little";
  threads.write_file("/a", buffer_of(before)).value();
  const file_status seen = threads.stat("/a").value();
  using operation = std::function<asio::awaitable<void>(file&)>;
  const operation ops[] = {
      [&](file& f) -> asio::awaitable<void> { co_await f.write_at(2 * large, buffer_of(little)); },
      [&](file& f) -> asio::awaitable<void> {
        f.seek(2 * large).value();
        co_await f.prepare(little.size());
      }};
  for (const operation& op : ops) {
    // The chunks need not be those of before, so the second may find another charge.
    const std::uint64_t used = v.stats().used_bytes;
    auto context = std::make_unique<asio::io_context>();
    file_system fs(context->get_executor(), v);
    bool is_done = false;
    spawn(*context, [&]() -> asio::awaitable<void> {
      auto f = (co_await fs.open("/a", open_mode::update)).value();
      co_await op(f);
      is_done = true;
    });
    for (int i = 0; i < 8; ++i) context->run_one();
    CHECK(v.stats().open_handles == 1);
    CHECK(v.stats().used_bytes == used);
    context.reset();
    CHECK(!is_done);
    CHECK(v.stats().open_handles == 0);
    CHECK(threads.stat("/a").value().generation == seen.generation);
    CHECK(threads.file_size("/a").value() == large);
    CHECK(v.stats().chunk_count > 0);
    CHECK((text_of(threads.read_file("/a").value()) == before));
  }
  auto f = threads.open("/a", open_mode::update).value();
  CHECK(f.write_at(2 * large, buffer_of(little)).value() == little.size());
  f.close().value();
  CHECK(v.stats().chunk_count == 0);
  const std::string after = before + std::string(large, '\0') + little;
  CHECK((text_of(threads.read_file("/a").value()) == after));
  threads.remove("/a").value();
  CHECK(v.stats().used_bytes == 0);
}

TEST_CASE("slices: others run while a moved-in buffer is copied into a table", "[api][slices]") {
  fixture t;
  const std::string content(large, 'x');
  t.threads.write_file("/a", buffer_of("")).value();
  t.threads.open("/a", open_mode::update).value().write_at(10, buffer_of("x")).value();
  CHECK(t.turns_during([&]() -> asio::awaitable<void> {
    auto f = (co_await t.fs.open("/a", open_mode::update)).value();
    bytes moved = bytes_of(content);
    const auto n = co_await f.write(std::move(moved));
    CHECK(n.value() == large);
    CHECK(moved.empty());
    CHECK(f.tell().value() == large);
  }) >= 10);
  CHECK(text_of(t.threads.read_file("/a").value()) == content);
}

TEST_CASE("slices: others run while a large file is read", "[api][slices]") {
  fixture t;
  const std::string content(large, 'x');
  t.threads.write_file("/a", buffer_of(content)).value();
  std::string to(large, '\0');
  SECTION("by read") {
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      auto f = co_await t.fs.open("/a", open_mode::read);
      const auto n = co_await f.value().read(asio::buffer(to));
      CHECK(n.value() == large);
    }) >= 10);
    CHECK(to == content);
  }
  SECTION("by read_file") {
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto all = co_await t.fs.read_file("/a");
      CHECK(text_of(all.value()) == content);
    }) >= 10);
  }
  SECTION("by copy") {
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto done = co_await t.fs.copy("/a", "/b");
      CHECK(done.has_value());
    }) >= 10);
    CHECK(text_of(t.threads.read_file("/b").value()) == content);
  }
}

TEST_CASE("slices: others run while one handle does little again and again", "[api][slices]") {
  fixture t;
  constexpr int pieces = 512;
  const std::string piece(64 << 10, 'x'), tiny(1 << 10, 'y');
  t.threads.write_file("/a", buffer_of(std::string(1 << 20, 'a'))).value();
  const auto turns_of = [&](int times, std::function<asio::awaitable<void>(file&)> op) {
    return t.turns_during([&]() -> asio::awaitable<void> {
      auto f = (co_await t.fs.open("/a", open_mode::update)).value();
      for (int i = 0; i < times; ++i) co_await op(f);
    });
  };
  std::string to(64 << 10, '\0');
  const auto read_at = [&](file& f) -> asio::awaitable<void> {
    const auto n = co_await f.read_at(0, asio::buffer(to));
    CHECK(n.value() == to.size());
  };
  const auto write_at = [&](file& f) -> asio::awaitable<void> {
    const auto n = co_await f.write_at(0, buffer_of(piece));
    CHECK(n.value() == piece.size());
  };
  const auto write = [&](file& f) -> asio::awaitable<void> {
    const auto n = co_await f.write(buffer_of(piece));
    CHECK(n.value() == piece.size());
  };
  const auto read = [&](file& f) -> asio::awaitable<void> {
    const auto n = co_await f.read(asio::buffer(to));
    CHECK(n.value() == to.size());
    f.seek(0).value();
  };
  const auto move_in = [&](file& f) -> asio::awaitable<void> {
    bytes moved = bytes_of(piece);
    const auto n = co_await f.write(std::move(moved));
    CHECK(n.value() == piece.size());
  };
  const auto read_all = [&](file& f) -> asio::awaitable<void> {
    f.seek(-(64 << 10), seek_from::end).value();
    const auto all = co_await f.read_all();
    CHECK(all.value().size() == piece.size());
  };
  const auto prepare = [&](file& f) -> asio::awaitable<void> {
    const auto room = co_await f.prepare(64 << 10);
    CHECK(room.has_value());
  };
  // Sixty-four take four slices.
  for (const auto& op : std::initializer_list<std::function<asio::awaitable<void>(file&)>>{
           read_at, write_at, write, read, move_in, read_all, prepare}) {
    const int turns = turns_of(pieces, op);
    CHECK(turns >= pieces / 64 - 1);
    CHECK(turns <= pieces / 64 + 3);
  }
  const int many = 20'000;
  const int turns = turns_of(many, [&](file& f) -> asio::awaitable<void> {
    const auto n = co_await f.write_at(0, buffer_of(tiny));
    CHECK(n.value() == tiny.size());
  });
  CHECK(turns >= 3);
  CHECK(turns <= 8);
}

TEST_CASE(
    "slices: a turn before what need not wait does not end it when it is "
    "cancelled",
    "[api][slices][cancellation]") {
  fixture t;
  const std::string piece(1 << 20, 'x');
  t.threads.write_file("/a", buffer_of(piece)).value();
  std::string to(piece.size(), '\0');
  file f;
  // Three in one go, and each fourth lets others have a turn first.
  const auto read_thrice = [&]() -> asio::awaitable<void> {
    if (!f.is_open()) f = (co_await t.fs.open("/a", open_mode::update)).value();
    for (int i = 0; i < 3; ++i) (co_await f.read_at(0, asio::buffer(to))).value();
  };
  CHECK(t.turns_during(read_thrice) <= 1);
  const std::string changed(piece.size(), 'y');
  bool is_done = false;
  const auto is_not_done = [&] { CHECK(!is_done); };
  const auto write = [&]() -> asio::awaitable<result<std::size_t>> {
    const auto n = co_await f.write_at(0, buffer_of(changed));
    is_done = true;
    co_return n;
  };
  CHECK(!t.canceled_at<std::size_t>(0, write, is_not_done).code());
  CHECK(is_done);
  is_done = false;
  t.turns_during(read_thrice);
  to.assign(piece.size(), 'z');
  const auto read = [&]() -> asio::awaitable<result<std::size_t>> {
    const auto n = co_await f.read_at(0, asio::buffer(to));
    is_done = true;
    co_return n;
  };
  CHECK(!t.canceled_at<std::size_t>(0, read, is_not_done).code());
  CHECK(is_done);
  CHECK(to == changed);
}

TEST_CASE("slices: who is cancelled before such a turn has what need not wait all the same",
          "[api][slices][cancellation]") {
  fixture t;
  const std::string piece(1 << 20, 'x');
  t.threads.write_file("/a", buffer_of(piece)).value();
  std::string to(piece.size(), '\0');
  asio::cancellation_signal signal;
  bool is_done = false;
  spawn(t.context, signal, [&]() -> asio::awaitable<void> {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto f = (co_await t.fs.open("/a", open_mode::read)).value();
    signal.emit(asio::cancellation_type::terminal);
    // One of them is the one that lets others have a turn first.
    for (int i = 0; i < 8; ++i) {
      const auto n = co_await f.read_at(0, asio::buffer(to));
      CHECK(!error_of(n).code());
    }
    is_done = true;
  });
  t.context.run();
  CHECK(is_done);
  CHECK(to == piece);
}

TEST_CASE("slices: others run while much of the tree is seen to", "[api][slices]") {
  fixture t;
  t.make_many(100, 100);
  SECTION("by walk") {
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto entries = co_await t.fs.walk("/");
      CHECK(entries.value().size() == 102);
    }) >= 3);
  }
  SECTION("by glob") {
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto paths = co_await t.fs.glob("/many/**");
      CHECK(paths.value().size() == 10'100);
      CHECK(std::is_sorted(paths.value().begin(), paths.value().end()));
    }) >= 3);
  }
  SECTION("by export, import, copy_tree and remove_tree") {
    file_map files;
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      auto exported = co_await t.fs.export_tree("/many");
      files = std::move(exported).value();
    }) >= 3);
    CHECK(files.size() == 10'000);
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto done = co_await t.fs.copy_tree("/many", "/copy");
      CHECK(done.has_value());
    }) >= 3);
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto done = co_await t.fs.remove_tree("/many");
      CHECK(done.has_value());
    }) >= 3);
    CHECK(t.turns_during([&]() -> asio::awaitable<void> {
      const auto done = co_await t.fs.import_tree(files);
      CHECK(done.has_value());
    }) >= 3);
    CHECK(t.v.stats().file_count == 20'000);
  }
}

TEST_CASE("slices: a glob's turns follow from its pattern, too, not from the names alone",
          "[api][slices]") {
  fixture t;
  for (int i = 0; i < 100; ++i) {
    const std::string name = std::to_string(i) + std::string(240, 'a');
    t.threads.write_file("/" + name, buffer_of("")).value();
  }
  const auto turns_of = [&](const std::string& pattern) {
    return t.turns_during([&]() -> asio::awaitable<void> {
      const auto found = co_await t.fs.glob(pattern);
      CHECK(found.value().empty());
    });
  };
  std::string dear = "/";
  while (dear.size() < 2000) dear += "*a";
  CHECK(turns_of("/*b") <= 2);
  // Each of the hundred names takes about a slice.
  CHECK(turns_of(dear + "b") >= 50);
}

TEST_CASE("slices: what others remove meanwhile is left out, and nothing fails", "[api][slices]") {
  fixture t;
  t.make_many(100, 100);
  int removed = 0;
  std::size_t seen = 0;
  const int turns = t.turns_during(
      [&]() -> asio::awaitable<void> {
        const auto entries = co_await t.fs.walk("/many");
        seen = entries.value().size();
      },
      [&] {
        // From the end, where the walk has not been yet.
        if (removed < 50) t.threads.remove_tree("/many/" + std::to_string(99 - removed++)).value();
      });
  CHECK(turns >= 2);
  CHECK(seen < 101);
  CHECK(seen >= 51);
}

}  // namespace coramfs::tests
