// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/byte_source.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/piece_list.hpp>
#include <coramfs/result.hpp>

#include "core/funding.hpp"
#include "core/operation.hpp"
#include "storage/promotion.hpp"
#include "tree/filling.hpp"
#include "tree/preparation.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace coramfs::detail {

/// What the operations have in common that make a file larger: they wait for space where the
/// handle does. The handle must stay where it is until they end.
class growing {
 public:
  claim& awaited() noexcept { return *claim_; }
  lock_timeout patience() const noexcept { return funds_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return file_.waiting(); }
  /// What has begun to write does not listen.
  void refuse(const error& why) noexcept;

 protected:
  explicit growing(open_file& file) noexcept : file_(file), funds_(file.funds()) {}
  growing(growing&& unbegun) noexcept = default;
  ~growing() = default;

  /// Ends an `advance` that can not go on: it waits for space, or has failed.
  progress fail(const error& e) noexcept;
  /// Begins an `advance`. False: it has been refused.
  bool resume() noexcept;
  /// Makes room for a write. `yields`: its promotion needs more than a slice.
  result<progress> make_room(std::optional<std::uint64_t> offset, std::uint64_t size) noexcept;
  /// Goes on with a promotion, if there is one.
  result<progress> promote() noexcept;

  open_file& file_;
  funding funds_;
  std::optional<space_claim> claim_;  // waited for
  result<void> status_ = boost::outcome_v2::success();
  std::unique_ptr<promotion> promotion_;
  std::uint64_t at_ = 0;  // where the room is

 private:
};

/// A `write` or a `write_at`. Once it has begun to store it goes on to the end, also if it is
/// dropped; before that it leaves the file as it was.
class writing : public growing {
 public:
  /// `offset`: none for the cursor, which then moves. `from` must live until it is done.
  writing(open_file& file, std::optional<std::uint64_t> offset,
          std::span<const std::byte> from) noexcept
      : growing(file), from_(from), offset_(offset) {}
  writing(writing&&) noexcept = default;
  ~writing();

  progress advance() noexcept;
  result<std::size_t> outcome() noexcept;

 protected:
  bool has_begun() const noexcept { return stores_ || promotion_ != nullptr; }

  std::span<const std::byte> from_;

 private:
  void end() noexcept;

  const std::optional<std::uint64_t> offset_;
  bool stores_ = false;
  filling filling_;
};

/// A `write` or a `write_at` from several places at once, stored in one slice: those who write much
/// in one sequence have Asio's composed operations cut it.
class gathering : public growing {
 public:
  gathering(open_file& file, std::optional<std::uint64_t> offset, const byte_source& from) noexcept
      : growing(file), offset_(offset), from_(from) {}

  progress advance() noexcept;
  result<std::size_t> outcome() noexcept;

 private:
  const std::optional<std::uint64_t> offset_;
  const byte_source from_;
};

/// A `write` of a buffer that is taken over, or copied where it can not be.
class adopting : public writing {
 public:
  adopting(open_file& file, bytes& from) noexcept : writing(file, {}, {}), buffer_(from) {}

  progress advance() noexcept;

 private:
  bytes& buffer_;
};

/// A `prepare`.
class preparing : public growing {
 public:
  preparing(open_file& file, std::size_t size) noexcept : growing(file), size_(size) {}

  progress advance() noexcept;
  result<piece_list> outcome() noexcept;

 private:
  const std::size_t size_;
  std::unique_ptr<preparation> made_;
  piece_list places_;
};

/// A `truncate`. What has begun to store zeros goes on to the end.
class truncating : public growing {
 public:
  truncating(open_file& file, std::optional<std::uint64_t> size) noexcept
      : growing(file), size_(size) {}
  truncating(truncating&&) noexcept = default;
  ~truncating();

  progress advance() noexcept;
  result<std::uint64_t> outcome() noexcept;

 private:
  void end() noexcept;

  std::optional<std::uint64_t> size_;
  bool stores_ = false;
  filling filling_;
};

}  // namespace coramfs::detail
