// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include "shared/size_option.hpp"

#include <CLI/CLI.hpp>

#include <stdexcept>
#include <string>

namespace download_buffer {

namespace {

constexpr std::size_t most_connections = 256;
constexpr std::int64_t longest_stall_limit = 24 * 60 * 60;

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

// What the options say, before it is more than text and numbers.
struct raw_arguments {
  std::vector<std::string> urls;
  std::string serve;
  std::size_t connections;
  std::uint64_t quota;
  std::int64_t stall_limit;  // seconds
  bool waits;
  std::int64_t longest_wait;  // seconds
};

std::string require_url(const std::string& text) {
  try {
    shared::parse_url(text);
    return {};
  } catch (const std::invalid_argument& e) {
    return text + ": " + e.what();
  }
}

void add_options(CLI::App& app, raw_arguments& arguments) {
  CLI::Option* urls = app.add_option("URL", arguments.urls, "What to download: http:// only")
                          ->check(require_url)
                          ->option_text("...");
  app.add_option("--serve", arguments.serve, "The directory to serve and to download")
      ->check(CLI::ExistingDirectory)
      ->option_text("DIR [" + arguments.serve + "]")
      ->excludes(urls);
  app.add_option("--connections", arguments.connections, "Downloads at a time, 1 to 256")
      ->check(CLI::Range(std::size_t{1}, most_connections))
      ->option_text("N [" + std::to_string(arguments.connections) + ']');
  shared::add_quota(app, arguments.quota, "256MiB");
  app.add_option("--timeout", arguments.stall_limit,
                 "Seconds after which a download fails if its server does nothing")
      ->check(CLI::Range(std::int64_t{1}, longest_stall_limit))
      ->option_text("SECONDS [" + std::to_string(arguments.stall_limit) + ']');
  CLI::Option* wait =
      app.add_flag("--wait", arguments.waits, "Wait for space; remove what is verified");
  app.add_option("--wait-timeout", arguments.longest_wait,
                 "Seconds after which a download is refused that no space was freed for")
      ->check(CLI::Range(std::int64_t{1}, longest_stall_limit))
      ->option_text("SECONDS [" + std::to_string(arguments.longest_wait) + ']')
      ->needs(wait);
}

settings checked(const raw_arguments& arguments) {
  settings s;
  for (const std::string& text : arguments.urls) s.urls.push_back(shared::parse_url(text));
  s.serve = arguments.serve;
  s.connections = arguments.connections;
  s.quota = arguments.quota;
  s.stall_limit = std::chrono::seconds(arguments.stall_limit);
  s.waits = arguments.waits;
  s.longest_wait = std::chrono::seconds(arguments.longest_wait);
  return s;
}

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  const settings defaults;
  raw_arguments arguments{{},
                          defaults.serve.string(),
                          defaults.connections,
                          defaults.quota,
                          defaults.stall_limit.count(),
                          defaults.waits,
                          defaults.longest_wait.count()};
  CLI::App app(description, "download_buffer");
  app.footer(footer);
  add_options(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  return checked(arguments);
}

}  // namespace download_buffer
