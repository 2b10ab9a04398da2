// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/host.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/result.hpp>

#include "integrations/host/directories_below.hpp"
#include "integrations/host/whole_file.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::detail {

/// A directory of an export, or a file with its content as it was pinned. Its path is below the
/// directory of the export, without a "/" before it.
struct export_item {
  std::string path;
  std::optional<pinned> content;  ///< of a file
};

/// The part of an export that makes calls of the host's: it knows nothing of the volume.
///
/// Thread safety: one thread at a time. All of it but the constructor may block, the destructor,
/// too. All may throw `std::bad_alloc`.
class tree_export {
 public:
  tree_export(std::filesystem::path dir, const host_options& options)
      : dir_(std::move(dir)), options_(options) {}

  /// Makes the directory, if it is missing, and opens it. Errors: the host's.
  result<void> begin();
  /// Makes directories and files in their order, each after the directory that it is in. Errors:
  /// those of `export_to_host`; `canceled` once it is asked to stop, between pieces of 1 MiB.
  result<void> write(const std::vector<export_item>& items, const std::stop_token& stop);
  /// To be called at the end: brings the names to the disk, if that is asked for.
  result<void> end();

  /// How many files were written.
  std::uint64_t files() const noexcept { return files_; }

 private:
  result<void> make_directory(const std::string& path);
  result<void> write_file(const export_item& item, const std::stop_token& stop);
  // Returns false if another attempt has to be made, as `whole_file::appear`.
  result<bool> write_content(int directory, const std::string& name, const pinned& content,
                             const std::stop_token& stop);
  result<void> sync_directory(int number) noexcept;
  bool is_left_out(std::string_view path) const noexcept;
  error noted(const std::string& path, const error& why) const;

  const std::filesystem::path dir_;
  const host_options options_;
  bool is_made_ = false;
  std::optional<directories_below> below_;
  host_limits limits_;
  std::string left_out_;           // the last directory that has a link in its place
  std::vector<std::string> made_;  // the directories, for their names to be brought to the disk
  std::uint64_t files_ = 0;
};

}  // namespace coramfs::detail
