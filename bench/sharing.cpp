// SPDX-License-Identifier: BSL-1.0
//
// What does it cost to have a writable copy of a volume's files, and what does the first write to
// one of them?
//
// Baselines, in the same run: `import_tree` of the same files from a map that is kept, and `cp -r`
// of the same tree on a tmpfs; for a write, the first one to a block that the file has alone.
//
// usage: bench_sharing [DIRECTORY]    with a tmpfs at DIRECTORY, which is /dev/shm without one
#include <coramfs/sync/file_system.hpp>

#include <asio/buffer.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ios>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

using namespace coramfs;

namespace {

namespace disk = std::filesystem;

constexpr int rounds = 5;
constexpr std::uint64_t quota = std::uint64_t{6} << 30;

// The time of this thread on a processor, for others may use the machine.
double thread_seconds(const std::function<void()>& act) {
  const auto now = [] {
    timespec t;
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  };
  const double begin = now();
  act();
  return now() - begin;
}

// The time of a child process on a processor.
double child_seconds(const std::string& command) {
  const auto now = [] {
    rusage used;
    ::getrusage(RUSAGE_CHILDREN, &used);
    const auto of = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return of(used.ru_utime) + of(used.ru_stime);
  };
  const double begin = now();
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command + " has failed");
  return now() - begin;
}

volume new_volume() {
  volume_options o;
  o.max_quota = quota;
  return volume::create(o).value();
}

/// The least time of some rounds, so that the machine's other work is in none of them.
class least {
 public:
  void add(double time) { time_ = time_ == 0 ? time : std::min(time_, time); }
  double time() const { return time_; }

 private:
  double time_ = 0;
};

std::string path_of(int file) {
  return "/" + std::to_string(file / 1000) + "/file" + std::to_string(file);
}

/// What a fork takes where there is nothing to share: the time to make a volume.
double empty_fork() {
  const volume origin = new_volume();
  least fork;
  for (int round = 0; round < 4 * rounds; ++round)
    fork.add(thread_seconds([&] { static_cast<void>(origin.fork().value()); }));
  return fork.time();
}

void fork_files(const disk::path& scratch, int files, std::size_t size, bool has_cp) {
  file_map kept;
  for (int i = 0; i < files; ++i) kept[path_of(i)] = bytes(size, std::byte{'x'});
  const volume origin = new_volume();
  sync::file_system(origin).import_tree(kept).value();

  least fork, by_threads, by_import, by_cp;
  std::uint64_t charged = 0;
  for (int round = 0; round < rounds; ++round) {
    std::optional<volume> made;
    fork.add(thread_seconds([&] { made.emplace(origin.fork().value()); }));
    charged = made->stats().used_bytes;
    made.reset();
    sync::file_system fs(origin);
    by_threads.add(thread_seconds([&] { made.emplace(fs.fork().value()); }));
    made.reset();
    by_import.add(thread_seconds([&] {
      made.emplace(new_volume());
      sync::file_system(*made).import_tree(kept).value();
    }));
  }
  if (has_cp) {
    const disk::path from = scratch / "from", to = scratch / "to";
    for (const auto& [path, content] : kept) {
      const disk::path at = from.native() + path;
      disk::create_directories(at.parent_path());
      std::ofstream(at, std::ios::binary)
          .write(reinterpret_cast<const char*>(content.data()),
                 static_cast<std::streamsize>(content.size()));
    }
    for (int round = 0; round < rounds; ++round) {
      by_cp.add(child_seconds("cp -r '" + from.native() + "' '" + to.native() + "'"));
      disk::remove_all(to);
    }
    disk::remove_all(from);
  }
  const std::uint64_t blocks = origin.stats().chunk_count;
  const double own = fork.time() - empty_fork();
  std::printf(
      "%d x %zu bytes: a fork takes %.3f ms, of which the files %.3f ms: %.0f ns each, %.0f ns a "
      "block; %.0f bytes a file are charged\n",
      files, size, fork.time() * 1e3, own * 1e3, own * 1e9 / files,
      own * 1e9 / static_cast<double>(blocks), static_cast<double>(charged) / files);
  std::printf("  one that may wait             %.2f of it\n", by_threads.time() / fork.time());
  std::printf("  import_tree from a kept map   %.1f of it\n", by_import.time() / fork.time());
  if (has_cp)
    std::printf("  cp -r on a tmpfs              %.1f of it\n", by_cp.time() / fork.time());
}

/// A large file in one volume: all but the blocks is little.
void share_file(storage_layout layout, const char* what) {
  constexpr std::uint64_t size = std::uint64_t{1} << 30, block = 64 * 1024;
  volume_options o;
  o.max_quota = quota;
  o.default_storage = layout;
  const volume v = volume::create(o).value();
  sync::file_system fs(v);
  fs.write_file("/a", asio::buffer(bytes(size, std::byte{'x'}))).value();
  const std::uint64_t chunks = v.stats().chunk_count;
  const std::uint64_t blocks = chunks != 0 ? chunks : size / block;
  least copy, removal;
  for (int round = 0; round < rounds; ++round) {
    copy.add(thread_seconds([&] { fs.copy("/a", "/b", copy_options::content::share).value(); }));
    removal.add(thread_seconds([&] { fs.remove("/b").value(); }));
  }
  std::printf(
      "a shared copy of 1 GiB in %llu blocks of a %s: %.0f us, %.1f ns a block; its removal "
      "%.1f ns a block\n",
      static_cast<unsigned long long>(blocks), what, copy.time() * 1e6,
      copy.time() * 1e9 / static_cast<double>(blocks),
      removal.time() * 1e9 / static_cast<double>(blocks));
}

void first_overwrite() {
  constexpr std::uint64_t block = 64 * 1024, blocks = 1000;
  volume_options o;
  o.max_quota = quota;
  o.default_storage = storage_layout::random_access;
  const volume v = volume::create(o).value();
  sync::file_system fs(v);
  const bytes content(block * blocks, std::byte{'x'});
  fs.write_file("/owned", asio::buffer(content)).value();
  const auto overwrite = [&](const char* path) {
    auto f = fs.open(path, open_mode::update).value();
    return thread_seconds([&] {
      for (std::uint64_t i = 0; i < blocks; ++i)
        f.write_at(i * block + 1, asio::buffer("abc", 3)).value();
    });
  };
  least owned, shared, copied;
  for (int round = 0; round < rounds; ++round) {
    owned.add(overwrite("/owned"));
    fs.copy("/owned", "/shared", copy_options::content::share).value();
    shared.add(overwrite("/shared"));
    fs.remove("/shared").value();
    bytes to(block * blocks);
    copied.add(thread_seconds([&] { std::copy(content.begin(), content.end(), to.begin()); }));
  }
  std::printf(
      "the first write of 3 bytes to each block of 64 KiB: %.0f ns where it is shared, %.0f ns "
      "where it is not; to copy the block takes %.0f ns\n",
      shared.time() * 1e9 / blocks, owned.time() * 1e9 / blocks, copied.time() * 1e9 / blocks);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const disk::path above = argc > 1 ? disk::path(argv[1]) : disk::path("/dev/shm");
    std::string name = (above / "coramfs-XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch directory");
    fork_files(name, 100, 4096, true);
    fork_files(name, 1000, 4096, true);
    fork_files(name, 10'000, 4096, true);
    fork_files(name, 100'000, 4096, false);
    fork_files(name, 1, std::size_t{1} << 30, false);
    share_file(storage_layout::sequential, "chain");
    share_file(storage_layout::random_access, "table");
    first_overwrite();
    disk::remove_all(name);
    return EXIT_SUCCESS;
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
