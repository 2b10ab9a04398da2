// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include <string>

namespace archive_extraction {

namespace {

constexpr char description[] =
    "Archives are expanded in memory, and compared with what other programs make of them.\n"
    "\n"
    "Each archive is expanded twice: as a whole, and while it arrives over a socket. Then\n"
    "dpkg-deb, unzip, 7z or tar expands it into a folder, and each file is compared, byte for\n"
    "byte. Without archives these are packages that Debian has in its cache, and archives that\n"
    "tar, zip and 7z make of a directory.\n";

constexpr char footer[] =
    "Examples:\n"
    "  archive_extraction\n"
    "  archive_extraction --make /usr/include\n"
    "  archive_extraction some.zip other.tar.zst\n"
    "\n"
    "Exit status:\n"
    "  0  all files are the same\n"
    "  1  one is not, an archive could not be expanded, or the program could not run\n"
    "  2  the command line is wrong";

}  // namespace

std::variant<settings, int> parse_command_line(int argc, const char* const* argv) {
  settings s;
  std::string packages = s.packages.string();
  shared::command_line line("archive_extraction", description, footer);
  line.paths("ARCHIVE", s.archives, "What is expanded");
  line.text("--packages", packages, "Where packages of Debian's are");
  line.number("--most", s.most, 0u, 10'000u, "How many of them are taken");
  line.directory("--make", s.directory, "What archives are made of");
  line.size("--quota", s.quota, "1G",
            "The most that the volume may take, in bytes or with a unit: 64M, 1GiB");
  if (const auto status = line.parse(argc, argv)) return *status;
  s.packages = packages;
  return s;
}

}  // namespace archive_extraction
