// SPDX-License-Identifier: BSL-1.0
//
// Does the cost of an operation stay what it is as volumes grow?
//
//   open_in_directory    open and close of random files, of 1,000 to 1,000,000 in a directory;
//                        beside it a find in a `std::unordered_map` as large
//   read_in_file         4 KiB read at random, in a file of 1 MiB to 1 GiB, 8 GiB with --large;
//                        beside it a copy out of a `std::vector` as large
//   read_in_sparse_file  likewise, in a file of up to 8 GiB that is mostly a hole
//   open_beside_handles  open and close of a file, while 1 to 10,000 others are open
//   threads_apart        open, read and close by each of one or two threads of a file of its own in
//                        a directory of its own
//   threads_one_directory, threads_one_file
//                        likewise, where the threads' files lie in one directory, or are one
//   threads_create_remove  likewise by one to eight threads, a file made and removed, each in a
//                        directory of its own; beside it in a map with a mutex
//   threads_stream       likewise, files written and read; beside it copies within memory of the
//                        threads' own, which is what the machine can do
//   empty_files          bytes that an empty file takes beside its name: what the volume charges,
//                        and what malloc has given out
#include <coramfs/sync/file_system.hpp>

#include "support/program.hpp"

#include <asio/buffer.hpp>

#include <malloc.h>

#include <algorithm>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace coramfs::bench {

