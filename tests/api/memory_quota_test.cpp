// SPDX-License-Identifier: BSL-1.0
// The quota counted in memory that is really taken. The figures are the library's own, so the
// tests compare one with another.
#include "api/scenario.hpp"

#include <algorithm>

namespace coramfs::tests {

namespace {

std::string xs(std::size_t n) { return std::string(n, 'x'); }

// What a tree costs in the smallest form, in a volume where nothing is short.
template <class Make>
std::uint64_t cost(storage_layout layout, Make make) {
  volume_options options;
  options.max_quota = std::uint64_t{1} << 40;
  options.default_storage = layout;
  const auto fs = create_file_system(facade_kind::threads, options).value();
  make(*fs);
  return fs->stats().value().used_bytes;
}

std::uint64_t cost_of_file(storage_layout layout, std::size_t size) {
  return cost(layout, [size](any_file_system& fs) { fs.write_file("/a", xs(size)).value(); });
}

}  // namespace

TEST_CASE("memory: nodes with their names, content and tables cost something",
          "[api][quota][memory]") {
  const scenario fs(accounting::memory);
  std::uint64_t before = fs.used();
  const auto grew = [&](std::uint64_t by_at_least) {
    const std::uint64_t now = fs.used();
    const bool enough = now >= before + by_at_least;
    before = now;
    return enough;
  };
  fs->write_file("/empty", "").value();
  CHECK(grew(1));
  fs->create_directory("/d").value();
  CHECK(grew(1));
  fs->write_file("/d/" + std::string(255, 'n'), "").value();
  CHECK(grew(255));
  fs->write_file("/d/full", xs(10'000)).value();
  CHECK(grew(10'000));
}

TEST_CASE("memory: a longer name costs more", "[api][quota][memory]") {
  const auto named = [](std::size_t n) {
    return cost(storage_layout::automatic,
                [n](any_file_system& fs) { fs.write_file(std::string(n, 'n'), "").value(); });
  };
  CHECK(named(255) >= named(1) + 200);
  const auto directory = [](std::size_t n) {
    return cost(storage_layout::automatic,
                [n](any_file_system& fs) { fs.create_directory(std::string(n, 'n')).value(); });
  };
  CHECK(directory(255) >= directory(1) + 200);
}

TEST_CASE("memory: an empty file costs less than 256 bytes beside its name",
          "[api][quota][memory]") {
  constexpr std::uint64_t files = 10'000;
  const std::uint64_t all = cost(storage_layout::automatic, [](any_file_system& fs) {
    for (std::uint64_t i = 0; i < files; ++i) fs.write_file(std::to_string(i), "").value();
  });
  CHECK(all / files < 256 + 32);
}

TEST_CASE("memory: what is kept for reuse counts as free", "[api][quota][memory]") {
  const scenario fs(accounting::memory, {.max_quota = 16 << 20});
  fs.expect_slices();
  for (int i = 0; i < 10; ++i) {
    fs->write_file("/a", xs(3'000'000 + static_cast<std::size_t>(i) * 100'000)).value();
    fs->write_file("/b", xs(1'000'000)).value();
    CHECK(fs.used() + fs.stats().recycled_bytes <= 16 << 20);
    fs->remove("/a").value();
    CHECK(fs.used() + fs.stats().recycled_bytes <= 16 << 20);
    CHECK(fs.stats().free_bytes >= fs.stats().recycled_bytes);
  }
}

TEST_CASE("memory: a volume may keep nothing for reuse", "[api][quota][memory]") {
  const scenario fs(accounting::memory, {.max_quota = 16 << 20, .max_recycled = 0});
  fs.expect_slices();
  fs->write_file("/a", xs(3'000'000)).value();
  fs->remove("/a").value();
  CHECK(fs.stats().recycled_bytes == 0);
}

TEST_CASE("memory: a moved-in buffer is charged by its capacity", "[api][quota][memory]") {
  // A table copies it.
  const scenario fs(accounting::memory,
                    GENERATE(storage_layout::automatic, storage_layout::sequential));
  const auto f = fs->open("/a", open_mode::create).value();
  bytes content;
  content.reserve(100'000);
  content.resize(70'000);
  const std::uint64_t before = fs.used();
  CHECK(f->write(std::move(content)).value() == 70'000);
  CHECK(fs.used() >= before + 100'000);
  f->truncate(0).value();
  CHECK(fs.used() <= before);
}

TEST_CASE("memory: a buffer whose room is hardly used is copied, and charged by its bytes",
          "[api][quota][memory]") {
  const scenario fs(accounting::memory, GENERATE(from_range(layouts)));
  const auto f = fs->open("/a", open_mode::create).value();
  const std::size_t size = GENERATE(1u, 40'000u);
  bytes content;
  content.reserve(1'000'000);
  content.resize(size);
  const std::uint64_t before = fs.used();
  CHECK(f->write(std::move(content)).value() == size);
  CHECK(content.empty());
  f->close().value();
  CHECK(fs.used() - before <= size + size / 20 + 200);
}

TEST_CASE("memory: a moved-in buffer that is cut gives back what is cut off",
          "[api][quota][memory]") {
  constexpr std::size_t size = 5'000'000;
  const scenario fs(accounting::memory, {.max_quota = 2 * size});
  fs.expect_slices();
  auto f = fs->open("/a", open_mode::create).value();
  const std::uint64_t before = fs.used();
  f->write(bytes(size, std::byte{'m'})).value();
  const std::size_t kept = GENERATE(1u, 100'000u, 3'000'000u);
  f->truncate(kept).value();
  f->close().value();
  CHECK(fs.used() - before <= kept + kept / 20 + 300);
  CHECK(fs->read_file("/a").value() == std::string(kept, 'm'));
}

TEST_CASE("memory: the smallest form fits exactly, with one byte less it is refused",
          "[api][quota][memory]") {
  const storage_layout layout = GENERATE(from_range(layouts));
  for (const std::size_t size : {0u, 1u, 100u, 5'000u, 200'000u}) {
    const std::uint64_t exact = cost_of_file(layout, size);
    INFO(size << " bytes cost " << exact);
    volume_options options;
    options.default_storage = layout;
    options.max_quota = exact;
    const auto fits = create_file_system(facade_kind::threads, options).value();
    CHECK(fits->write_file("/a", xs(size)).has_value());
    CHECK(fits->stats().value().free_bytes == 0);
    check_invariants(*fits);
    options.max_quota = exact - 1;
    const auto too_small = create_file_system(facade_kind::coroutines, options).value();
    const error e = error_of(too_small->write_file("/a", xs(size)));
    CHECK(e == errc::quota_exceeded);
    CHECK(e.requested() > e.available());
    check_invariants(*too_small);
  }
}

TEST_CASE("memory: slack gives way, however the file grows", "[api][quota][memory]") {
  const std::size_t piece = GENERATE(1u, 7u, 100u, 4'096u, 30'000u);
  const std::size_t size = piece < 10 ? 5'000 : piece < 10'000 ? 100'000 : 300'000;
  const storage_layout layout = GENERATE(from_range(layouts));
  const scenario fs(accounting::memory, layout, {.max_quota = cost_of_file(layout, size)});
  INFO("pieces of " << piece);
  {
    const auto f = fs->open("/a", open_mode::create).value();
    for (std::size_t done = 0; done < size; done += piece) {
      const std::size_t n = std::min(piece, size - done);
      REQUIRE(f->write(xs(n)).value() == n);
    }
    // Where several chunks are smaller than one, some more fits, but nothing beyond that.
    std::size_t more = 0;
    while (f->write("x")) ++more;
    CHECK(cost_of_file(layout, size + more + 1) > fs.stats().quota_bytes);
  }
  CHECK(fs->read_file("/a").value().substr(0, size) == xs(size));
}

TEST_CASE("memory: slack gives way in a file of many large chunks too", "[api][quota][memory]") {
  const std::size_t size = 3'000'000, piece = 100'000;
  const storage_layout layout = GENERATE(from_range(layouts));
  const scenario fs(accounting::memory, layout, {.max_quota = cost_of_file(layout, size)});
  const auto f = fs->open("/a", open_mode::create).value();
  for (std::size_t done = 0; done < size; done += piece)
    REQUIRE(f->write(xs(piece)).value() == piece);
  CHECK(f->size().value() == size);
}

namespace {

constexpr std::uint64_t gap = 65'536;
constexpr std::size_t sparse_pieces = 200;

void write_sparse(any_file& f) {
  for (std::uint64_t i = 0; i < sparse_pieces; ++i) f.write_at(i * gap, xs(1'000)).value();
}

// The file and what `more` puts behind its pieces, once it is closed.
template <class More>
std::uint64_t cost_of_sparse(storage_layout layout, More more) {
  return cost(layout, [&](any_file_system& fs) {
    const auto f = fs.open("/a", open_mode::create).value();
    write_sparse(*f);
    more(*f);
  });
}

}  // namespace

TEST_CASE("memory: in a sparse file the slack of all its parts gives way", "[api][quota][memory]") {
  const storage_layout layout = GENERATE(storage_layout::automatic, storage_layout::random_access);
  // Where slack gives way there is nothing to wait for.
  const when_full on_full = GENERATE(when_full::reject, when_full::wait);
  const std::uint64_t end = sparse_pieces * gap;
  const auto opened = [&](const scenario& fs) {
    return fs->open("/a", open_mode::create, {.on_full = on_full}).value();
  };
  SECTION("to what is written") {
    const scenario fs(accounting::memory, layout,
                      {.max_quota = cost_of_sparse(layout, [](any_file&) {})});
    const auto f = opened(fs);
    write_sparse(*f);
    CHECK(fs.refusal([&] { return f->write_at(end, xs(1'000)); }) == errc::quota_exceeded);
    CHECK(f->size().value() == end - gap + 1'000);
    f->close().value();
    CHECK(fs.stats().free_bytes == 0);
  }
  const auto append = [](any_file& f) {
    f.seek(0, seek_from::end).value();
    f.write(xs(3'000'000)).value();
  };
  SECTION("to what is written over many blocks") {
    const scenario fs(accounting::memory, layout, {.max_quota = cost_of_sparse(layout, append)});
    fs.expect_slices();
    const auto f = opened(fs);
    write_sparse(*f);
    append(*f);
    CHECK(f->size().value() == end - gap + 3'001'000);
  }
  SECTION("to what is prepared") {
    const scenario fs(accounting::memory, layout, {.max_quota = cost_of_sparse(layout, append)});
    const auto f = opened(fs);
    write_sparse(*f);
    f->seek(0, seek_from::end).value();
    CHECK(fs.refusal([&] { return f->prepare(3'100'000); }) == errc::quota_exceeded);
    CHECK(f->prepare(3'000'000).value().size() == 3'000'000);
    f->commit(3'000'000).value();
    CHECK(f->size().value() == end - gap + 3'001'000);
  }
}

TEST_CASE("memory: a moved-in buffer that does not fit for its spare room is copied",
          "[api][quota][memory]") {
  const storage_layout layout = GENERATE(from_range(layouts));
  const scenario fs(accounting::memory, layout, {.max_quota = cost_of_file(layout, 5'000) + 100});
  const auto f = fs->open("/a", open_mode::create).value();
  bytes content;
  content.reserve(100'000);
  content.resize(5'000);
  CHECK(f->write(std::move(content)).value() == 5'000);
  CHECK(content.empty());
}

TEST_CASE("memory: close gives back slack in front of a moved-in buffer too",
          "[api][quota][memory][close]") {
  const scenario fs(accounting::memory);
  auto f = fs->open("/a", open_mode::create).value();
  while (f->size().value() < 70'000) f->write(xs(100)).value();
  f->write(bytes_of(xs(100))).value();
  const std::uint64_t size = f->size().value();
  f->close().value();
  CHECK(fs.used() <= cost_of_file(fs.layout(), size) + size / 20);
}

TEST_CASE("memory: a preallocation and a growing truncate fit exactly too",
          "[api][quota][memory]") {
  const storage_layout layout = GENERATE(from_range(layouts));
  const scenario fs(accounting::memory, layout, {.max_quota = cost_of_file(layout, 100'000)});
  fs->open("/a", open_mode::create, {.preallocate = 100'000}).value();
  CHECK(fs.stats().free_bytes == 0);
  fs->remove("/a").value();
  const auto f = fs->open("/a", open_mode::create).value();
  f->write(xs(10)).value();
  CHECK(f->truncate(100'000).value() == 100'000);
}

TEST_CASE("memory: whatever mix is written, the quota holds and all is given back",
          "[api][quota][memory]") {
  const scenario fs(accounting::memory, {.max_quota = 500'000});
  std::size_t size = 1;
  for (int i = 0; i < 10'000; ++i) {
    const std::string path = "/" + std::to_string(i);
    size = size * 7 % 10'007;
    const auto f = fs->open(path, open_mode::create);
    if (!f) {
      CHECK(f.error() == errc::quota_exceeded);
      break;
    }
    if (!f.value()->write(xs(size))) f.value()->write(xs(size / 50)).has_value();
    const volume_stats s = fs.stats();
    REQUIRE(s.used_bytes + s.free_bytes == s.quota_bytes);
    REQUIRE(s.used_bytes <= s.quota_bytes);
  }
  CHECK(fs.stats().file_count > 50);
}

TEST_CASE("memory: of the slack in a sparse file as much gives way as is missing",
          "[api][quota][memory]") {
  constexpr std::uint64_t quota = 8'000'000, block = 64 * 1024;
  const scenario fs(accounting::memory, storage_layout::random_access, {.max_quota = quota});
  fs.expect_slices();
  const auto f = fs->open("/a", open_mode::create).value();
  // Each second block is begun at its start, and likely to be filled.
  for (std::uint64_t at = 0; fs.used() + 4 * block < quota; at += 3 * block)
    f->write_at(at, xs(block + 1)).value();
  const std::uint64_t free = quota - fs.used();
  f->write_at(1'000 * block, xs(free)).value();
  CHECK(fs.used() + 3 * block > quota);
  // All of it gives way where it is needed.
  const std::uint64_t size = 2'000'000;
  f->write_at(2'000 * block, xs(size)).value();
  CHECK(fs.used() + 3 * block > quota);
}

TEST_CASE("memory: what replaces a file must fit beside it, though it costs no more",
          "[api][quota][memory]") {
  const std::size_t size = 20'000'000;
  const scenario fs(accounting::memory, {.max_quota = 48'000'000, .max_recycled = 0});
  fs.expect_slices();
  const bool is_copy = GENERATE(true, false);
  if (is_copy) fs->write_file("/a", xs(size)).value();
  fs->write_file("/b", xs(is_copy ? size : 2 * size)).value();
  const std::uint64_t used = fs.used();
  const auto replace = [&] {
    return is_copy ? fs->copy("/a", "/b", if_exists::replace)
                   : fs->import_tree({{"/b", bytes_of(std::string(size, 'y'))}});
  };
  const error e = fs.refusal(replace);
  CHECK(e == errc::quota_exceeded);
  CHECK(e.requested() >= size);
  CHECK(e.available() < size);
  CHECK(fs.used() == used);
  CHECK(fs->read_file("/b").value().substr(0, 10) == xs(10));
  fs->open("/b", open_mode::update).value()->truncate(size / 10).value();
  replace().value();
}

TEST_CASE("memory: overwriting charges nothing", "[api][quota][memory]") {
  const scenario fs(accounting::memory);
  fs->write_file("/a", xs(50'000)).value();
  const auto f = fs->open("/a", open_mode::update).value();
  const std::uint64_t used = fs.used();
  for (std::uint64_t offset = 0; offset < 50'000; offset += 1'000)
    f->write_at(offset, xs(999)).value();
  CHECK(fs.used() == used);
}

}  // namespace coramfs::tests
