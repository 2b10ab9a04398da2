// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "core/operation.hpp"
#include "core/pace.hpp"
#include "tree/file_listing.hpp"
#include "tree/reading.hpp"
#include "tree/volume_state.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// The reading of a file whose path the tree gave out: none if it has gone since.
class given_out_reading {
 public:
  given_out_reading(const std::shared_ptr<volume_state>& v, const std::string& path) noexcept
      : file_(opening::reading(v, path_argument(path))) {}

  progress advance() noexcept { return file_.advance(); }
  claim& awaited() noexcept { return file_.awaited(); }
  lock_timeout patience() const noexcept { return file_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return file_.waiting(); }
  void refuse(const error& why) noexcept { file_.refuse(why); }
  result<std::optional<bytes>> outcome() noexcept;

 private:
  file_reading file_;
};

/// An `export_tree`, as an operation: the set of files is fixed at the start, and each is read
/// whole under its shared lock.
class exporting {
 public:
  exporting(const std::shared_ptr<volume_state>& v, path_argument prefix,
            const export_options& options) noexcept
      : volume_(v), listing_(std::in_place, v, std::move(prefix), options) {}

  progress advance() noexcept;
  claim& awaited() noexcept { return file_->awaited(); }
  lock_timeout patience() const noexcept { return file_->patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return &volume_->waiting; }
  void refuse(const error& why) noexcept;
  result<file_map> outcome() noexcept;

 private:
  result<progress> step() noexcept;

  std::shared_ptr<volume_state> volume_;
  std::optional<file_listing> listing_;  // while it goes on
  std::vector<std::string> paths_;
  std::size_t done_ = 0;  // of paths_
  std::optional<given_out_reading> file_;
  file_map files_;
  pace pace_;
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
