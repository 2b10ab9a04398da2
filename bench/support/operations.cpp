// SPDX-License-Identifier: BSL-1.0
#include "support/operations.hpp"

#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/coroutines.hpp"
#include "support/program.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>

#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coramfs::bench {

namespace {

// A volume with a file three components deep, seen through both facades.
struct fixture {
  fixture() {
    blocking.create_directories("/srv/data").value();
    blocking.write_file(path, asio::buffer(std::string(4096, 'x'))).value();
    for (int level = 0; level < 50; ++level) deep_path += "/level_" + std::to_string(level);
    blocking.create_directories(deep_path).value();
    deep_path += "/report.txt";
    blocking.write_file(deep_path, {}).value();
  }

  asio::mutable_buffer piece() { return asio::buffer(bytes_of_piece); }
  file open(open_mode mode) {
    file opened;
    bench::run(context, [&]() -> asio::awaitable<void> {
      auto result = co_await coroutine.open(path, mode);
      opened = std::move(result).value();
    });
    return opened;
  }

  const std::string path = "/srv/data/report.txt", other_path = "/srv/data/report.bak";
  std::string deep_path;
  asio::io_context context{1};
  volume store = volume::create().value();
  sync::file_system blocking{store};
  file_system coroutine{context.get_executor(), store};
  std::array<std::byte, 64> bytes_of_piece{};
  std::array<std::byte, 4096> bytes_of_page{};
};

using shared_fixture = std::shared_ptr<fixture>;
using times = std::size_t;

void open_and_close(fixture& f, times n) {
  for (; n != 0; --n) f.blocking.open(f.path, open_mode::read).value().close().value();
}

asio::awaitable<void> await_open_and_close(fixture& f, times n) {
  for (; n != 0; --n) {
    auto opened = co_await f.coroutine.open(f.path, open_mode::read);
    opened.value().close().value();
  }
}

void open_deep(fixture& f, times n) {
  for (; n != 0; --n) f.blocking.open(f.deep_path, open_mode::read).value().close().value();
}

asio::awaitable<void> await_open_deep(fixture& f, times n) {
  for (; n != 0; --n) {
    auto opened = co_await f.coroutine.open(f.deep_path, open_mode::read);
    opened.value().close().value();
  }
}

void open_to_update(fixture& f, times n) {
  for (; n != 0; --n) f.blocking.open(f.path, open_mode::update).value().close().value();
}

asio::awaitable<void> await_open_to_update(fixture& f, times n) {
  for (; n != 0; --n) {
    auto opened = co_await f.coroutine.open(f.path, open_mode::update);
    opened.value().close().value();
  }
}

void stat(fixture& f, times n) {
  for (; n != 0; --n) f.blocking.stat(f.path).value();
}

asio::awaitable<void> await_stat(fixture& f, times n) {
  for (; n != 0; --n) {
    auto status = co_await f.coroutine.stat(f.path);
    status.value();
  }
}

void exists(fixture& f, times n) {
  for (; n != 0; --n) f.blocking.exists(f.path).value();
}

asio::awaitable<void> await_exists(fixture& f, times n) {
  for (; n != 0; --n) {
    auto answer = co_await f.coroutine.exists(f.path);
    answer.value();
  }
}

void create_and_remove(fixture& f, times n) {
  for (; n != 0; --n) {
    f.blocking.open(f.other_path, open_mode::create).value().close().value();
    f.blocking.remove(f.other_path).value();
  }
}

asio::awaitable<void> await_create_and_remove(fixture& f, times n) {
  for (; n != 0; --n) {
    auto opened = co_await f.coroutine.open(f.other_path, open_mode::create);
    opened.value().close().value();
    auto removed = co_await f.coroutine.remove(f.other_path);
    removed.value();
  }
}

// The whole life of a small file.
void create_and_write(fixture& f, times n) {
  for (; n != 0; --n) {
    auto made = f.blocking.open(f.other_path, open_mode::create);
    made.value().write(asio::buffer(f.bytes_of_page)).value();
    made.value().close().value();
    f.blocking.remove(f.other_path).value();
  }
}

asio::awaitable<void> await_create_and_write(fixture& f, times n) {
  for (; n != 0; --n) {
    auto made = co_await f.coroutine.open(f.other_path, open_mode::create);
    auto written = co_await made.value().write(asio::buffer(f.bytes_of_page));
    written.value();
    made.value().close().value();
    auto removed = co_await f.coroutine.remove(f.other_path);
    removed.value();
  }
}

// A log that grows from nothing, by one handle that stays open and by one for each record.

template <std::size_t Size>
void append_by_one_handle(fixture& f, times n) {
  auto opened = f.blocking.open(f.other_path, open_mode::write);
  for (; n != 0; --n) opened.value().write(asio::buffer(f.bytes_of_page, Size)).value();
}

template <std::size_t Size>
void append_by_many_handles(fixture& f, times n) {
  f.blocking.write_file(f.other_path, {}).value();
  for (; n != 0; --n) {
    auto opened = f.blocking.open(f.other_path, open_mode::append);
    opened.value().write(asio::buffer(f.bytes_of_page, Size)).value();
    opened.value().close().value();
  }
}

// There and back.
void rename(fixture& f, times n) {
  for (; n != 0; --n) {
    f.blocking.rename(f.path, f.other_path).value();
    f.blocking.rename(f.other_path, f.path).value();
  }
}

asio::awaitable<void> await_rename(fixture& f, times n) {
  for (; n != 0; --n) {
    auto there = co_await f.coroutine.rename(f.path, f.other_path);
    there.value();
    auto back = co_await f.coroutine.rename(f.other_path, f.path);
    back.value();
  }
}

asio::awaitable<void> await_ready(fixture&, times n) {
  for (; n != 0; --n) {
    auto answer = co_await ready_coroutine();
    answer.value();
  }
}

asio::awaitable<void> await_post(fixture&, times n) {
  for (; n != 0; --n) co_await bare_post();
}

operation blocking(std::string name, const shared_fixture& f, void (*body)(fixture&, times)) {
  return {std::move(name), [f, body](times n) { body(*f, n); }};
}

operation awaited(std::string name, const shared_fixture& f,
                  asio::awaitable<void> (*body)(fixture&, times)) {
  return {std::move(name), [f, body](times n) { run(f->context, [&] { return body(*f, n); }); }};
}

// The next two keep a file open. They are the work of an open handle, where no lock is taken.

template <class Body>
operation on_blocking_file(std::string name, const shared_fixture& f, open_mode mode, Body body) {
  auto opened = std::make_shared<sync::file>(f->blocking.open(f->path, mode).value());
  return {std::move(name), [f, opened, body](times n) {
            for (; n != 0; --n) body(*opened, f->piece()).value();
          }};
}

template <class Body>
operation on_awaited_file(std::string name, const shared_fixture& f, open_mode mode, Body body) {
  auto opened = std::make_shared<file>(f->open(mode));
  return {std::move(name), [f, opened, body](times n) {
            run(f->context, [&]() -> asio::awaitable<void> {
              for (; n != 0; --n) {
                auto answer = co_await body(*opened, f->piece());
                answer.value();
              }
            });
          }};
}

// A directory of a thousand files, of which each in its turn is removed and made again; and a map
// of their names to records that are allocated one by one and are as large as a small node.
struct thousand {
  thousand() {
    for (int i = 0; i < 1000; ++i) names.push_back("file_" + std::to_string(i) + ".dat");
  }
  std::vector<std::string> names;
};

struct full_directory : thousand {
  full_directory() {
    files.create_directory("/data").value();
    for (std::string& name : names) create(name = "/data/" + name);
  }
  void remove(const std::string& name) { files.remove(name).value(); }
  void create(const std::string& name) {
    files.open(name, open_mode::create).value().close().value();
  }
  sync::file_system files = sync::file_system::create().value();
};

struct full_map : thousand {
  full_map() {
    for (const std::string& name : names) create(name);
  }
  void remove(const std::string& name) { files.erase(name); }
  void create(const std::string& name) { files.emplace(name, std::make_unique<record>()); }

