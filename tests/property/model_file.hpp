// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "property/model.hpp"

namespace coramfs::tests {

/// A handle of the model's.
class model_file final : public any_file {
 public:
  model_file(model& of, std::string path, open_mode mode, std::uint64_t cursor);
  model_file(const model_file&) = delete;
  model_file& operator=(const model_file&) = delete;
  ~model_file() override { close().value(); }

  result<std::size_t> read(std::span<char> to) override;
  result<std::string> read_all() override;
  result<std::size_t> write(std::string_view from) override;
  result<std::size_t> write(bytes&& from) override;
  result<std::size_t> read_at(std::uint64_t offset, std::span<char> to) override;
  result<std::size_t> write_at(std::uint64_t offset, std::string_view from) override;
  result<std::uint64_t> truncate(std::optional<std::uint64_t> size) override;
  result<void> reserve(std::uint64_t size) override;
  result<void> punch_hole(std::uint64_t offset, std::uint64_t size) override;
  // It knows of no holes.
  result<std::uint64_t> next_data(std::uint64_t offset) const override { return offset; }
  result<std::uint64_t> next_hole(std::uint64_t) const override { return size(); }

  result<std::uint64_t> seek(std::int64_t offset, seek_from from) override;
  result<std::uint64_t> tell() const override;
  result<std::uint64_t> size() const override;
  result<void> flush() override;
  result<void> close() override;

  bool is_open() const override { return of_.handles_.contains(this); }
  bool readable() const override { return is_open() && may_read(); }
  bool writable() const override { return is_open() && may_write(); }
  bool seekable() const override { return is_open(); }
  std::string path() const override { return path_; }
  open_mode mode() const override { return mode_; }

  /// The file, if it has lost its name; null: it has it.
  const std::shared_ptr<model_node>& unnamed() const { return unnamed_; }
  void lose_name(std::shared_ptr<model_node> to) { unnamed_ = std::move(to); }
  bool is_at(const std::string& path) const { return unnamed_ == nullptr && path_ == path; }

  // It has no memory to show, and no command asks for any.
  result<pinned> pin(std::uint64_t, std::size_t) override { return errc::not_supported; }
  result<prepared> prepare(std::size_t) override { return errc::not_supported; }
  result<void> commit(std::size_t) override { return errc::not_supported; }

  // It is never moved.
  std::unique_ptr<any_file> moved() override { return nullptr; }
  void assign(any_file&&) override {}

 private:
  bool may_read() const {
    return mode_ == open_mode::read || mode_ == open_mode::update ||
           mode_ == open_mode::write_read || mode_ == open_mode::append_read ||
           mode_ == open_mode::create_read;
  }
  bool appends() const { return mode_ == open_mode::append || mode_ == open_mode::append_read; }
  bool may_write() const { return mode_ != open_mode::read; }
  void require_open() const;
  void require_readable() const;
  void require_writable() const;
  model_node& node() const { return unnamed_ != nullptr ? *unnamed_ : of_.nodes_.at(path_); }
  std::uint64_t write_offset() const;

  model& of_;
  const std::string path_;               // a file that is open stays where it is, or loses its name
  std::shared_ptr<model_node> unnamed_;  // null: it has its name
  const open_mode mode_;
  std::uint64_t cursor_;
};

/// What it returns, or the `error` that it throws.
template <class Call>
auto attempt(Call call) -> result<decltype(call())> {
  try {
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      return boost::outcome_v2::success();
    } else {
      return call();
    }
  } catch (const error& e) {
    return e;
  }
}

}  // namespace coramfs::tests
