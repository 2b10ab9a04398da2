// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

namespace etl_staging {

namespace {

constexpr std::chrono::milliseconds longest_lock_timeout = std::chrono::hours(24);

constexpr char description[] =
    "Extracts, transforms and loads lists of files and their digests, in memory.\n"
    "\n"
    "Many writers read the lists, sort the records by digest into partitions, and append\n"
    "to the partitions' files in a staging directory. Readers check what is staged, and\n"
    "find the contents that several files have. If all equals what is counted straight\n"
    "from the lists, the directory is published by one rename; else nothing is.\n";

constexpr char footer[] =
    "Examples:\n"
    "  etl_staging\n"
    "  etl_staging --writers 200 --partitions 4\n"
    "  md5sum $(find ~ -type f) > sums; etl_staging sums\n"
    "\n"
    "Exit status:\n"
    "  0  what was counted in the volume is right, and published\n"
    "  1  it is not right, it was refused by the quota, a lock was not had in time, a\n"
    "     list could not be read, or the volume was not empty after all was removed\n"
    "  2  the command line is wrong\n"
    "  130 after Ctrl-C";

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  settings s;
  shared::command_line line("etl_staging", description, footer);
  line.paths("LIST", s.inputs, "A file as md5sum(1) writes it, or a directory with *.md5sums");
  line.number("--writers", s.writers, std::size_t{1}, std::size_t{1024},
              "Coroutines that write at a time, 1 to 1024");
  line.number("--threads", s.threads, std::size_t{1}, std::size_t{64},
              "Threads that run them, 1 to 64");
  line.number("--partitions", s.partitions, std::size_t{1}, std::size_t{256},
              "Files that they append to, 1 to 256");
  line.quota(s.quota, "256MiB");
  line.duration("--lock-timeout", "MILLISECONDS", s.lock_timeout, std::chrono::milliseconds(0),
                longest_lock_timeout, "How long a writer waits for a partition");
  if (const auto status = line.parse(argc, argv)) return *status;
  return s;
}

}  // namespace etl_staging