namespace {

constexpr std::size_t kilo = 1024, mega = kilo * kilo;
constexpr std::size_t page = 4 * kilo;

sync::file_system large_volume(storage_layout layout = storage_layout::automatic) {
  volume_options options;
  options.max_quota = std::uint64_t{16} << 30;
  options.default_storage = layout;
  return sync::file_system::create(options).value();
}

// Made at the first use, and kept for the other repetitions, which come in any order.
template <class Made>
Made& kept(std::size_t number) {
  static std::map<std::size_t, Made> all;
  return all.try_emplace(number, number).first->second;
}

std::string file_name(std::size_t i) { return "/data/file_" + std::to_string(i) + ".dat"; }

// Random, but the same for all.
std::vector<std::size_t> random_numbers(std::size_t below) {
  std::mt19937_64 random(1);
  std::vector<std::size_t> numbers(scaled(1 << 16, 16));
  for (std::size_t& n : numbers) n = random() % below;
  return numbers;
}

std::vector<std::string> random_names(std::size_t count) {
  std::vector<std::string> names;
  for (const std::size_t n : random_numbers(count)) names.push_back(file_name(n));
  return names;
}

// Runs `body` with one after the other of `choices`, for ever.
template <class Choices, class Body>
void choose(benchmark::State& state, const Choices& choices, Body body) {
  auto next = choices.begin();
  for (auto _ : state) {
    body(*next);
    if (++next == choices.end()) next = choices.begin();
  }
}

struct full_directory {
  explicit full_directory(std::size_t count) : names(random_names(count)) {
    files.create_directory("/data").value();
    for (std::size_t i = 0; i < count; ++i)
      files.open(file_name(i), open_mode::create).value().close().value();
  }
  sync::file_system files = large_volume();
  std::vector<std::string> names;
};

struct full_map {
  explicit full_map(std::size_t count) : names(random_names(count)) {
    for (std::size_t i = 0; i < count; ++i) files[file_name(i)];
  }
  std::unordered_map<std::string, bytes> files;
  std::vector<std::string> names;
};

void open_in_directory(benchmark::State& state, std::size_t count) {
  auto& made = kept<full_directory>(count);
  choose(state, made.names, [&](const std::string& name) {
    made.files.open(name, open_mode::read).value().close().value();
  });
}

void find_in_map(benchmark::State& state, std::size_t count) {
  auto& made = kept<full_map>(count);
  choose(state, made.names, [&](const std::string& name) {
    benchmark::DoNotOptimize(made.files.find(name)->second.data());
  });
}

struct full_file {
  explicit full_file(std::size_t megas) : offsets(random_numbers(megas * mega - page)) {
    const bytes piece(mega, std::byte{'x'});
    auto f = files.open("/file", open_mode::write).value();
    for (std::size_t i = 0; i < megas; ++i) f.write(asio::buffer(piece)).value();
  }
  sync::file_system files = large_volume();
  std::vector<std::size_t> offsets;
};

// A page in each 1,024th of it, where the reads go.
struct sparse_file {
  explicit sparse_file(std::size_t megas) : offsets(random_numbers(kilo)) {
    const bytes piece(page, std::byte{'x'});
    for (std::size_t& offset : offsets) offset *= megas * mega / kilo / page * page;
    auto f = files.open("/file", open_mode::write).value();
    for (const std::size_t offset : offsets) f.write_at(offset, asio::buffer(piece)).value();
  }
  sync::file_system files = large_volume(storage_layout::random_access);
  std::vector<std::size_t> offsets;
};

struct full_vector {
  explicit full_vector(std::size_t megas)
      : content(megas * mega, std::byte{'x'}), offsets(random_numbers(megas * mega - page)) {}
  bytes content;
  std::vector<std::size_t> offsets;
};

template <class Made>
void read_in_file(benchmark::State& state, std::size_t megas) {
  auto& made = kept<Made>(megas);
  auto f = made.files.open("/file", open_mode::read).value();
  bytes to(page);
  choose(state, made.offsets,
         [&](std::size_t offset) { f.read_at(offset, asio::buffer(to)).value(); });
}

void copy_from_vector(benchmark::State& state, std::size_t megas) {
  auto& made = kept<full_vector>(megas);
  bytes to(page);
  choose(state, made.offsets, [&](std::size_t offset) {
    std::copy_n(&made.content[offset], to.size(), to.begin());
    benchmark::ClobberMemory();
  });
}

struct open_handles {
  explicit open_handles(std::size_t count) {
    files.create_directory("/data").value();
    for (std::size_t i = 0; i < count; ++i)
      held.push_back(files.open(file_name(i), open_mode::write).value());
    files.write_file("/data/other", {}).value();
  }
  sync::file_system files = large_volume();
  std::vector<sync::file> held;
};

void open_beside_handles(benchmark::State& state, std::size_t count) {
  auto& made = kept<open_handles>(count);
  for (auto _ : state) made.files.open("/data/other", open_mode::read).value().close().value();
}

// `work(i)` makes what thread i does, which is then called `times` times in all threads at once.
// The time is that of one call as seen from outside, so two threads can halve it.
template <class Work>
void in_threads(benchmark::State& state, std::size_t threads, std::size_t times, Work work) {
  for (auto _ : state) {
    clock::time_point begin;
    std::barrier start(std::ptrdiff_t(threads), [&]() noexcept { begin = clock::now(); });
    std::vector<std::thread> all;
    for (std::size_t i = 0; i < threads; ++i)
      all.emplace_back([&, i] {
        auto once = work(i);
        start.arrive_and_wait();
        for (std::size_t n = 0; n < times; ++n) once();
      });
    for (std::thread& t : all) t.join();
    const std::chrono::duration<double> took = clock::now() - begin;
    state.SetIterationTime(took.count() / double(times * threads));
  }
}

void threads_open_read(benchmark::State& state, std::size_t threads,
                       std::string (*path_of)(std::size_t)) {
  auto files = large_volume();
  for (std::size_t i = 0; i < threads; ++i) {
    const std::string path = path_of(i);
    files.create_directories(path.substr(0, path.rfind('/'))).value();
    files.write_file(path, asio::buffer(bytes(page))).value();
  }
  in_threads(state, threads, scaled(300'000, 10), [&](std::size_t i) {
    return [&files, path = path_of(i), to = bytes(page)]() mutable {
      auto f = files.open(path, open_mode::read).value();
      f.read(asio::buffer(to)).value();
    };
  });
}

void threads_apart(benchmark::State& state, std::size_t threads) {
  threads_open_read(state, threads,
                    [](std::size_t i) { return "/data_" + std::to_string(i) + "/file.dat"; });
}

void threads_one_directory(benchmark::State& state, std::size_t threads) {
  threads_open_read(state, threads, file_name);
}

void threads_one_file(benchmark::State& state, std::size_t threads) {
  threads_open_read(state, threads, [](std::size_t) { return file_name(0); });
}

void threads_create_remove(benchmark::State& state, std::size_t threads) {
  auto files = large_volume();
  in_threads(state, threads, scaled(10'000, 10), [&](std::size_t i) {
    const std::string directory = "/data_" + std::to_string(i);
    files.create_directories(directory).value();
    return [&files, path = directory + "/file.dat"] {
      files.open(path, open_mode::create).value().close().value();
      files.remove(path).value();
    };
  });
}

void threads_create_remove_in_map(benchmark::State& state, std::size_t threads) {
  std::unordered_map<std::string, bytes> files;
  std::mutex mutex;
  in_threads(state, threads, scaled(10'000, 10), [&](std::size_t i) {
    return [&, path = "/data_" + std::to_string(i) + "/file.dat"] {
      {
        const std::lock_guard lock(mutex);
        files[path];
      }
      const std::lock_guard lock(mutex);
      files.erase(path);
    };
  });
}

void threads_stream(benchmark::State& state, std::size_t threads) {
  auto files = large_volume();
  in_threads(state, threads, scaled(4000, 1), [&](std::size_t i) {
    const std::string path = "/file_" + std::to_string(i);
    return [&files, path, piece = bytes(64 * kilo)]() mutable {
      auto f = files.open(path, open_mode::write).value();
      for (int n = 0; n < 16; ++n) f.write(asio::buffer(piece)).value();
      f.close().value();
      f = files.open(path, open_mode::read).value();
      for (int n = 0; n < 16; ++n) f.read(asio::buffer(piece)).value();
    };
  });
}

void threads_copy(benchmark::State& state, std::size_t threads) {
  in_threads(state, threads, scaled(8000, 1), [](std::size_t) {
    return [from = bytes(mega), to = bytes(mega)]() mutable {
      std::copy(from.begin(), from.end(), to.begin());
      benchmark::ClobberMemory();
    };
  });
}

double taken_from_malloc() {
  const auto info = ::mallinfo2();
  return double(info.uordblks + info.hblkhd);
}

void empty_files(benchmark::State& state, std::size_t count) {
  for (auto _ : state) {
    auto files = large_volume();
    files.create_directory("/data").value();
    const double charged = double(files.get_volume().stats().used_bytes);
    const double taken = taken_from_malloc();
    std::size_t names = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string path = file_name(i);
      names += path.size() - std::string_view("/data/").size();
      files.open(path, open_mode::create).value().close().value();
    }
    const auto of_one = [&](double bytes) { return (bytes - double(names)) / double(count); };
    state.counters["charged_bytes"] =
        of_one(double(files.get_volume().stats().used_bytes) - charged);
    state.counters["taken_bytes"] = of_one(taken_from_malloc() - taken);
  }
}

