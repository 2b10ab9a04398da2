// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

namespace sqlite_shared_store {

namespace {

constexpr char description[] =
    "A catalogue of the files below a directory, in a database that many connections share.\n"
    "\n"
    "The database is a file of a volume, in memory. A hot one is loaded by the first\n"
    "connection and saved when the last one closes; a live one is the file itself. While\n"
    "coroutines add what they find, each on a connection of its own, another one looks\n"
    "whether all that is there belongs together. Then all connections are closed, and one\n"
    "that comes later compares what it finds with the directory.\n";

constexpr char footer[] =
    "Examples:\n"
    "  sqlite_shared_store\n"
    "  sqlite_shared_store --kind live --connections 16 /usr/include\n"
    "  sqlite_shared_store --database catalogue.db /usr/share/doc\n"
    "\n"
    "Exit status:\n"
    "  0  the catalogue is right\n"
    "  1  it is not, or the program could not run\n"
    "  2  the command line is wrong";

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  using coramfs::sqlite::store_kind;
  settings s;
  shared::command_line line("sqlite_shared_store", description, footer);
  line.directory("DIRECTORY", s.directory, "What is catalogued");
  line.file("--database", s.database, "Where the database is on disk between two runs");
  line.number("--connections", s.connections, 1u, 1000u, "How many add to it at the same time");
  line.choice("--kind", "KIND", s.kind, {{"hot", store_kind::hot}, {"live", store_kind::live}},
              "Where the database is while it is used: hot, live");
  line.size("--quota", s.quota, "256M",
            "The most that the volume may take, in bytes or with a unit: 64M, 1GiB");
  if (const auto status = line.parse(argc, argv)) return *status;
  return s;
}

}  // namespace sqlite_shared_store
