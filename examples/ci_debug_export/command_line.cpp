// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

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
  shared::command_line line("ci_debug_export", description, footer);
  line.paths("FILE", s.inputs, "A text, or a directory, whose files are taken");
  line.size("--size", s.size, "4096",
            "The most that a part may have, in bytes or with a unit: 64K, 1MiB");
  line.choice("--bug", "BUG", s.what,
              {{"none", bug::none}, {"lost-line", bug::lost_line}, {"left-open", bug::left_open}},
              "What is wrong with the program: none, lost-line, left-open");
  if (const auto status = line.parse(argc, argv)) return *status;
  return s;
}

}  // namespace ci_debug_export
