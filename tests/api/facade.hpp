// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/prepared.hpp>
#include <coramfs/result.hpp>
#include <coramfs/volume.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::tests {

/// One file of either facade, with the names of the interface. Content is text here, which
/// keeps the scenarios short and free of Asio.
class any_file {
 public:
  virtual ~any_file() = default;

  virtual result<std::size_t> read(std::span<char> to) = 0;
  virtual result<std::string> read_all() = 0;
  virtual result<std::size_t> write(std::string_view from) = 0;
  virtual result<std::size_t> write(bytes&& from) = 0;
  virtual result<std::size_t> read_at(std::uint64_t offset, std::span<char> to) = 0;
  virtual result<std::size_t> write_at(std::uint64_t offset, std::string_view from) = 0;
  virtual result<std::uint64_t> truncate(std::optional<std::uint64_t> size = {}) = 0;

  virtual result<void> punch_hole(std::uint64_t offset, std::uint64_t size) = 0;
  virtual result<std::uint64_t> next_data(std::uint64_t offset) const = 0;
  virtual result<std::uint64_t> next_hole(std::uint64_t offset) const = 0;
  virtual result<pinned> pin(std::uint64_t offset, std::size_t n) = 0;
  virtual result<void> reserve(std::uint64_t size) = 0;
  virtual result<prepared> prepare(std::size_t n) = 0;
  virtual result<void> commit(std::size_t n) = 0;

  virtual result<std::uint64_t> seek(std::int64_t offset, seek_from from = seek_from::start) = 0;
  virtual result<std::uint64_t> tell() const = 0;
  virtual result<std::uint64_t> size() const = 0;
  virtual result<void> flush() = 0;
  virtual result<void> close() = 0;

  virtual bool is_open() const = 0;
  virtual bool readable() const = 0;
  virtual bool writable() const = 0;
  virtual bool seekable() const = 0;
  virtual std::string path() const = 0;
  virtual open_mode mode() const = 0;

  /// Move construction from this file.
  virtual std::unique_ptr<any_file> moved() = 0;
  /// Move assignment to this file, from one of the same facade.
  virtual void assign(any_file&& from) = 0;
};

/// A file system of either facade.
class any_file_system {
 public:
  virtual ~any_file_system() = default;

  virtual const volume& get_volume() const = 0;

  virtual result<std::unique_ptr<any_file>> open(std::string_view path, open_mode mode,
                                                 open_options options = {}) = 0;
  virtual result<std::unique_ptr<any_file>> open_unnamed(open_options options = {}) = 0;
  virtual result<void> give_name(any_file& f, std::string_view path,
                                 naming_options options = {}) = 0;
  /// Files of this facade by their paths.
  using file_set = std::map<std::string, std::unique_ptr<any_file>>;
  virtual result<void> give_names(file_set& files, std::vector<std::string> directories = {},
                                  naming_options options = {}) = 0;
  virtual result<void> create_directory(std::string_view path) = 0;
  virtual result<bool> create_directories(std::string_view path) = 0;
  virtual result<void> remove(std::string_view path, const remove_options& options = {}) = 0;
  virtual result<void> remove_directory(std::string_view path) = 0;
  virtual result<void> remove_tree(std::string_view path, const remove_options& options = {}) = 0;
  virtual result<void> rename(std::string_view from, std::string_view to,
                              const rename_options& options = {}) = 0;
  result<void> rename(std::string_view from, std::string_view to, if_exists existing) {
    return rename(from, to, rename_options{existing});
  }
  virtual result<void> move(std::string_view from, std::string_view to,
                            const rename_options& options = {}) = 0;
  result<void> move(std::string_view from, std::string_view to, if_exists existing) {
    return move(from, to, rename_options{existing});
  }
  virtual result<void> copy(std::string_view from, std::string_view to,
                            const copy_options& options = {}) = 0;
  result<void> copy(std::string_view from, std::string_view to, if_exists existing) {
    return copy(from, to, copy_options{existing});
  }
  virtual result<void> copy_tree(std::string_view from, std::string_view to) = 0;
  virtual result<std::vector<std::string>> list(std::string_view path) = 0;
  virtual result<std::vector<directory_entry>> list_entries(std::string_view path) = 0;
  virtual result<std::vector<directory_entry>> list_some(std::string_view path,
                                                         std::string_view after,
                                                         std::size_t most) = 0;
  /// What `each`, `each_below`, or `each_match`, gives to its end.
  virtual result<std::vector<found_entry>> each(std::string_view path) = 0;
  virtual result<std::vector<found_entry>> each_below(std::string_view path) = 0;
  virtual result<std::vector<found_entry>> each_match(std::string_view pattern) = 0;
  virtual result<std::vector<walk_entry>> walk(std::string_view path = "/") = 0;
  virtual result<std::vector<std::string>> glob(std::string_view pattern) = 0;
  virtual result<bool> exists(std::string_view path) = 0;
  virtual result<bool> is_file(std::string_view path) = 0;
  virtual result<bool> is_directory(std::string_view path) = 0;
  virtual result<file_status> stat(std::string_view path) = 0;
  virtual result<std::uint64_t> file_size(std::string_view path) = 0;
  virtual result<void> set_modified(std::string_view path,
                                    std::chrono::system_clock::time_point to) = 0;
  virtual result<std::string> read_file(std::string_view path,
                                        std::optional<std::uint64_t> max_size = {}) = 0;
  virtual result<void> write_file(std::string_view path, std::string_view content) = 0;
  virtual result<file_map> export_tree(std::string_view prefix = "/",
                                       export_options options = {}) = 0;
  using visitor = std::function<result<void>(const std::string& path, bytes content)>;
  virtual result<void> export_each(std::string_view prefix, visitor v) = 0;
  virtual result<void> import_tree(file_map files, const import_options& options = {}) = 0;
  virtual result<volume_stats> stats() = 0;

  /// How many operations so far, of the file system and its files, did not complete at once.
  /// The blocking facade can not tell.
  virtual std::uint64_t suspensions() const = 0;
};

/// Coroutines; the same class by its completion tokens; the blocking facade.
enum class facade_kind { coroutines, tokens, threads };

/// A file system over a volume that may be shared. One thread at a time uses it and its files.
std::unique_ptr<any_file_system> make_file_system(facade_kind, const volume&);

/// One over a volume of its own, made by the facade's `create`.
result<std::unique_ptr<any_file_system>> create_file_system(facade_kind, const volume_options&);

// Each facade's own, in a translation unit of its own.
std::unique_ptr<any_file_system> make_async(const volume&);
std::unique_ptr<any_file_system> make_by_token(const volume&);
std::unique_ptr<any_file_system> make_sync(const volume&);
result<std::unique_ptr<any_file_system>> create_async(const volume_options&);
result<std::unique_ptr<any_file_system>> create_by_token(const volume_options&);
result<std::unique_ptr<any_file_system>> create_sync(const volume_options&);

inline std::unique_ptr<any_file_system> make_file_system(facade_kind kind, const volume& over) {
  switch (kind) {
    case facade_kind::coroutines: return make_async(over);
    case facade_kind::tokens: return make_by_token(over);
    case facade_kind::threads: break;
  }
  return make_sync(over);
}

inline result<std::unique_ptr<any_file_system>> create_file_system(facade_kind kind,
                                                                   const volume_options& options) {
  switch (kind) {
    case facade_kind::coroutines: return create_async(options);
    case facade_kind::tokens: return create_by_token(options);
    case facade_kind::threads: break;
  }
  return create_sync(options);
}

}  // namespace coramfs::tests
