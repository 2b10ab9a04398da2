// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/open_file.hpp>
#include <coramfs/result.hpp>

#include "core/operation.hpp"
#include "handles/open_operation.hpp"

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
class read_operation {
 public:
  /// Without an `offset` it reads at the cursor, which then moves.
  read_operation(open_file& file, std::optional<std::uint64_t> offset,
                 std::span<std::byte> to) noexcept
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
class content_reader {
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
class read_all_operation {
 public:
  explicit read_all_operation(open_file& file) noexcept : file_(file) {}

  progress advance() noexcept;
  void refuse(const error& why) noexcept { status_ = file_.noted(call::read, why); }
  result<bytes> outcome() noexcept;

 private:
  result<void> begin() noexcept;

  open_file& file_;
  bool has_begun_ = false;
  std::uint64_t end_ = 0;
  content_reader<bytes> content_;
  result<void> status_ = boost::outcome_v2::success();
};

/// A `read_file` or a `read_text`: an opening that reads everything, without a handle. Guarded by
/// its operation, which holds the file's lock.
template <class Container>
class read_file_operation {
 public:
  explicit read_file_operation(open_operation source,
                               std::optional<std::uint64_t> max_size = {}) noexcept
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

  open_operation opening_;
  const std::optional<std::uint64_t> max_size_;
  bool is_open_ = false;
  content_reader<Container> content_;
  result<void> status_ = boost::outcome_v2::success();
};

extern template class read_file_operation<bytes>;
extern template class read_file_operation<std::string>;

/// The reading of a file whose path the tree gave out, for an export. It gives no bytes if the file
/// has gone since.
class given_out_reader {
 public:
  given_out_reader(const std::shared_ptr<volume_state>& v, const std::string& path,
                   call by) noexcept
      : file_(open_operation::for_reading(v, path_argument(path), by)) {}

  progress advance() noexcept { return file_.advance(); }
  claim& awaited() noexcept { return file_.awaited(); }
  lock_timeout patience() const noexcept { return file_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return file_.waiting(); }
  void refuse(const error& why) noexcept { file_.refuse(why); }
  error unmet() const noexcept { return file_.unmet(); }
  result<std::optional<bytes>> outcome() noexcept;

 private:
  read_file_operation<bytes> file_;
};

}  // namespace coramfs::detail
