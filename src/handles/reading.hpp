// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/open_file.hpp>
#include <coramfs/result.hpp>

#include "core/operation.hpp"
#include "handles/opening.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace coramfs::detail {

/// A `read` or a `read_at`, in slices. A cancellation ends it between two of them, and leaves the
/// cursor. The handle must stay where it is until it is done.
///
/// Guarded by its handle, which takes one call at a time.
class reading {
 public:
  /// Without an `offset` it reads at the cursor, which then moves.
  reading(open_file& file, std::optional<std::uint64_t> offset, std::span<std::byte> to) noexcept
      : file_(file), offset_(offset), to_(to) {}

  progress advance() noexcept;
  void refuse(const error& why) noexcept { status_ = file_.noted(call::read, why); }
  result<std::size_t> outcome() noexcept;

 private:
  open_file& file_;
  const std::optional<std::uint64_t> offset_;
  const std::span<std::byte> to_;
  std::size_t count_ = 0;
  result<void> status_ = boost::outcome_v2::success();
};

/// The bytes of a content on their way into a vector or a string, slice by slice. Guarded by its
/// operation, which holds the file's lock.
template <class Container>
class content_reading {
 public:
  /// Makes room for the bytes from `begin` to `end`. Errors: `too_large` above `max_size`, before
  /// anything is allocated; `out_of_memory`.
  result<void> begin(std::uint64_t begin, std::uint64_t end,
                     std::optional<std::uint64_t> max_size) noexcept;
  bool is_done() const noexcept { return all_.size() == size_; }
  /// `read(offset, to)` reads the content; it has all the bytes.
  template <class Read>
  void read_slice(Read read) noexcept;
  Container take() noexcept { return std::move(all_); }

 private:
  std::uint64_t begin_ = 0, size_ = 0;
  Container all_;
};

/// A `read_all`, in slices. A cancellation ends it between two of them, and leaves the cursor. The
/// handle must stay where it is until it is done.
///
/// Guarded by its handle, which takes one call at a time.
class reading_all {
 public:
  explicit reading_all(open_file& file) noexcept : file_(file) {}

  progress advance() noexcept;
  void refuse(const error& why) noexcept { status_ = file_.noted(call::read, why); }
  result<bytes> outcome() noexcept;

 private:
  result<void> begin() noexcept;

  open_file& file_;
  bool has_begun_ = false;
  std::uint64_t end_ = 0;
  content_reading<bytes> content_;
  result<void> status_ = boost::outcome_v2::success();
};

/// A `read_file` or a `read_text`: an opening that reads everything, without a handle. Guarded by
/// its operation, which holds the file's lock.
template <class Container>
class file_reading {
 public:
  explicit file_reading(opening source, std::optional<std::uint64_t> max_size = {}) noexcept
      : opening_(std::move(source)), max_size_(max_size) {}

  progress advance() noexcept;
  claim& awaited() noexcept { return opening_.awaited(); }
  lock_timeout patience() const noexcept { return opening_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return opening_.waiting(); }
  void refuse(const error& why) noexcept;
  error unmet() const noexcept { return opening_.unmet(); }
  result<Container> outcome() noexcept;

 private:
  progress end_with(result<void> status) noexcept;

  opening opening_;
  const std::optional<std::uint64_t> max_size_;
  bool is_open_ = false;
  content_reading<Container> content_;
  result<void> status_ = boost::outcome_v2::success();
};

extern template class file_reading<bytes>;
extern template class file_reading<std::string>;

/// The reading of a file whose path the tree gave out, for an export. It gives no bytes if the file
/// has gone since.
class given_out_reading {
 public:
  given_out_reading(const std::shared_ptr<volume_state>& v, const std::string& path,
                    call by) noexcept
      : file_(opening::reading(v, path_argument(path), by)) {}

  progress advance() noexcept { return file_.advance(); }
  claim& awaited() noexcept { return file_.awaited(); }
  lock_timeout patience() const noexcept { return file_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return file_.waiting(); }
  void refuse(const error& why) noexcept { file_.refuse(why); }
  error unmet() const noexcept { return file_.unmet(); }
  result<std::optional<bytes>> outcome() noexcept;

 private:
  file_reading<bytes> file_;
};

}  // namespace coramfs::detail
