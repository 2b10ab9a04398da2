// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include "shared/size_option.hpp"

#include <CLI/CLI.hpp>

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
  std::vector<std::string> archives;
  std::string packages = s.packages.string(), directory = s.directory.string();
  CLI::App app(description, "archive_extraction");
  app.footer(footer);
  app.add_option("ARCHIVE", archives, "What is expanded")->check(CLI::ExistingFile);
  app.add_option("--packages", packages, "Where packages of Debian's are")
      ->option_text("FOLDER [" + packages + ']');
  app.add_option("--most", s.most, "How many of them are taken")->option_text("NUMBER [5]");
  app.add_option("--make", directory, "What archives are made of")
      ->check(CLI::ExistingDirectory)
      ->option_text("DIRECTORY [" + directory + ']');
  shared::add_size(app, "--quota", s.quota, "1G",
                   "The most that the volume may take, in bytes or with a unit: 64M, 1GiB");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  s.archives.assign(archives.begin(), archives.end());
  s.packages = packages;
  s.directory = directory;
  return s;
}

}  // namespace archive_extraction