  using record = std::array<std::byte, 160>;
  std::unordered_map<std::string, std::unique_ptr<record>> files;
};

template <class Place>
operation remove_and_create(std::string name, const std::shared_ptr<Place>& place) {
  return {std::move(name), [place, next = std::size_t{0}](times n) mutable {
            for (; n != 0; --n) {
              const std::string& file = place->names[next++ % place->names.size()];
              place->remove(file);
              place->create(file);
            }
          }};
}

constexpr auto read_piece = [](auto& opened, asio::mutable_buffer piece) {
  return opened.read_at(0, piece);
};
constexpr auto write_piece = [](auto& opened, asio::mutable_buffer piece) {
  return opened.write_at(0, piece);
};
constexpr auto pin_piece = [](auto& opened, asio::mutable_buffer piece) {
  return opened.pin(0, piece.size());
};

}  // namespace

std::vector<operation> operations() {
  // Each mode its own volume: a writer keeps all others out of its file.
  const auto f = std::make_shared<fixture>();
  const auto of_reader = std::make_shared<fixture>();
  const auto of_writer = std::make_shared<fixture>();
  const auto of_awaiting_writer = std::make_shared<fixture>();
  const auto of_log = std::make_shared<fixture>();
  const auto in_full_directory = std::make_shared<full_directory>();
  const auto in_full_map = std::make_shared<full_map>();
  return {
      awaited("baseline/ready_coroutine", f, await_ready),
      awaited("baseline/post", f, await_post),
      blocking("open_close/blocking", f, open_and_close),
      awaited("open_close/coroutine", f, await_open_and_close),
      blocking("open_close_deep/blocking", f, open_deep),
      awaited("open_close_deep/coroutine", f, await_open_deep),
      blocking("open_close_update/blocking", f, open_to_update),
      awaited("open_close_update/coroutine", f, await_open_to_update),
      on_blocking_file("read_64/blocking", of_reader, open_mode::read, read_piece),
      on_awaited_file("read_64/coroutine", of_reader, open_mode::read, read_piece),
      on_blocking_file("write_64/blocking", of_writer, open_mode::update, write_piece),
      on_awaited_file("write_64/coroutine", of_awaiting_writer, open_mode::update, write_piece),
      // The same plain function on both kinds of files.
      on_blocking_file("pin_64/blocking", of_reader, open_mode::read, pin_piece),
      blocking("stat/blocking", f, stat),
      awaited("stat/coroutine", f, await_stat),
      blocking("exists/blocking", f, exists),
      awaited("exists/coroutine", f, await_exists),
      blocking("create_remove/blocking", f, create_and_remove),
      awaited("create_remove/coroutine", f, await_create_and_remove),
      remove_and_create("remove_create/blocking", in_full_directory),
      remove_and_create("remove_create/map", in_full_map),
      blocking("create_write_remove/blocking", f, create_and_write),
      awaited("create_write_remove/coroutine", f, await_create_and_write),
      blocking("append_16/open_handle", of_log, append_by_one_handle<16>),
      blocking("append_16/open_write_close", of_log, append_by_many_handles<16>),
      blocking("append_4096/open_handle", of_log, append_by_one_handle<4096>),
      blocking("append_4096/open_write_close", of_log, append_by_many_handles<4096>),
      blocking("rename_twice/blocking", f, rename),
      awaited("rename_twice/coroutine", f, await_rename),
  };
}

void register_operation(const operation& o) {
  benchmark::RegisterBenchmark(o.name.c_str(), [run = o.run](benchmark::State& state) {
    constexpr std::size_t batch = 500;  // one coroutine runs so many
    while (state.KeepRunningBatch(batch)) run(batch);
  });
}

}  // namespace coramfs::bench
