// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include "shared/size_option.hpp"

#include <CLI/CLI.hpp>

#include <map>
#include <string>

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
  settings s;
  std::string directory = s.directory.string();
  std::string database;
  const std::map<std::string, coramfs::sqlite::store_kind> kinds{
      {"hot", coramfs::sqlite::store_kind::hot}, {"live", coramfs::sqlite::store_kind::live}};
  CLI::App app(description, "sqlite_shared_store");
  app.footer(footer);
  app.add_option("DIRECTORY", directory, "What is catalogued")
      ->check(CLI::ExistingDirectory)
      ->option_text("[" + directory + ']');
  app.add_option("--database", database, "Where the database is on disk between two runs")
      ->option_text("FILE");
  app.add_option("--connections", s.connections, "How many add to it at the same time")
      ->check(CLI::Range(1u, 1000u))
      ->option_text("NUMBER [8]");
  app.add_option("--kind", s.kind, "Where the database is while it is used: hot, live")
      ->transform(CLI::CheckedTransformer(kinds))
      ->option_text("KIND [hot]");
  shared::add_size(app, "--quota", s.quota, "256M",
                   "The most that the volume may take, in bytes or with a unit: 64M, 1GiB");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  s.directory = directory;
  if (!database.empty()) s.database = database;
  return s;
}

}  // namespace sqlite_shared_store
