// SPDX-License-Identifier: BSL-1.0
//
// Says what becomes of one archive, as a row of a table: of its list, of its expansion as it is,
// and of one that leaves out what is not safe. Ends with another status if the volume's books do
// not balance, or if the process has had more memory than the quota, the decoder's budget and 16
// MiB.
//
// usage: odd_archive common|all FILE
#include <coramfs/archive.hpp>

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sys/resource.h>

using namespace coramfs;

namespace {

constexpr std::uint64_t mib = 1 << 20, quota = 64 * mib, slack = 16 * mib;

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

std::string name_of(const error& e) {
  std::ostringstream text;
  text << e.code().message();
  return text.str();
}

void check(const volume& v) {
  const volume_stats s = v.stats();
  require(s.used_bytes <= s.quota_bytes && s.used_bytes + s.free_bytes == s.quota_bytes,
          "used and free are the quota");
  require(s.open_handles == 0 && s.pins == 0 && s.waiting == 0, "no handle is left");
  sync::file_system fs(v);
  std::uint64_t files = 0, directories = 1;
  for (const walk_entry& e : fs.walk("/").value()) {
    files += e.files.size();
    directories += e.directories.size();
    // All of it can be read.
    for (const std::string& name : e.files) {
      const std::string path = (e.path == "/" ? e.path : e.path + "/") + name;
      if (fs.stat(path).value().size <= quota) fs.read_file(path).value();
    }
  }
  require(files == s.file_count && directories == s.directory_count, "all nodes can be reached");
}

/// What an expansion has done, and that it has left nothing if it has failed.
std::string expand(const archive_source& from, expand_options options, unsafe_entries how) {
  options.unsafe = how;
  const auto v = volume::create({.max_quota = quota}).value();
  sync::file_system fs(v);
  std::ostringstream text;
  const auto done = expand_archive(fs, from, "/to", options);
  check(v);
  if (done) {
    text << done.value().files << " files, " << done.value().bytes << " bytes";
    if (done.value().skipped > 0) text << ", " << done.value().skipped << " left out";
    fs.remove_tree("/to").value();
  } else {
    text << name_of(done.error());
  }
  const volume_stats s = v.stats();
  require(s.used_bytes == 0 && s.file_count == 0 && s.directory_count == 1, "nothing is left");
  // What is streamed is the same, but that what came before a failure stays.
  const auto streamed = volume::create({.max_quota = quota}).value();
  sync::file_system to(streamed);
  const auto count = expand_archive_streaming(to, from, "/to", options);
  check(streamed);
  require(count.has_value() == done.has_value(), "streaming succeeds where the other does");
  if (done) require(count.value() == done.value().files, "streaming makes as many files");
  return text.str();
}

std::string list(const archive_source& from, const expand_options& options) {
  const auto v = volume::create({.max_quota = quota}).value();
  sync::file_system fs(v);
  const auto entries = list_archive(fs, from, options);
  check(v);
  require(v.stats().used_bytes == 0, "a list leaves nothing");
  if (!entries) return name_of(entries.error());
  return std::to_string(entries.value().size()) + " entries";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 3) throw std::runtime_error("usage: odd_archive common|all FILE");
    expand_options options;
    const bool is_common = argv[1] == std::string_view("common");
    options.formats = is_common ? archive_formats::common : archive_formats::all;
    const archive_source from = archive_source::on_host(argv[2]);
    std::cout << list(from, options) << " | " << expand(from, options, unsafe_entries::refuse)
              << " | " << expand(from, options, unsafe_entries::skip) << '\n';
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto most = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
    // What others than the common decoders take is not known ahead.
    require(!is_common || most <= quota + options.max_decoder_memory + slack,
            "no more memory than there may be");
    return EXIT_SUCCESS;
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
