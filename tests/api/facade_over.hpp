// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "api/facade.hpp"

#include "support/describe.hpp"

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

/// All facades have the same names, so one template fits them to the interface of the tests.
/// A `Driver` is a cheap handle that calls an operation, with a completion token as the last
/// argument where that is its way, and turns what it returns into its result.
template <class File, class Driver>
class file_over final : public any_file {
 public:
  file_over(File opened, Driver driver) : driver_(driver), file_(std::move(opened)) {}

  result<std::size_t> read(std::span<char> to) override {
    return driver_(
        [&](auto&... last) { return file_.read(asio::buffer(to.data(), to.size()), last...); });
  }
  result<std::string> read_all() override {
    return as_text(driver_([&](auto&... last) { return file_.read_all(last...); }));
  }
  result<std::size_t> write(std::string_view from) override {
    return driver_([&](auto&... last) {
      return file_.write(asio::const_buffer(from.data(), from.size()), last...);
    });
  }
  result<std::size_t> write(bytes&& from) override {
    // A failed write gives the buffer back only within the expression that makes the call, and by a
    // completion token never.
    if constexpr (!Driver::has_token) {
      return driver_.run(file_.write(std::move(from)));
    } else {
      const bytes kept = from;
      auto count = driver_([&](auto&... last) { return file_.write(std::move(from), last...); });
      if (!count) from = kept;
      return count;
    }
  }
  result<std::size_t> read_at(std::uint64_t offset, std::span<char> to) override {
    return driver_([&](auto&... last) {
      return file_.read_at(offset, asio::buffer(to.data(), to.size()), last...);
    });
  }
  result<std::size_t> write_at(std::uint64_t offset, std::string_view from) override {
    return driver_([&](auto&... last) {
      return file_.write_at(offset, asio::const_buffer(from.data(), from.size()), last...);
    });
  }
  result<std::uint64_t> truncate(std::optional<std::uint64_t> size) override {
    return driver_([&](auto&... last) {
      return size ? file_.truncate(size, last...) : file_.truncate(last...);
    });
  }

  result<void> punch_hole(std::uint64_t offset, std::uint64_t size) override {
    return driver_([&](auto&... last) { return file_.punch_hole(offset, size, last...); });
  }
  result<std::uint64_t> next_data(std::uint64_t offset) const override {
    return file_.next_data(offset);
  }
  result<std::uint64_t> next_hole(std::uint64_t offset) const override {
    return file_.next_hole(offset);
  }
  result<pinned> pin(std::uint64_t offset, std::size_t n) override { return file_.pin(offset, n); }
  result<void> reserve(std::uint64_t size) override {
    return driver_([&](auto&... last) { return file_.reserve(size, last...); });
  }
  result<prepared> prepare(std::size_t n) override {
    return driver_([&](auto&... last) { return file_.prepare(n, last...); });
  }
  result<void> commit(std::size_t n) override { return file_.commit(n); }

  result<std::uint64_t> seek(std::int64_t offset, seek_from from) override {
    return file_.seek(offset, from);
  }
  result<std::uint64_t> tell() const override { return file_.tell(); }
  result<std::uint64_t> size() const override { return file_.size(); }
  result<void> flush() override { return file_.flush(); }
  result<void> close() override { return file_.close(); }

  bool is_open() const override { return file_.is_open(); }
  bool readable() const override { return file_.readable(); }
  bool writable() const override { return file_.writable(); }
  bool seekable() const override { return file_.seekable(); }
  std::string path() const override { return file_.path(); }
  open_mode mode() const override { return file_.mode(); }

  std::unique_ptr<any_file> moved() override {
    return std::make_unique<file_over>(std::move(file_), driver_);
  }
  void assign(any_file&& from) override { file_ = std::move(dynamic_cast<file_over&>(from).file_); }

  static result<std::string> as_text(const result<bytes>& r) {
    if (!r) return r.error();
    return text_of(r.value());
  }

  /// The file of the facade.
  File& inner() { return file_; }

 private:
  Driver driver_;
  File file_;
};

/// All that a range has.
inline result<std::vector<found_entry>> to_the_end(sync::entry_range<sync::file_system> range) {
  std::vector<found_entry> all;
  for (const found_entry& e : range) all.push_back(e);
  if (!range.status()) return range.status().error();
  return all;
}
inline asio::awaitable<result<std::vector<found_entry>>> to_the_end(
    entry_pages<file_system> pages) {
  std::vector<found_entry> all;
  for (;;) {
    auto page = co_await pages.next();
    if (!page) co_return page.error();
    if (page.value().empty()) co_return all;
    for (found_entry& e : page.value()) all.push_back(std::move(e));
  }
}

template <class FileSystem, class File, class Driver>
class file_system_over final : public any_file_system {
 public:
  file_system_over(FileSystem over, Driver driver) : driver_(driver), fs_(std::move(over)) {}

  const volume& get_volume() const override { return fs_.get_volume(); }

