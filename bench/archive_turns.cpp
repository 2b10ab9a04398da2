// SPDX-License-Identifier: BSL-1.0
#include "archive_turns.hpp"

#include <coramfs/archive.hpp>

#include "support/text_maker.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <ios>
#include <iterator>
#include <string>
#include <vector>

#include <time.h>

namespace coramfs::bench {

namespace {

constexpr int rounds = 5;

/// Seconds of this thread's time of the processor.
double now() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

/// The turns of an expansion: of the same turn the least time of all rounds counts, so that the
/// machine's other work is in none of them.
class turns {
 public:
  void run(const std::string& archive, blocking_pool* pool) {
    const volume v =
        volume::create({.max_quota = std::uint64_t{3} << 30, .max_nodes = 1 << 20}).value();
    sync::file_system(v).write_text("/archive", archive).value();
    asio::io_context context;
    const file_system fs(context, v);
    expand_options options;
    options.pool = pool;
    const archive_source from = archive_source::in_volume("/archive");
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
          const auto done = co_await expand_archive(fs, from, "/to", options);
          done.value();
        },
        [](std::exception_ptr thrown) {
          if (thrown) std::rethrow_exception(thrown);
        });
    for (std::size_t i = 0;; ++i) {
      const std::uint64_t used = v.stats().used_bytes;
      const double begin = now();
      if (context.run_one() == 0) return;
      const double time = now() - begin;
      const std::uint64_t brought = v.stats().used_bytes;
      if (brought > used) most_brought_ = std::max(most_brought_, brought - used);
      if (i == times_.size()) times_.push_back(time);
      times_[i] = std::min(times_[i], time);
    }
  }

  void tell(const char* where) const {
    const auto longest = std::max_element(times_.begin(), times_.end());
    std::printf("    %-14s %5zu turns, the longest %7.3f ms (number %td), at most %5.0f KiB\n",
                where, times_.size(), *longest * 1e3, longest - times_.begin(),
                static_cast<double>(most_brought_) / 1024);
  }

 private:
  std::vector<double> times_;
  std::uint64_t most_brought_ = 0;
};

std::string content_of(const std::filesystem::path& path) {
  std::ifstream from(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(from), {});
}

}  // namespace

void tell_turns(const std::string& name, const std::string& archive) {
  std::printf("  %s, %.1f MiB\n", name.c_str(), static_cast<double>(archive.size()) / (1 << 20));
  blocking_pool pool(1);
  for (const bool has_pool : {false, true}) {
    turns all;
    for (int i = 0; i < rounds; ++i) all.run(archive, has_pool ? &pool : nullptr);
    all.tell(has_pool ? "with a pool" : "without one");
  }
}

void tell_turns_of_formats(const std::filesystem::path& scratch) {
  constexpr std::size_t size = std::size_t{16} << 20;
  struct format {
    const char *name, *command;
  };
  constexpr format formats[] = {
      {"tar", "cat in.tar > out"},
      {"tar.gz", "gzip < in.tar > out"},
      {"tar.bz2", "bzip2 < in.tar > out"},
      {"tar.xz", "xz < in.tar > out"},
      {"tar.lz", "lzip < in.tar > out"},
      {"tar.zst, level 3", "zstd -q -3 < in.tar > out"},
      {"tar.zst, level 19", "zstd -q -19 < in.tar > out"},
      {"tar.zst, level 22", "zstd -q --ultra -22 < in.tar > out"},
      {"tar.lz4", "lz4 -q < in.tar > out"},
      {"tar.lz4 in small blocks", "lz4 -q -B4 < in.tar > out"},
      {"zip, stored", "zip -q -0 - in > out"},
      {"zip, deflated", "zip -q out.zip in && mv out.zip out"},
      {"zip, bzip2", "7z a -tzip -mm=BZip2 out.zip in > log && mv out.zip out"},
      {"zip, lzma", "7z a -tzip -mm=LZMA out.zip in > log && mv out.zip out"},
      {"zip, ppmd", "7z a -tzip -mm=PPMd out.zip in > log && mv out.zip out"},
      {"7z, lzma2", "7z a -m0=LZMA2 out.7z in > log && mv out.7z out"},
      {"7z, bzip2", "7z a -m0=BZip2 out.7z in > log && mv out.7z out"},
      {"7z, ppmd", "7z a -m0=PPMd out.7z in > log && mv out.7z out"},
  };
  std::ofstream(scratch / "in", std::ios::binary) << text_maker().make(size);
  const std::string before = "cd '" + scratch.native() + "' && ";
  if (std::system((before + "tar cf in.tar in").c_str()) != 0) return;
  for (const format& f : formats) {
    const std::string command = before + "rm -f out out.* && " + f.command + " 2> log";
    if (std::system(command.c_str()) != 0) {
      std::printf("  %s: there is no program that writes it\n", f.name);
      continue;
    }
    tell_turns(f.name, content_of(scratch / "out"));
  }
}

}  // namespace coramfs::bench
