// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include "shared/size_option.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace etl_staging {

namespace {

constexpr std::size_t most_writers = 1024, most_threads = 64, most_partitions = 256;
constexpr std::int64_t longest_lock_timeout = 24 * 60 * 60 * std::int64_t{1000};

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

void add_count(CLI::App& app, const char* name, std::size_t& count, std::size_t most,
               const std::string& meaning) {
  app.add_option(name, count, meaning + ", 1 to " + std::to_string(most))
      ->check(CLI::Range(std::size_t{1}, most))
      ->option_text("N [" + std::to_string(count) + ']');
}

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  settings s;
  std::vector<std::string> inputs;
  std::int64_t lock_timeout = s.lock_timeout.count();
  CLI::App app(description, "etl_staging");
  app.footer(footer);
  app.add_option("LIST", inputs, "A file as md5sum(1) writes it, or a directory with *.md5sums")
      ->check(CLI::ExistingPath)
      ->option_text("... [" + s.inputs.front().string() + ']');
  add_count(app, "--writers", s.writers, most_writers, "Coroutines that write at a time");
  add_count(app, "--threads", s.threads, most_threads, "Threads that run them");
  add_count(app, "--partitions", s.partitions, most_partitions, "Files that they append to");
  shared::add_quota(app, s.quota, "256MiB");
  app.add_option("--lock-timeout", lock_timeout, "How long a writer waits for a partition")
      ->check(CLI::Range(std::int64_t{0}, longest_lock_timeout))
      ->option_text("MILLISECONDS [" + std::to_string(lock_timeout) + ']');
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  if (!inputs.empty()) s.inputs.assign(inputs.begin(), inputs.end());
  s.lock_timeout = std::chrono::milliseconds(lock_timeout);
  return s;
}

}  // namespace etl_staging
