// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/byte_source.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/piece_list.hpp>
#include <coramfs/result.hpp>

#include "core/funding.hpp"
#include "core/lifetime.hpp"
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
///
/// One that is dropped before it has ended, with the context that it ran on, reads nothing of the
/// caller's: what it has not shown it takes back. Its handle may even be gone, or closed: that has
/// told it before, when there still was something to take back, and all that it touches from then
/// on is the volume, which it keeps alive.
class growing {
 public:
  claim& awaited() noexcept { return *claim_; }
  lock_timeout patience() const noexcept { return funds_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return file_->waiting(); }
  /// What has begun to write does not listen.
  void refuse(const error& why) noexcept;
  /// Called by its handle, which lets go of the file.
  void lose_file() noexcept;

 protected:
  /// What takes back what is not shown yet.
  using undoing = void(growing&) noexcept;

  explicit growing(open_file& file, undoing* undo = nullptr) noexcept
      : file_(&file), funds_(file.funds()), undo_(undo) {}
  growing(growing&& unbegun) noexcept = default;
  ~growing();

  /// Ends an `advance` after which others have a turn; `resume` ends the pause.
  progress pause(progress p) noexcept;

  /// Ends an `advance` that can not go on: it waits for space, or has failed.
  progress fail(const error& e) noexcept;
  /// Begins an `advance`. False: it has been refused.
  bool resume() noexcept;
  /// Makes room for a write. `yields`: its promotion needs more than a slice.
  result<progress> make_room(std::optional<std::uint64_t> offset, std::uint64_t size) noexcept;
  /// Goes on with a promotion, if there is one.
  result<progress> promote() noexcept;

  life_hold volume_;  // without a file
  open_file* file_;   // none: it is gone
  funding funds_;
  std::optional<space_claim> claim_;  // waited for
  result<void> status_ = boost::outcome_v2::success();
  std::unique_ptr<promotion> promotion_;
  std::uint64_t at_ = 0;  // where the room is

 private:
  void end_pause() noexcept;

  undoing* undo_;           // none: nothing
  bool is_paused_ = false;  // and the handle knows of it
};

/// A `write` or a `write_at`. Once it has begun to store no cancellation ends it. Dropped, it
/// leaves the file as it was, but for what it has overwritten by then.
class writing : public growing {
 public:
  /// `offset`: none for the cursor, which then moves. `from` must live until it is done.
  writing(open_file& file, std::optional<std::uint64_t> offset,
          std::span<const std::byte> from) noexcept
      : growing(file, [](growing& w) noexcept { static_cast<writing&>(w).undo(); }),
        from_(from),
        offset_(offset) {}
  writing(writing&&) noexcept = default;
  ~writing() { undo(); }

  progress advance() noexcept;
  result<std::size_t> outcome() noexcept;

 protected:
  bool has_begun() const noexcept { return stores_ || promotion_ != nullptr; }

  std::span<const std::byte> from_;

 private:
  void undo() noexcept;
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
  preparing(open_file& file, std::size_t size) noexcept
      : growing(file, [](growing& p) noexcept { static_cast<preparing&>(p).made_.reset(); }),
        size_(size) {}

  progress advance() noexcept;
  result<piece_list> outcome() noexcept;

 private:
  const std::size_t size_;
  std::unique_ptr<preparation> made_;
  piece_list places_;
};

/// A `truncate`. Once it has begun to store zeros no cancellation ends it; dropped, it leaves the
/// file as it was.
class truncating : public growing {
 public:
  truncating(open_file& file, std::optional<std::uint64_t> size) noexcept
      : growing(file, [](growing& t) noexcept { static_cast<truncating&>(t).undo(); }),
        size_(size) {}
  truncating(truncating&&) noexcept = default;
  ~truncating() { undo(); }

  progress advance() noexcept;
  result<std::uint64_t> outcome() noexcept;

 private:
  void undo() noexcept;
  void end() noexcept;

  std::optional<std::uint64_t> size_;
  bool stores_ = false;
  filling filling_;
};

}  // namespace coramfs::detail
