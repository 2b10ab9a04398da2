// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/detail/failure_count.hpp>
#include <coramfs/testing/detail/framework.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace coramfs::tests {

/// A framework for tests of fixtures: it notes what they say, and where nothing has to fail for
/// that.
class fake_framework final : public testing::detail::framework {
 public:
  fake_framework() {
    testing::detail::use_framework(this);
    testing::detail::count_failures_by([] { return failures; });
  }
  ~fake_framework() override {
    testing::detail::use_framework(nullptr);
    testing::detail::count_failures_by(nullptr);
  }

  std::string test_name() const override { return name; }
  void fail(const std::string& why) noexcept override { said.push_back(why); }
  bool was_skipped() const noexcept override { return skipped; }
  bool may_export() const noexcept override { return exports; }

  static inline unsigned long failures = 0;
  std::string name = "suite.test";
  bool exports = true;
  bool skipped = false;
  std::vector<std::string> said;
};

/// A variable of the environment, until this goes.
class environment {
 public:
  environment(const char* name, const std::string& value) : name_(name) {
    if (const char* const old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;
  ~environment() {
    if (old_.empty()) {
      ::unsetenv(name_);
    } else {
      ::setenv(name_, old_.c_str(), 1);
    }
  }

 private:
  const char* name_;
  std::string old_;
};

/// A folder on disk for what fixtures write, and what they say meanwhile on standard error.
class output_folder {
 public:
  output_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "coramfs-XXXXXX").string();
    path = ::mkdtemp(name.data());
    variable_ = std::make_unique<environment>("CORAMFS_TEST_OUTPUT", path.string());
    errors_ = std::cerr.rdbuf(caught_.rdbuf());
  }
  output_folder(const output_folder&) = delete;
  output_folder& operator=(const output_folder&) = delete;
  ~output_folder() {
    std::cerr.rdbuf(errors_);
    std::filesystem::remove_all(path);
  }

  std::string said() const { return caught_.str(); }

  /// The relative paths of all that is in a folder of it, sorted; folders with a slash at the end.
  std::vector<std::string> names(const std::string& folder = "suite.test") const {
    std::vector<std::string> all;
    if (!std::filesystem::exists(path / folder)) return all;
    for (const auto& e : std::filesystem::recursive_directory_iterator(path / folder))
      all.push_back(std::filesystem::relative(e.path(), path / folder).string() +
                    (e.is_directory() && !e.is_symlink() ? "/" : ""));
    std::sort(all.begin(), all.end());
    return all;
  }
  std::string content(const std::string& file) const {
    std::ifstream in(path / file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  std::filesystem::path path;

 private:
  std::unique_ptr<environment> variable_;
  std::ostringstream caught_;
  std::streambuf* errors_;
};

}  // namespace coramfs::tests
