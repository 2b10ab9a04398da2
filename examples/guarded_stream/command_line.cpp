// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include "input_stream.hpp"

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
    "  2  the command line is wrong";

enum class guard_choice { off, warn, reject };

// CLI11 reads "-1" as the largest size there is.
std::string require_digit_first(const std::string& text) {
  const bool ok = !text.empty() && text.front() >= '0' && text.front() <= '9';
  return ok ? std::string() : text + " is not a size";
}

std::string require_input(const std::string& text) {
  const bool ok = text == standard_input || std::filesystem::exists(text);
  return ok ? std::string() : text + " does not exist";
}

CLI::Option* add_size(CLI::App& app, const char* name, std::uint64_t& size,
                      const std::string& meaning) {
  return app.add_option(name, size, meaning)
      ->transform(CLI::AsSizeValue(false))
      ->transform(CLI::Validator(require_digit_first, ""));
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
  add_size(app, "--quota", s.quota,
           "The limit, in bytes or with a unit: 500K, 64MiB, 1G; K is 1024 bytes")
      ->option_text("SIZE [16MiB]");
  add_size(app, "--segment", s.segment_size, "How large a segment grows")
      ->option_text("SIZE [1MiB]");
  app.add_option("--guard", guard,
                 "What happens when the machine has too little memory: off, warn, reject")
      ->transform(CLI::CheckedTransformer(choices).description(""))
      ->option_text("ACTION [reject]");
  const CLI::Option* pretended =
      add_size(app, "--machine-memory", machine_memory,
               "Pretend that the machine has so much for the volume, once that is made")
          ->option_text("SIZE");
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
