// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include "input_stream.hpp"

#include <string>

namespace guarded_stream {

namespace {

constexpr char description[] =
    "Streams an input of any size through memory that has two limits: a quota, and what\n"
    "the machine can spare.\n"
    "\n"
    "A producer writes the input into segment files, as far ahead as the limits allow. A\n"
    "consumer computes the checksum of each segment and removes it. When the producer is\n"
    "refused, it waits until the consumer has finished a segment. In the end the checksum\n"
    "is compared with that of the input, which is read a second time without the volume.\n";

constexpr char footer[] =
    "A directory stands for all regular files below it, in the order of their paths.\n"
    "\n"
    "Examples:\n"
    "  guarded_stream\n"
    "  guarded_stream --quota 64M --machine-memory 4M /usr/share\n"
    "  tar -c /etc | guarded_stream -\n"
    "\n"
    "Exit status:\n"
    "  0  what came out of the volume is what went in; refusals are no errors\n"
    "  1  it is not, the input could not be read or has changed, the limits leave no\n"
    "     room for the smallest piece, or the volume was not empty after all was removed\n"
    "  2  the command line is wrong\n"
    "  130 after Ctrl-C";

std::string check_input(const std::string& text) {
  const bool ok = text == standard_input || std::filesystem::exists(text);
  return ok ? std::string() : text + " does not exist";
}

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  using coramfs::guard_action;
  using action = std::optional<guard_action>;
  settings s;
  std::string input = s.input.string();
  shared::command_line line("guarded_stream", description, footer);
  line.text("INPUT", input, "A file, a directory, or - for standard input", check_input);
  line.quota(s.quota, "16MiB");
  line.size("--segment", s.segment_size, "1MiB", "How large a segment grows");
  line.choice("--guard", "ACTION", s.guard,
              {{"off", action()},
               {"warn", action(guard_action::warn)},
               {"reject", action(guard_action::reject)}},
              "What happens when the machine has too little memory: off, warn, reject");
  line.size("--machine-memory", s.machine_memory,
            "Pretend that the machine has so much for the volume, once that is made");
  if (const auto status = line.parse(argc, argv)) return *status;
  s.input = input;
  return s;
}

}  // namespace guarded_stream
