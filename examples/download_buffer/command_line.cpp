// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include <stdexcept>
#include <string>

namespace download_buffer {

namespace {

constexpr std::size_t most_connections = 256;
constexpr std::chrono::seconds longest_limit = std::chrono::hours(24);

constexpr char description[] =
    "Downloads over HTTP into memory that has a hard limit.\n"
    "\n"
    "Without a URL it serves a directory of this machine on the loopback interface,\n"
    "downloads every regular file below it, and compares each download with the file\n"
    "on disk. Meanwhile other users of this machine can read that directory too.\n"
    "With URLs it downloads those, and lists them with their sizes.\n"
    "\n"
    "A download that does not fit into the quota is refused; the others go on.\n"
    "With --wait it waits for space instead, and each file is removed as soon as it is\n"
    "verified: the quota may be far below the total.\n"
    "Nothing is written to the disk: what is downloaded is gone when the program ends.\n";

constexpr char footer[] =
    "Examples:\n"
    "  download_buffer\n"
    "  download_buffer --serve /usr/share --quota 1GiB\n"
    "  download_buffer --quota 8MiB --wait\n"
    "  download_buffer --quota 64MiB http://localhost:8000/a http://localhost:8000/b\n"
    "\n"
    "Exit status:\n"
    "  0  all went well; refused and failed downloads are counted, they are no errors\n"
    "  1  a download differs from its original, the volume was not empty after all\n"
    "     files were removed, or the program could not run\n"
    "  2  the command line is wrong\n"
    "  130 after Ctrl-C\n"
    "\n"
    "Ctrl-C ends the downloads and still prints the table; a second one ends the\n"
    "program at once.";

std::string check_url(const std::string& text) {
  try {
    shared::parse_url(text);
    return {};
  } catch (const std::invalid_argument& e) {
    return text + ": " + e.what();
  }
}

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  settings s;
  std::vector<std::string> urls;
  shared::command_line line("download_buffer", description, footer);
  const auto url = line.texts("URL", urls, "What to download: http:// only", check_url);
  line.directory("--serve", s.serve, "The directory to serve and to download").excludes(url);
  line.number("--connections", s.connections, std::size_t{1}, most_connections,
              "Downloads at a time, 1 to 256");
  line.quota(s.quota, "256MiB");
  line.duration("--timeout", "SECONDS", s.stall_limit, std::chrono::seconds(1), longest_limit,
                "Seconds after which a download fails if its server does nothing");
  const auto wait = line.flag("--wait", s.waits, "Wait for space; remove what is verified");
  line.duration("--wait-timeout", "SECONDS", s.longest_wait, std::chrono::seconds(1), longest_limit,
                "Seconds after which a download is refused that no space was freed for")
      .needs(wait);
  if (const auto status = line.parse(argc, argv)) return *status;
  for (const std::string& text : urls) s.urls.push_back(shared::parse_url(text));
  return s;
}

}  // namespace download_buffer
