// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "api/facade.hpp"

#include "support/describe.hpp"

#include <asio/buffer.hpp>

#include <utility>

namespace coramfs::tests {

/// Both facades have the same names, so one template fits them to the interface of the tests.
/// A `Driver` is a cheap handle that turns what an operation returns into its result.
template <class File, class Driver>
class file_over final : public any_file {
 public:
  file_over(File opened, Driver driver) : driver_(driver), file_(std::move(opened)) {}

  result<std::size_t> read(std::span<char> to) override {
    return driver_(file_.read(asio::buffer(to.data(), to.size())));
  }
  result<std::string> read_all() override { return as_text(driver_(file_.read_all())); }
  result<std::size_t> write(std::string_view from) override {
    return driver_(file_.write(asio::const_buffer(from.data(), from.size())));
  }
  result<std::size_t> write(bytes&& from) override { return driver_(file_.write(std::move(from))); }
  result<std::size_t> read_at(std::uint64_t offset, std::span<char> to) override {
    return driver_(file_.read_at(offset, asio::buffer(to.data(), to.size())));
  }
  result<std::size_t> write_at(std::uint64_t offset, std::string_view from) override {
    return driver_(file_.write_at(offset, asio::const_buffer(from.data(), from.size())));
  }
  result<std::uint64_t> truncate(std::optional<std::uint64_t> size) override {
    return driver_(size ? file_.truncate(size) : file_.truncate());
  }

  result<pinned> pin(std::uint64_t offset, std::size_t n) override { return file_.pin(offset, n); }
  result<prepared> prepare(std::size_t n) override { return driver_(file_.prepare(n)); }
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

 private:
  Driver driver_;
  File file_;
};

template <class FileSystem, class File, class Driver>
class file_system_over final : public any_file_system {
 public:
  file_system_over(FileSystem over, Driver driver) : driver_(driver), fs_(std::move(over)) {}

  const volume& get_volume() const override { return fs_.get_volume(); }

  result<std::unique_ptr<any_file>> open(std::string_view path, open_mode mode,
                                         open_options options) override {
    result<File> opened = driver_(fs_.open(path, mode, options));
    if (!opened) return opened.error();
    return std::make_unique<file_over<File, Driver>>(std::move(opened).value(), driver_);
  }
  result<void> create_directory(std::string_view path) override {
    return driver_(fs_.create_directory(path));
  }
  result<bool> create_directories(std::string_view path) override {
    return driver_(fs_.create_directories(path));
  }
  result<void> remove(std::string_view path) override { return driver_(fs_.remove(path)); }
  result<void> remove_tree(std::string_view path) override {
    return driver_(fs_.remove_tree(path));
  }
  result<void> rename(std::string_view from, std::string_view to, if_exists existing) override {
    return driver_(fs_.rename(from, to, existing));
  }
  result<void> move(std::string_view from, std::string_view to, if_exists existing) override {
    return driver_(fs_.move(from, to, existing));
  }
  result<void> copy(std::string_view from, std::string_view to, if_exists existing) override {
    return driver_(fs_.copy(from, to, existing));
  }
  result<void> copy_tree(std::string_view from, std::string_view to) override {
    return driver_(fs_.copy_tree(from, to));
  }
  result<std::vector<std::string>> list(std::string_view path) override {
    return driver_(fs_.list(path));
  }
  result<std::vector<walk_entry>> walk(std::string_view path) override {
    return driver_(fs_.walk(path));
  }
  result<std::vector<std::string>> glob(std::string_view pattern) override {
    return driver_(fs_.glob(pattern));
  }
  result<bool> exists(std::string_view path) override { return driver_(fs_.exists(path)); }
  result<bool> is_file(std::string_view path) override { return driver_(fs_.is_file(path)); }
  result<bool> is_directory(std::string_view path) override {
    return driver_(fs_.is_directory(path));
  }
  result<file_status> stat(std::string_view path) override { return driver_(fs_.stat(path)); }
  result<void> set_modified(std::string_view path,
                            std::chrono::system_clock::time_point to) override {
    return driver_(fs_.set_modified(path, to));
  }
  result<std::uint64_t> file_size(std::string_view path) override {
    return driver_(fs_.file_size(path));
  }
  result<std::string> read_file(std::string_view path,
                                std::optional<std::uint64_t> max_size) override {
    return file_over<File, Driver>::as_text(driver_(fs_.read_file(path, max_size)));
  }
  result<void> write_file(std::string_view path, std::string_view content) override {
    return driver_(fs_.write_file(path, asio::const_buffer(content.data(), content.size())));
  }
  result<file_map> export_tree(std::string_view prefix, export_options options) override {
    return driver_(fs_.export_tree(prefix, options));
  }
  result<void> export_each(std::string_view prefix, visitor v) override {
    return driver_(fs_.export_each(prefix, std::move(v)));
  }
  result<void> import_tree(file_map files) override {
    return driver_(fs_.import_tree(std::move(files)));
  }
  result<volume_stats> stats() override { return driver_(fs_.stats()); }

  std::uint64_t suspensions() const override { return driver_.suspensions(); }

 private:
  Driver driver_;
  FileSystem fs_;
};

}  // namespace coramfs::tests
