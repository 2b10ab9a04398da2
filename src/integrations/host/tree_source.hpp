// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/host.hpp>
#include <coramfs/prepared.hpp>
#include <coramfs/result.hpp>

#include "integrations/host/descriptor.hpp"
#include "integrations/host/host_walk.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace coramfs::detail {

/// A directory of the host's, or a file on its way into a volume, in pieces.
struct source_item {
  std::string path;  ///< below the directory of the import, or the name of its only file
  bool is_directory = false;
  bool is_sparse = false;  ///< of a file: whether it has holes that may stay holes
  std::uint64_t size = 0;  ///< of a file: what the host has said when it was opened

  // What comes next of a file, and where it belongs. As far as the size of the file says so, it is
  // known how much: there has to be room for that. What lies between this and what came before it
  // is a hole.
  std::uint64_t at = 0;
  std::size_t wanted = 0;

  // What the last read has brought.
  std::size_t in_room = 0;   ///< bytes in the room
  bytes beyond;              ///< bytes that end at `at`, for which there was no room
  bool is_whole = false;     ///< the end is reached, which is `at`
  std::uint64_t stored = 0;  ///< the end of all that was read

  descriptor opened;
};

/// The part of an import that makes calls of the host's: it knows nothing of the volume.
///
/// Thread safety: one thread at a time. All of it but the constructor and what only looks at the
/// items may block, the destructor, too. All may throw `std::bad_alloc`.
class tree_source {
 public:
  /// `most_path` is the size of the longest path that may be found; `keeps_holes` whether holes are
  /// of use.
  tree_source(std::filesystem::path dir, const host_options& options, std::size_t most_path,
              bool keeps_holes)
      : dir_(std::move(dir)), options_(options), most_path_(most_path), keeps_holes_(keeps_holes) {}

  /// Opens the directory, or the file, which is all that is found then. Errors: the host's.
  result<void> begin();
  /// Finds what comes next: a few files, of which those but the last have no more than a piece in
  /// all, and the directories among them. There are none at the end, and before a failure.
  result<void> find(const std::stop_token& stop);
  /// Whether that was found by the last read already.
  bool has_next() const noexcept { return has_next_; }
  /// Goes on to what was found. It makes no call of the host's where all before it was whole.
  void advance() noexcept;

  std::vector<source_item>& items() noexcept { return items_; }
  /// The failure that comes after the items, where there are none.
  const result<void>& after() const noexcept { return after_; }

  /// Reads the next piece of each of the first `count` items that is a file and not whole: into its
  /// room, which is of the size that was wanted, and what comes beyond. Of one that fails, `count`
  /// is lowered to it, and `failure` tells why. Where all items are whole then it also finds what
  /// comes next, since each call takes a way to another thread and back. Errors: `canceled` once it
  /// is asked to stop.
  result<void> read(const std::vector<prepared>& rooms, std::size_t& count,
                    const std::stop_token& stop);

  /// The failure of the last read.
  const result<void>& failure() const noexcept { return failure_; }

  /// An error about what is at a path below the directory.
  error noted(const std::string& path, const error& why) const;

 private:
  result<void> begin_with_file(const error& no_directory);
  result<bool> open(const host_entry& e, source_item& to);
  result<bool> take_over(descriptor opened, source_item& to) const;
  static result<void> read(source_item& item, const prepared& room);
  static result<void> read_beyond(source_item& item);
  static void look_ahead(source_item& item) noexcept;
  static result<void> end(source_item& item) noexcept;

  const std::filesystem::path dir_;
  const host_options options_;
  const std::size_t most_path_;
  const bool keeps_holes_;
  std::optional<host_walk> walk_;
  std::optional<source_item> only_;  // where it is a file and no directory
  bool is_only_found_ = false;
  std::vector<source_item> items_, next_;
  bool has_next_ = false;
  result<void> after_ = success();
  result<void> failure_ = success();
};

}  // namespace coramfs::detail
