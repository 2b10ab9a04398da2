// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "report.hpp"
#include "shared/url.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace download_buffer {

using shared::url;

/// A file of this machine as it was when it was found.
struct host_file {
  std::filesystem::path path;
  std::uintmax_t size;
  std::filesystem::file_time_type modified_at;
};

/// One piece of work: what to get, and where in the volume it goes.
struct download {
  url from;
  std::string to;                     ///< also what it is called in messages
  std::string stored_as;              ///< its path in the volume, once it is being downloaded
  std::optional<host_file> original;  ///< what it must be equal to, where that is known
};

/// The directory of the volume that all downloads go into.
inline constexpr char download_root[] = "/dl";

/// Where work comes from. All downloads pull from one source, so that none is idle while
/// another has much left.
class work_source {
 public:
  virtual ~work_source() = default;
  virtual std::optional<download> next() = 0;
};

/// The URLs of the command line, in their order. Each is downloaded once, however often it
/// was given.
class url_list final : public work_source {
 public:
  explicit url_list(const std::vector<url>& urls);

  std::optional<download> next() override;
  const std::vector<download>& all() const { return downloads_; }

 private:
  std::vector<download> downloads_;
  std::size_t next_ = 0;
};

/// Every regular file below a directory that a server on this machine serves. It is walked as
/// the downloads need it, so they begin at once however large it is.
class directory_walk final : public work_source {
 public:
  /// `server` says where the directory is served; its target does not matter.
  directory_walk(std::filesystem::path directory, url server, report& problems);

  std::optional<download> next() override;

 private:
  bool open_next_directory();
  std::optional<download> visit(const std::filesystem::directory_entry& entry);
  void skip(const std::filesystem::path& path, const std::string& reason);
  download make_download(const std::string& name, host_file original) const;

  const std::filesystem::path root_;
  const url server_;
  report& problems_;
  std::vector<std::string> directories_;  ///< still to be walked, below the root: "" or "a/b/"
  std::string current_;                   ///< the one being walked
  std::filesystem::directory_iterator entries_;
};

}  // namespace download_buffer
