// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "command_line.hpp"
#include "loading.hpp"
#include "staging.hpp"
#include "totals.hpp"

#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace etl_staging {

/// What is in a directory that was published.
struct published_directory {
  std::string path;
  std::uint64_t files, bytes;
};

/// All stages, one after the other. The thread that runs it blocks while coroutines of the file
/// system's executor do the work, and has its own blocking access to the same volume.
class pipeline {
 public:
  pipeline(coramfs::file_system files, std::vector<std::filesystem::path> lists, const settings& s);

  /// Publishes what is right, or nothing.
  coramfs::result<void> run();
  /// What the failure of `run` says, taken when it happened.
  const std::string& reason() const { return reason_; }

  std::size_t lists() const { return lists_.size(); }
  const staging_tally& staged() const { return staged_; }
  const findings& loaded() const { return loaded_; }
  bool is_verified() const { return verified_; }

  /// Before anything is published: one empty directory.
  coramfs::result<std::vector<published_directory>> published();

  coramfs::result<void> remove_all();

 private:
  coramfs::result<void> run_stages();
  coramfs::result<void> stage();
  coramfs::result<void> load();
  coramfs::result<void> verify();

  const settings& settings_;
  coramfs::file_system files_;
  coramfs::sync::file_system blocking_files_;
  const std::vector<std::filesystem::path> lists_;
  staging_tally staged_;
  findings loaded_;
  bool verified_ = false;
  std::string reason_;
};

}  // namespace etl_staging
