// SPDX-License-Identifier: BSL-1.0
//
// How fast is an archive expanded into a volume?
//
// Baselines, in the same run and in turns with it: libarchive with all its formats and filters into
// a map of vectors, from the same memory, and `bsdtar -x` onto the file system of DIRECTORY, where
// it is installed. The goal is at most 1.05 of the former's time of the processor, which checks
// less: that of a gzip it does not verify.
//
// Then, how long others have no turn on the executor, format by format.
//
// usage: bench_archive [DIRECTORY [ARCHIVE]...]    in DIRECTORY, or where temporary files are; of
//                                                  its own archives a tar.gz of 300 MiB and a zip
//                                                  of 20,000 files
#include <coramfs/archive.hpp>

#include "archive_turns.hpp"
#include "support/least.hpp"
#include "support/scratch_directory.hpp"
#include "support/text_maker.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <malloc.h>
#include <sys/resource.h>

using namespace coramfs;
using bench::least;

namespace {

namespace disk = std::filesystem;

constexpr int rounds = 7;
constexpr double most = 1.05;
constexpr std::uint64_t quota = std::uint64_t{3} << 30;

double seconds_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

/// Seconds of the processor's time, since the machine may have others to serve.
double cpu_time(int whose, const std::function<void()>& act) {
  const auto now = [whose] {
    rusage u{};
    ::getrusage(whose, &u);
    return seconds_of(u.ru_utime) + seconds_of(u.ru_stime);
  };
  const double begin = now();
  act();
  return now() - begin;
}

volume new_volume() { return volume::create({.max_quota = quota, .max_nodes = 1 << 20}).value(); }

std::string archive_of(int files, std::size_t size, coramfs::archive_format format) {
  const auto v = new_volume();
  sync::file_system fs(v);
  bench::text_maker texts;
  for (int i = 0; i < files; ++i) {
    const std::string dir = "/in/" + std::to_string(i / 100);
    fs.create_directories(dir).value();
    // Some are longer than others.
    fs.write_text(dir + "/" + std::to_string(i), texts.make(size / 2 + size * (i % 3) / 2)).value();
  }
  create_archive(fs, "/in", "/out", format).value();
  return fs.read_text("/out").value();
}

archive_source source_of(const std::string& archive) {
  return archive_source(std::as_bytes(std::span(archive.data(), archive.size())));
}

std::uint64_t expand_by_thread(const volume& v, const std::string& archive) {
  sync::file_system fs(v);
  return expand_archive(fs, source_of(archive), "/").value().bytes;
}

std::uint64_t expand_awaited(const volume& v, const std::string& archive) {
  asio::io_context context;
  file_system fs(context, v);
  std::uint64_t bytes = 0;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        const auto done = co_await expand_archive(fs, source_of(archive), "/");
        bytes = done.value().bytes;
      },
      [](std::exception_ptr thrown) {
        if (thrown) std::rethrow_exception(thrown);
      });
  context.run();
  return bytes;
}

struct closing {
  void operator()(::archive* a) const noexcept { ::archive_read_free(a); }
};

using file_map = std::map<std::string, std::vector<std::byte>>;

std::uint64_t expand_into_map(file_map& to, const std::string& archive) {
  const std::unique_ptr<::archive, closing> from(::archive_read_new());
  ::archive* const a = from.get();
  const auto require = [a](int code) {
    if (code < ARCHIVE_WARN) throw std::runtime_error(::archive_error_string(a));
    return code;
  };
  ::archive_read_support_filter_all(a);
  ::archive_read_support_format_all(a);
  require(::archive_read_open_memory(a, archive.data(), archive.size()));
  std::uint64_t bytes = 0;
  ::archive_entry* entry = nullptr;
  while (require(::archive_read_next_header(a, &entry)) != ARCHIVE_EOF) {
    if (::archive_entry_filetype(entry) != AE_IFREG) continue;
    std::vector<std::byte>& file = to[::archive_entry_pathname(entry)];
    file.reserve(static_cast<std::size_t>(::archive_entry_size(entry)));
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    while (require(::archive_read_data_block(a, &data, &size, &offset)) != ARCHIVE_EOF) {
      const auto* const first = static_cast<const std::byte*>(data);
      file.insert(file.end(), first, first + size);
    }
    bytes += file.size();
  }
  return bytes;
}

