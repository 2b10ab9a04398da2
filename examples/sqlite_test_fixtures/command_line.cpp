// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

namespace sqlite_test_fixtures {

namespace {

constexpr char description[] =
    "A database for each test, from one that was made once.\n"
    "\n"
    "A catalogue of the files below a directory is made in a volume. Then tests change it, each\n"
    "on a database of its own, which is a fork of the volume, a copy in it that shares the\n"
    "content, SQLite's own memory with a copy of the bytes, a copied file, and a dump that is\n"
    "loaded. All of them have to come to the same, and a chart shows what each way takes for a\n"
    "test.\n";

constexpr char footer[] =
    "Examples:\n"
    "  sqlite_test_fixtures\n"
    "  sqlite_test_fixtures --tests 1000 /usr/include\n"
    "  sqlite_test_fixtures --folder /tmp\n"
    "\n"
    "Exit status:\n"
    "  0  all tests have passed\n"
    "  1  one has failed, or the program could not run\n"
    "  2  the command line is wrong";

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  settings s;
  shared::command_line line("sqlite_test_fixtures", description, footer);
  line.directory("DIRECTORY", s.directory, "What is catalogued");
  line.number("--tests", s.tests, 1u, 1'000'000u, "How many tests there are for each way");
  line.directory("--folder", s.folder,
                 "Where files are copied for comparison: on tmpfs, or a disk");
  line.size("--quota", s.quota, "256M",
            "The most that the volume may take, in bytes or with a unit: 64M, 1GiB");
  if (const auto status = line.parse(argc, argv)) return *status;
  return s;
}

}  // namespace sqlite_test_fixtures
