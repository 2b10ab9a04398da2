// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

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

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  settings s;
  shared::command_line line("upload", description, footer);
  line.directory("DIR", s.directory, "The directory whose files are served");
  line.number("--connections", s.connections, std::size_t{1}, most_connections,
              "Files fetched at a time, 1 to 256");
  line.quota(s.quota, "1GiB");
  if (const auto status = line.parse(argc, argv)) return *status;
  return s;
}

}  // namespace upload