bool has_bsdtar() { return std::system("command -v bsdtar > /dev/null") == 0; }

void compare(const std::string& what, const std::string& archive, const disk::path& scratch) {
  const disk::path file = scratch / "archive", to = scratch / "to";
  std::ofstream(file, std::ios::binary) << archive;
  const std::string bsdtar = "bsdtar -xf '" + file.native() + "' -C '" + to.native() + "'";
  const bool with_bsdtar = has_bsdtar();
  least by_thread, awaited, into_map, onto_disk;
  std::uint64_t bytes = 0;
  const auto check = [&](std::uint64_t found) {
    if (bytes == 0) bytes = found;
    if (found != bytes) throw std::runtime_error("they expand it to different sizes");
  };
  const auto ours = [&](least& time, auto expand) {
    const volume v = new_volume();
    ::malloc_trim(0);
    time.add(cpu_time(RUSAGE_SELF, [&] { check(expand(v, archive)); }));
  };
  for (int round = 0; round < rounds; ++round) {
    ours(by_thread, expand_by_thread);
    {
      file_map files;
      // A volume gives back to the system what it had, and the allocator does not.
      ::malloc_trim(0);
      into_map.add(cpu_time(RUSAGE_SELF, [&] { check(expand_into_map(files, archive)); }));
    }
    ours(awaited, expand_awaited);
    if (with_bsdtar) {
      disk::create_directory(to);
      onto_disk.add(cpu_time(RUSAGE_CHILDREN, [&] {
        if (std::system(bsdtar.c_str()) != 0) throw std::runtime_error("bsdtar has failed");
      }));
      disk::remove_all(to);
    }
  }
  std::printf("%s: %.1f MiB, and %.1f MiB of content; the best of %d\n", what.c_str(),
              static_cast<double>(archive.size()) / (1 << 20),
              static_cast<double>(bytes) / (1 << 20), rounds);
  const auto tell = [&](const char* name, const least& l) {
    std::printf("  %-32s %.3f s, %.2f of the map\n", name, l.time(), l.time() / into_map.time());
  };
  tell("libarchive into a map of vectors", into_map);
  if (with_bsdtar) tell("bsdtar -x onto the disk", onto_disk);
  for (const auto& [name, time] :
       {std::pair("a volume, by a thread", by_thread), std::pair("a volume, awaited", awaited)}) {
    tell(name, time);
    std::printf("    at most %.2f: %s\n", most,
                time.time() <= most * into_map.time() ? "reached" : "MISSED");
  }
}

std::string content_of(const char* path) {
  std::ifstream from(path, std::ios::binary);
  if (!from) throw std::runtime_error(std::string(path) + " can not be read");
  return std::string(std::istreambuf_iterator<char>(from), {});
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_in_scratch(argc, argv, [&](const disk::path& scratch) {
    for (int i = 2; i < argc; ++i) {
      const std::string archive = content_of(argv[i]);
      compare(argv[i], archive, scratch);
      bench::tell_turns(argv[i], archive);
    }
    if (argc > 2) return;
    compare("300 MiB as tar.gz", archive_of(3'000, 100 << 10, coramfs::archive_format::tar_gz),
            scratch);
    compare("20,000 files as zip", archive_of(20'000, 4 << 10, coramfs::archive_format::zip),
            scratch);
    bench::tell_turns("65,000 files as zip", archive_of(65'000, 100, coramfs::archive_format::zip));
    bench::tell_turns_of_formats(scratch);
  });
}