  result<std::unique_ptr<any_file>> open(std::string_view path, open_mode mode,
                                         open_options options) override {
    result<File> opened =
        driver_([&](auto&... last) { return fs_.open(path, mode, options, last...); });
    if (!opened) return opened.error();
    return std::make_unique<file_over<File, Driver>>(std::move(opened).value(), driver_);
  }
  result<std::unique_ptr<any_file>> open_unnamed(open_options options) override {
    result<File> opened =
        driver_([&](auto&... last) { return fs_.open_unnamed(options, last...); });
    if (!opened) return opened.error();
    return std::make_unique<file_over<File, Driver>>(std::move(opened).value(), driver_);
  }
  result<void> give_name(any_file& f, std::string_view path, naming_options options) override {
    File& file = dynamic_cast<file_over<File, Driver>&>(f).inner();
    return driver_([&](auto&... last) { return fs_.give_name(file, path, options, last...); });
  }
  result<void> give_names(file_set& files, std::vector<std::string> directories,
                          naming_options options) override {
    std::map<std::string, File> all;
    const auto inner = [](any_file& f) -> File& {
      return dynamic_cast<file_over<File, Driver>&>(f).inner();
    };
    for (auto& [path, file] : files) all[path] = std::move(inner(*file));
    auto done =
        driver_([&](auto&... last) { return fs_.give_names(all, directories, options, last...); });
    for (auto& [path, file] : files) inner(*file) = std::move(all[path]);
    return done;
  }
  result<void> create_directory(std::string_view path) override {
    return driver_([&](auto&... last) { return fs_.create_directory(path, last...); });
  }
  result<bool> create_directories(std::string_view path) override {
    return driver_([&](auto&... last) { return fs_.create_directories(path, last...); });
  }
  result<void> remove(std::string_view path, const remove_options& options) override {
    return driver_([&](auto&... last) { return fs_.remove(path, options, last...); });
  }
  result<void> remove_directory(std::string_view path) override {
    return driver_([&](auto&... last) { return fs_.remove_directory(path, last...); });
  }
  result<void> remove_tree(std::string_view path, const remove_options& options) override {
    return driver_([&](auto&... last) { return fs_.remove_tree(path, options, last...); });
  }
  result<void> rename(std::string_view from, std::string_view to,
                      const rename_options& options) override {
    return driver_([&](auto&... last) { return fs_.rename(from, to, options, last...); });
  }
  result<void> move(std::string_view from, std::string_view to,
                    const rename_options& options) override {
    return driver_([&](auto&... last) { return fs_.move(from, to, options, last...); });
  }
  result<void> copy(std::string_view from, std::string_view to,
                    const copy_options& options) override {
    return driver_([&](auto&... last) { return fs_.copy(from, to, options, last...); });
  }
  result<void> copy_tree(std::string_view from, std::string_view to) override {
    return driver_([&](auto&... last) { return fs_.copy_tree(from, to, last...); });
  }
  result<std::vector<std::string>> list(std::string_view path) override {
    return driver_([&](auto&... last) { return fs_.list(path, last...); });
  }
  result<std::vector<directory_entry>> list_entries(std::string_view path) override {
    return driver_([&](auto&... last) { return fs_.list_entries(path, last...); });
  }
  result<std::vector<directory_entry>> list_some(std::string_view path, std::string_view after,
                                                 std::size_t most) override {
    return driver_([&](auto&... last) { return fs_.list_some(path, after, most, last...); });
  }
  result<std::vector<found_entry>> each(std::string_view path) override {
    return driver_([&](auto&...) { return to_the_end(fs_.each(path)); });
  }
  result<std::vector<found_entry>> each_below(std::string_view path) override {
    return driver_([&](auto&...) { return to_the_end(fs_.each_below(path)); });
  }
  result<std::vector<found_entry>> each_match(std::string_view pattern) override {
    return driver_([&](auto&...) { return to_the_end(fs_.each_match(pattern)); });
  }
  result<std::vector<walk_entry>> walk(std::string_view path) override {
    return driver_([&](auto&... last) { return fs_.walk(path, last...); });
  }
  result<std::vector<std::string>> glob(std::string_view pattern) override {
    return driver_([&](auto&... last) { return fs_.glob(pattern, last...); });
  }
  result<bool> exists(std::string_view path) override {
    return driver_([&](auto&... last) { return fs_.exists(path, last...); });
  }
  result<bool> is_file(std::string_view path) override {
    return driver_([&](auto&... last) { return fs_.is_file(path, last...); });
  }
  result<bool> is_directory(std::string_view path) override {
    return driver_([&](auto&... last) { return fs_.is_directory(path, last...); });
  }
  result<file_status> stat(std::string_view path) override {
    return driver_([&](auto&... last) { return fs_.stat(path, last...); });
  }
  result<void> set_modified(std::string_view path,
                            std::chrono::system_clock::time_point to) override {
    return driver_([&](auto&... last) { return fs_.set_modified(path, to, last...); });
  }
  result<std::uint64_t> file_size(std::string_view path) override {
    return driver_([&](auto&... last) { return fs_.file_size(path, last...); });
  }
  result<std::string> read_file(std::string_view path,
                                std::optional<std::uint64_t> max_size) override {
    return file_over<File, Driver>::as_text(
        driver_([&](auto&... last) { return fs_.read_file(path, max_size, last...); }));
  }
  result<void> write_file(std::string_view path, std::string_view content) override {
    return driver_([&](auto&... last) {
      return fs_.write_file(path, asio::const_buffer(content.data(), content.size()), last...);
    });
  }
  result<file_map> export_tree(std::string_view prefix, export_options options) override {
    return driver_([&](auto&... last) { return fs_.export_tree(prefix, options, last...); });
  }
  result<void> export_each(std::string_view prefix, visitor v) override {
    return driver_([&](auto&...) { return fs_.export_each(prefix, std::move(v)); });
  }
  result<void> import_tree(file_map files, const import_options& options) override {
    return driver_(
        [&](auto&... last) { return fs_.import_tree(std::move(files), options, last...); });
  }
  result<volume_stats> stats() override {
    return driver_([&](auto&... last) { return fs_.stats(last...); });
  }

  std::uint64_t suspensions() const override { return driver_.suspensions(); }

 private:
  Driver driver_;
  FileSystem fs_;
};

}  // namespace coramfs::tests
