// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>
#include <coramfs/result.hpp>

#include "integrations/archive/archive_handle.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace coramfs::detail {

/// A handle by which libarchive writes, with a filter or none, into memory.
///
/// Thread safety: one thread at a time. It may throw `std::bad_alloc`.
class compressor {
 public:
  compressor();
  compressor(const compressor&) = delete;
  compressor& operator=(const compressor&) = delete;
  // Without an end what is left goes nowhere.
  ~compressor();

  /// Its format has nothing to free but itself, and would write what is missing of an entry.
  void stops_short() noexcept { stops_short_ = true; }

  ::archive* get() noexcept { return handle_.get(); }
  /// Begins, once the handle has its format and its filter. Errors: `unsupported_archive`.
  result<void> open();
  result<void> write(std::span<const std::byte> content);
  result<void> finish();
  /// What a call of libarchive's for the handle has come to.
  result<void> outcome(int of_call);
  /// Bytes that were written since the last time.
  std::vector<std::byte>& made() noexcept { return made_; }

 private:
  static la_ssize_t on_write(::archive* handle, void* self, const void* from,
                             std::size_t size) noexcept;

  std::vector<std::byte> made_;
  bool has_failed_ = false;  // for want of memory
  bool discards_ = false, stops_short_ = false;
  archive_handle handle_;
};

/// A writer of what libarchive writes itself. Errors: as `archive_writer::make`.
result<std::unique_ptr<class archive_writer>> make_stream_writer(archive_format format,
                                                                 const archive_options& options);
/// A writer of 7z, which libarchive can only write by a file on the disk. Errors: likewise.
result<std::unique_ptr<class archive_writer>> make_seven_zip_writer(const archive_options& options);

}  // namespace coramfs::detail
