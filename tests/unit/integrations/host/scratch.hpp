// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <stdlib.h>

namespace coramfs::tests {

/// A new directory of the host's, which goes with all that is in it.
class scratch {
 public:
  /// Where it is. A file system on a disk may look long for free inodes where thousands were
  /// removed a moment before, so that many files are in memory, if there is room.
  enum class place { temporary, for_many_files };

  explicit scratch(place where = place::temporary) {
    std::string name = (parent(where) / "coramfs-XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch directory");
    path_ = name;
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  static std::filesystem::path parent(place where) {
    constexpr std::uintmax_t enough = std::uintmax_t{2} << 30;
    const std::filesystem::path memory = "/dev/shm";
    std::error_code none;
    if (where == place::for_many_files && std::filesystem::space(memory, none).available > enough &&
        !none)
      return memory;
    return std::filesystem::temp_directory_path();
  }

  std::filesystem::path path_;
};

inline std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("can not open " + file.native());
  std::string content(std::filesystem::file_size(file), '\0');
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  return content;
}

inline void put(const std::filesystem::path& file, std::string_view content) {
  std::ofstream(file, std::ios::binary) << content;
}

/// All below a directory: files with their content, directories with a "/" behind their names.
inline std::map<std::string, std::string> tree_of(const std::filesystem::path& top) {
  std::map<std::string, std::string> all;
  for (const auto& e : std::filesystem::recursive_directory_iterator(top)) {
    const std::string name = e.path().lexically_relative(top).native();
    if (e.is_symlink()) {
      all[name + "@"] = std::filesystem::read_symlink(e.path()).native();
    } else if (e.is_directory()) {
      all[name + "/"];
    } else {
      all[name] = content_of(e.path());
    }
  }
  return all;
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& e : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

}  // namespace coramfs::tests