using body = void (*)(benchmark::State&, std::size_t);

benchmark::internal::Benchmark* add(const std::string& name, std::size_t number, body b) {
  // The name keeps the normal number also where a test makes it smaller.
  const std::size_t scaled_number = scaled(number, std::min<std::size_t>(number, 10));
  return benchmark::RegisterBenchmark(
      (name + "/" + std::to_string(number)).c_str(),
      [b, scaled_number](benchmark::State& state) { b(state, scaled_number); });
}

void register_directories() {
  for (const std::size_t count : {1'000, 10'000, 100'000, 1'000'000}) {
    add("open_in_directory", count, open_in_directory);
    add("find_in_map", count, find_in_map);
  }
  for (const std::size_t count : {1, 10, 100, 1'000, 10'000})
    add("open_beside_handles", count, open_beside_handles);
  add("empty_files", 1'000'000, empty_files)->Iterations(1)->Unit(benchmark::kMillisecond);
}

void register_file_sizes() {
  std::vector<std::size_t> sizes = {1, 16, 256, 1024};
  if (chosen_size() == size::large) sizes.push_back(8 * 1024);
  for (const std::size_t megas : sizes) {
    add("read_in_file", megas, read_in_file<full_file>);
    add("copy_from_vector", megas, copy_from_vector);
  }
  for (const std::size_t megas : {16, 256, 1024, 8 * 1024})
    add("read_in_sparse_file", megas, read_in_file<sparse_file>);
}

void register_threads() {
  const auto add_all = [](const char* name, body b, std::initializer_list<std::size_t> counts) {
    for (const std::size_t threads : counts)
      add(name, threads, b)->UseManualTime()->Iterations(5)->Unit(benchmark::kMicrosecond);
  };
  add_all("threads_apart", threads_apart, {1, 2});
  add_all("threads_one_directory", threads_one_directory, {1, 2});
  add_all("threads_one_file", threads_one_file, {1, 2});
  add_all("threads_create_remove", threads_create_remove, {1, 2, 8});
  add_all("threads_create_remove_in_map", threads_create_remove_in_map, {1, 2, 8});
  add_all("threads_stream", threads_stream, {1, 2});
  add_all("threads_copy", threads_copy, {1, 2});
}

}  // namespace

void register_cases() {
  register_directories();
  register_file_sizes();
  register_threads();
}

}  // namespace coramfs::bench
