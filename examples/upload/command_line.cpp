// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include "shared/size_option.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace upload {

namespace {

constexpr std::size_t most_connections = 256;

constexpr char description[] =
    "Serves files over HTTP out of memory, without a copy on the way.\n"
    "\n"
    "Loads every regular file below a directory into a volume, serves them on the\n"
    "loopback interface, fetches each over many connections, and compares it with the\n"
    "file on disk. The server pins what it sends, and when half of a file is sent a writer\n"
    "inverts all of its bytes in the volume: what is sent must not change.\n";

constexpr char footer[] =
    "Exit status:\n"
    "  0  all went well; files that changed on disk or did not fit are counted, they are\n"
    "     no errors\n"
    "  1  what was received differs from its original, what the writer wrote is not in\n"
    "     the volume, something failed, or the volume was not empty after all files were\n"
    "     removed\n"
    "  2  the command line is wrong\n"
    "  130 after Ctrl-C";

void add_options(CLI::App& app, settings& s) {
  app.add_option("DIR", s.directory, "The directory whose files are served")
      ->check(CLI::ExistingDirectory)
      ->option_text("[" + s.directory.string() + "]");
  app.add_option("--connections", s.connections, "Files fetched at a time, 1 to 256")
      ->check(CLI::Range(std::size_t{1}, most_connections))
      ->option_text("N [" + std::to_string(s.connections) + ']');
  shared::add_quota(app, s.quota, "1GiB");
}

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  settings s;
  CLI::App app(description, "upload");
  app.footer(footer);
  add_options(app, s);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  return s;
}

}  // namespace upload
