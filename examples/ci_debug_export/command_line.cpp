// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include "shared/size_option.hpp"

#include <CLI/CLI.hpp>

#include <map>
#include <string>

namespace ci_debug_export {

namespace {

constexpr char description[] =
    "Tests of a small program that splits texts into parts of whole lines: one test for\n"
    "each file of this machine that it is given.\n"
    "\n"
    "Each test has a volume of its own, in memory. One that fails leaves its tree in the\n"
    "folder coramfs-failed, or in the one that CORAMFS_TEST_OUTPUT names, where\n"
    "continuous integration finds it. --bug has them fail.\n";

constexpr char footer[] =
    "Examples:\n"
    "  ci_debug_export\n"
    "  ci_debug_export --bug lost-line LICENSE\n"
    "  CORAMFS_TEST_OUTPUT=artifacts ci_debug_export --bug left-open /usr/share/perl5\n"
    "\n"
    "Exit status:\n"
    "  0  all tests passed\n"
    "  1  a test failed, or the program could not run\n"
    "  2  the command line is wrong";

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  settings s;
  std::vector<std::string> inputs;
  const std::map<std::string, bug> bugs{
      {"none", bug::none}, {"lost-line", bug::lost_line}, {"left-open", bug::left_open}};
  CLI::App app(description, "ci_debug_export");
  app.footer(footer);
  app.add_option("FILE", inputs, "A text, or a directory, whose files are taken")
      ->check(CLI::ExistingPath)
      ->option_text("... [" + s.inputs.front().string() + ']');
  shared::add_size(app, "--size", s.size, "4096",
                   "The most that a part may have, in bytes or with a unit: 64K, 1MiB");
  app.add_option("--bug", s.what, "What is wrong with the program: none, lost-line, left-open")
      ->transform(CLI::CheckedTransformer(bugs))
      ->option_text("BUG [none]");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  if (!inputs.empty()) s.inputs.assign(inputs.begin(), inputs.end());
  return s;
}

}  // namespace ci_debug_export
