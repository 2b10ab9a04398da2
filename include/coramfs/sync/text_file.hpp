// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/decode_errors.hpp>
#include <coramfs/sync/file.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace coramfs {

namespace detail {
class text_state;
}  // namespace detail

namespace sync {

/// A file as text, for threads: the twin of `coramfs::text_file` with the same names, arguments
/// and results. It blocks where `sync::file::write` does.
///
/// Thread safety: as the file's: one object, one call at a time.
///
/// Lifetime: it neither owns nor closes the file, which must outlive it and stay where it is.
///
///     auto f = fs.open("/notes", coramfs::open_mode::append).value();
///     coramfs::sync::text_file text(f, "utf-16");
///     text.write("a line\n").value();
class CORAMFS_EXPORT text_file {
 public:
  explicit text_file(file& over, std::string encoding = "utf-8",
                     decode_errors errors = decode_errors::strict) noexcept;
  text_file(text_file&&) noexcept;
  text_file& operator=(text_file&&) noexcept;
  ~text_file();

  result<std::size_t> write(std::string_view utf8);
  result<std::string> read(std::optional<std::size_t> characters = {});
  result<std::string> read_line(std::optional<std::size_t> limit = {});

 private:
  file* file_;
  std::unique_ptr<detail::text_state> state_;
};

}  // namespace sync
}  // namespace coramfs
