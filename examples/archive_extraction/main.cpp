// SPDX-License-Identifier: BSL-1.0
//
// Expands archives in memory, as a whole and while they arrive, and compares each file with what
// dpkg-deb, unzip, 7z and tar make of them. `--help` says what it can do.
#include "command_line.hpp"
#include "comparison.hpp"
#include "extraction.hpp"
#include "host.hpp"

#include <coramfs/blocking_pool.hpp>
#include <coramfs/sync/file_system.hpp>
#include <coramfs/volume.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <variant>

namespace archive_extraction {

namespace {

constexpr int name_width = 34;

void print_head() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // each row when it is known
  std::printf("%-*s %7s %12s %7s %9s %9s  %-8s %s\n", name_width, "archive", "files", "bytes",
              "skipped", "whole ms", "arriving", "compared", "differ");
}

/// What has become of one archive: each file of it is looked at in both trees.
class trial {
 public:
  trial(const settings& s, std::filesystem::path archive)
      : archive_(std::move(archive)),
        volume_(coramfs::volume::create({.max_quota = s.quota}).value()) {
    // Links are no files, and a volume has none.
    options_.unsafe = coramfs::unsafe_entries::skip;
    options_.pool = &pool_;
  }

  /// Returns how many files differ.
  std::size_t run() {
    asio::io_context context;
    asio::co_spawn(context, expand(context), [](std::exception_ptr thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
    context.run();
    const scratch folder;
    const std::string program = expand_with_program(archive_, folder.path());
    std::vector<std::string> all;
    if (!program.empty()) {
      coramfs::sync::file_system files(volume_);
      all = differences(files, "/whole", folder.path());
      if (arriving_) {
        const auto others = differences(files, "/arriving", folder.path());
        all.insert(all.end(), others.begin(), others.end());
      }
    }
    print(program, all);
    return all.size();
  }

 private:
  asio::awaitable<void> expand(asio::io_context& context) {
    coramfs::file_system files(context, volume_);
    const std::string source = co_await load(files, archive_, options_);
    whole_ = co_await expand_whole(files, source, "/whole", options_);
    arriving_ = co_await expand_while_arriving(files, source, "/arriving", options_);
  }

  void print(const std::string& program, const std::vector<std::string>& different) const {
    const std::string name = archive_.filename().string().substr(0, name_width);
    const std::string arriving =
        arriving_ ? std::to_string(static_cast<long>(arriving_->taken.count())) : "no";
    std::printf("%-*s %7llu %12llu %7llu %9ld %9s  %-8s %zu\n", name_width, name.c_str(),
                static_cast<unsigned long long>(whole_.done.files),
                static_cast<unsigned long long>(whole_.done.bytes),
                static_cast<unsigned long long>(whole_.done.skipped),
                static_cast<long>(whole_.taken.count()), arriving.c_str(),
                program.empty() ? "-" : program.c_str(), different.size());
    for (std::size_t i = 0; i < std::min<std::size_t>(different.size(), 5); ++i)
      std::printf("  %s\n", different[i].c_str());
  }

  const std::filesystem::path archive_;
  const coramfs::volume volume_;
  coramfs::blocking_pool pool_;
  coramfs::expand_options options_;
  expansion whole_;
  std::optional<expansion> arriving_;
};

// Whether all archives were expanded, and to what others make of them.
bool run_all(const settings& s) {
  const scratch made;
  auto archives = s.archives;
  if (archives.empty()) archives = some_archives(s.packages, s.most, s.directory, made.path());
  print_head();
  std::size_t different = 0, failed = 0;
  for (const std::filesystem::path& archive : archives) {
    // What becomes of one says nothing about the others.
    try {
      different += trial(s, archive).run();
    } catch (const std::exception& e) {
      ++failed;
      std::cerr << "archive_extraction: " << archive.string() << ": " << e.what() << '\n';
    }
  }
  std::printf("archives  %zu\nfailed  %zu\ndifferent files  %zu\n", archives.size(), failed,
              different);
  return failed == 0 && different == 0;
}

}  // namespace

}  // namespace archive_extraction

int main(int argc, char** argv) {
  using namespace archive_extraction;
  try {
    const auto parsed = parse_command_line(argc, argv);
    if (const int* status = std::get_if<int>(&parsed)) return *status;
    return run_all(std::get<settings>(parsed)) ? exit_ok : exit_failure;
  } catch (const std::exception& e) {
    std::cerr << "archive_extraction: " << e.what() << '\n';
    return exit_failure;
  }
}
