// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace archive_extraction {

/// A folder that goes with its content.
class scratch {
 public:
  scratch();
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// All bytes of a file. Throws `std::runtime_error`.
std::string content_of(const std::filesystem::path& file);

/// Whether there is a program of that name.
bool is_installed(const std::string& program);
/// Runs a program, whose output is dropped, and returns its status.
int run(const std::vector<std::string>& command);

/// Archives of this machine: packages of Debian's, and what tar, zip and 7z make of a directory,
/// as far as they are there. Those are in the folder.
std::vector<std::filesystem::path> some_archives(const std::filesystem::path& packages,
                                                 unsigned most,
                                                 const std::filesystem::path& directory,
                                                 const std::filesystem::path& folder);

/// Has the program that is for such archives expand one into a folder, and returns its name; an
/// empty one if it is not installed. Throws `std::runtime_error` if it fails.
std::string expand_with_program(const std::filesystem::path& archive,
                                const std::filesystem::path& folder);

}  // namespace archive_extraction
