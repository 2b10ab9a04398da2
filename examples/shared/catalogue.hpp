// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

struct sqlite3;

namespace catalogue {

// A catalogue of files, in an SQLite database.

/// A file of the disk.
struct entry {
  std::string path;
  std::uint64_t size = 0;
};

/// All regular files below a directory that can be looked at.
std::vector<entry> files_below(const std::filesystem::path& directory);

/// How many files the catalogue has, and their bytes.
struct totals {
  std::uint64_t files = 0, bytes = 0;
  bool operator==(const totals&) const = default;
};

// What is done on one connection. Each fails with SQLite's code, or with the volume's error.

/// Has the database keep a write-ahead log, so that nobody who looks waits for those who add.
coramfs::result<void> keep_a_log(sqlite3* db);
/// Makes the tables, unless they are there.
coramfs::result<void> make_tables(sqlite3* db);
/// Adds files, and changes the totals with them: all or none of it.
coramfs::result<void> add(sqlite3* db, std::span<const entry> files);
/// Returns whether the totals are those of the files, as of one moment.
coramfs::result<bool> belongs_together(sqlite3* db);
/// Returns the totals that are kept.
coramfs::result<totals> known(sqlite3* db);
/// Returns the totals, counted anew.
coramfs::result<totals> count(sqlite3* db);

}  // namespace catalogue
