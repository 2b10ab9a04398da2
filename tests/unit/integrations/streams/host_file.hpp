// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <stdlib.h>
#include <unistd.h>

namespace coramfs::tests {

/// A file of the host's that goes with the object.
class host_file {
 public:
  explicit host_file(const std::string& content)
      : path_((std::filesystem::temp_directory_path() / "coramfs-XXXXXX").native()) {
    const int number = ::mkstemp(path_.data());
    if (number < 0) throw std::runtime_error("no scratch file");
    ::close(number);
    std::ofstream(path_, std::ios::binary) << content;
  }
  host_file(const host_file&) = delete;
  host_file& operator=(const host_file&) = delete;
  ~host_file() { ::unlink(path_.c_str()); }

  const std::string& path() const { return path_; }
  std::string content() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string path_;
};

}  // namespace coramfs::tests
