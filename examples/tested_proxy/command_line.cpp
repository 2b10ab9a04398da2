// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include "shared/url.hpp"

#include <CLI/CLI.hpp>

#include <stdexcept>
#include <string>

namespace tested_proxy {

namespace {

constexpr char description[] =
    "A caching proxy, and its test in ten thousand schedules.\n"
    "\n"
    "Four clients ask for two files, which the proxy fetches from their origin, all in one\n"
    "simulation: pieces come late, connections break, the origin does not answer in time,\n"
    "memory and space are refused, and coroutines go on in any order. Whoever is given a\n"
    "file must be given all of it. With --bug the proxy has a fault, and the test finds the\n"
    "seed that shows it, and tells the least that it takes.\n"
    "\n"
    "With --origin the same proxy serves over real sockets.\n";

constexpr char footer[] =
    "The environment variable CORAMFS_SEED has one seed run and no other.\n"
    "\n"
    "Exit status:\n"
    "  0  no schedule shows a fault; with --origin, the proxy was ended by Ctrl-C\n"
    "  1  one does, or something failed\n"
    "  2  the command line is wrong";

std::string check_url(const std::string& text) {
  try {
    shared::parse_url(text);
    return {};
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
}

void add_options(CLI::App& app, settings& s) {
  app.add_option("DIR", s.directory, "The directory whose two smallest files are asked for")
      ->check(CLI::ExistingDirectory)
      ->option_text("[" + s.directory.string() + "]");
  app.add_option("--schedules", s.schedules, "How many schedules are run at most")
      ->check(CLI::PositiveNumber)
      ->option_text("N [" + std::to_string(s.schedules) + ']');
  app.add_flag(
      "--bug", [&](std::int64_t) { s.how = build::by_hand; },
      "Whoever waits for a file that is being fetched is woken by hand, and not always");
  app.add_option("--faults", s.faults, "How likely it is that memory or space is refused, 0 to 1")
      ->check(CLI::Range(0.0, 1.0))
      ->option_text("RATE [0.002]");
  app.add_option("--origin", s.origin, "Serve what is at that http:// URL instead")
      ->check(check_url)
      ->option_text("URL");
  app.add_option("--port", s.port, "Serve on that port of the loopback interface; 0: a free one")
      ->option_text("N [0]");
}

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  settings s;
  CLI::App app(description, "tested_proxy");
  app.footer(footer);
  add_options(app, s);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  return s;
}

}  // namespace tested_proxy
