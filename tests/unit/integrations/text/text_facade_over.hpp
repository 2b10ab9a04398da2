// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "unit/integrations/text/text_facade.hpp"

#include <asio/buffer.hpp>

#include <utility>

namespace coramfs::tests {

/// The one file that the tests open.
inline constexpr std::string_view text_path = "/text";

/// Both facades have the same names, so one template fits them to the interface of the tests. A
/// `Driver` turns what an operation returns into its result.
template <class FileSystem, class File, class TextFile, class Driver>
class text_over final : public any_text {
 public:
  text_over(const volume& v, open_mode mode, open_options options)
      : fs_(driver_.make(v)),
        file_(driver_(fs_.open(text_path, mode, options)).value()),
        text_(file_) {}

  result<std::size_t> write(std::string_view utf8) override { return driver_(text_.write(utf8)); }
  result<std::string> read(std::optional<std::size_t> characters) override {
    return driver_(characters ? text_.read(characters) : text_.read());
  }
  result<std::string> read_line(std::optional<std::size_t> limit) override {
    return driver_(limit ? text_.read_line(limit) : text_.read_line());
  }

  result<std::string> read_bytes(std::size_t n) override {
    std::string bytes(n, '\0');
    const auto read = driver_(file_.read(asio::buffer(bytes)));
    if (!read) return read.error();
    return bytes.substr(0, read.value());
  }
  result<std::size_t> write_bytes(std::string_view from) override {
    return driver_(file_.write(asio::const_buffer(from.data(), from.size())));
  }
  result<std::size_t> write_bytes_at(std::uint64_t offset, std::string_view from) override {
    return driver_(file_.write_at(offset, asio::const_buffer(from.data(), from.size())));
  }
  result<std::uint64_t> truncate(std::uint64_t size) override {
    return driver_(file_.truncate(size));
  }
  result<std::uint64_t> seek(std::int64_t offset, seek_from from) override {
    return file_.seek(offset, from);
  }
  result<std::uint64_t> tell() const override { return file_.tell(); }
  result<std::uint64_t> size() const override { return file_.size(); }
  result<void> close() override { return file_.close(); }
  bool is_open() const override { return file_.is_open(); }

  void begin(std::string encoding, decode_errors errors) override {
    text_ = TextFile(file_, std::move(encoding), errors);
  }
  void move() override {
    TextFile moved(std::move(text_));
    text_ = std::move(moved);
  }

  std::size_t suspensions() const override { return driver_.suspensions(); }

 private:
  Driver driver_;
  FileSystem fs_;
  File file_;
  TextFile text_;
};

}  // namespace coramfs::tests
