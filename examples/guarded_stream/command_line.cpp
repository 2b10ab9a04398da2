// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include "input_stream.hpp"
#include "shared/size_option.hpp"

#include <CLI/CLI.hpp>

#include <map>
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

enum class guard_choice { off, warn, reject };

std::string require_input(const std::string& text) {
  const bool ok = text == standard_input || std::filesystem::exists(text);
  return ok ? std::string() : text + " does not exist";
}

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  settings s;
  std::string input = s.input.string();
  guard_choice guard = guard_choice::reject;
  std::uint64_t machine_memory = 0;
  const std::map<std::string, guard_choice> choices{
      {"off", guard_choice::off}, {"warn", guard_choice::warn}, {"reject", guard_choice::reject}};
  CLI::App app(description, "guarded_stream");
  app.footer(footer);
  app.add_option("INPUT", input, "A file, a directory, or - for standard input")
      ->check(require_input)
      ->option_text('[' + input + ']');
  shared::add_quota(app, s.quota, "16MiB");
  shared::add_size(app, "--segment", s.segment_size, "1MiB", "How large a segment grows");
  app.add_option("--guard", guard,
                 "What happens when the machine has too little memory: off, warn, reject")
      ->transform(CLI::CheckedTransformer(choices).description(""))
      ->option_text("ACTION [reject]");
  const CLI::Option* pretended =
      shared::add_size(app, "--machine-memory", machine_memory, "",
                       "Pretend that the machine has so much for the volume, once that is made");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  s.input = input;
  s.guard.reset();
  if (guard == guard_choice::warn) s.guard = coramfs::guard_action::warn;
  if (guard == guard_choice::reject) s.guard = coramfs::guard_action::reject;
  if (pretended->count() != 0) s.machine_memory = machine_memory;
  return s;
}

}  // namespace guarded_stream
