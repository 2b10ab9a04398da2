// SPDX-License-Identifier: BSL-1.0
//
// How long does a tree of the host take into a volume, and out of it?
//
// Baseline: `cp -r` of the same tree, from and to the same file system, in the same run. The goal
// is at most 1.2 of its time.
//
// usage: bench_host [DIRECTORY]    on the file system of DIRECTORY, or where temporary files are
#include <coramfs/host.hpp>

#include "support/least.hpp"
#include "support/scratch_directory.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ios>
#include <stdexcept>
#include <string>

using namespace coramfs;
using bench::least;

namespace {

namespace disk = std::filesystem;

constexpr int rounds = 3;
constexpr std::uint64_t quota = std::uint64_t{3} << 30;

double seconds(const std::function<void()>& act) {
  const auto begin = std::chrono::steady_clock::now();
  act();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

volume new_volume() { return volume::create({.max_quota = quota}).value(); }

template <class Operation>
void await(volume v, Operation operation) {
  asio::io_context context;
  file_system fs(context, v);
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        const auto done = co_await operation(fs);
        done.value();
      },
      [](std::exception_ptr thrown) {
        if (thrown) std::rethrow_exception(thrown);
      });
  context.run();
}

void make_files(const disk::path& in, int files, std::size_t size) {
  const std::string content(size, 'x');
  for (int i = 0; i < files; ++i) {
    const disk::path dir = in / std::to_string(i / 100);
    disk::create_directories(dir);
    std::ofstream(dir / std::to_string(i), std::ios::binary) << content;
  }
}

void compare(const char* what, const disk::path& scratch, int files, std::size_t size) {
  const disk::path from = scratch / "from", to = scratch / "to";
  make_files(from, files, size);
  const std::string copy = "cp -r '" + from.native() + "' '" + to.native() + "'";
  least by_cp, in, in_awaited, out, out_awaited;
  for (int round = 0; round < rounds; ++round) {
    const auto clear = [&] { disk::remove_all(to); };
    by_cp.add(seconds([&] {
      if (std::system(copy.c_str()) != 0) throw std::runtime_error("cp has failed");
    }));
    clear();
    // Who comes first may have to wait for memory that the other one finds, so they take turns.
    for (const bool is_awaited : {round % 2 == 0, round % 2 != 0}) {
      const volume v = new_volume();
      sync::file_system fs(v);
      if (is_awaited) {
        in_awaited.add(seconds(
            [&] { await(v, [&](file_system& on) { return import_from_host(on, from, "/"); }); }));
        out_awaited.add(seconds(
            [&] { await(v, [&](file_system& on) { return export_to_host(on, "/", to); }); }));
      } else {
        in.add(seconds([&] { import_from_host(fs, from, "/").value(); }));
        out.add(seconds([&] { export_to_host(fs, "/", to).value(); }));
      }
      clear();
    }
  }
  disk::remove_all(from);
  std::printf("%s: cp -r takes %.3f s\n", what, by_cp.time());
  const auto tell = [&](const char* name, const least& l) {
    std::printf("  %-30s %.3f s, %.2f of it\n", name, l.time(), l.time() / by_cp.time());
  };
  tell("import, by a thread", in);
  tell("import, awaited", in_awaited);
  tell("export, by a thread", out);
  tell("export, awaited", out_awaited);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_in_scratch(argc, argv, [](const disk::path& scratch) {
    compare("10,000 x 4 KiB", scratch, 10'000, 4 * 1024);
    compare("1 x 1 GiB", scratch, 1, std::size_t{1} << 30);
  });
}
