// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include "shared/url.hpp"

#include <stdexcept>
#include <string>

namespace tested_proxy {

namespace {

constexpr unsigned most_schedules = 1'000'000'000;

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

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  settings s;
  bool is_wrong = false;
  shared::command_line line("tested_proxy", description, footer);
  line.directory("DIR", s.directory, "The directory whose two smallest files are asked for");
  line.number("--schedules", s.schedules, 1u, most_schedules, "How many schedules are run at most");
  line.flag("--bug", is_wrong,
            "Whoever waits for a file that is being fetched is woken by hand, and not always");
  line.share("--faults", s.faults, "0.002",
             "How likely it is that memory or space is refused, 0 to 1");
  line.text("--origin", s.origin, "URL", "Serve what is at that http:// URL instead", check_url);
  line.number("--port", s.port, std::uint16_t{0}, std::uint16_t{65535},
              "Serve on that port of the loopback interface; 0: a free one");
  if (const auto status = line.parse(argc, argv)) return *status;
  if (is_wrong) s.how = build::by_hand;
  return s;
}

}  // namespace tested_proxy
