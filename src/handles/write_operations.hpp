// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/byte_source.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/piece_list.hpp>
#include <coramfs/result.hpp>

#include "core/error_note.hpp"
#include "core/funding.hpp"
#include "core/lifetime.hpp"
#include "core/operation.hpp"
#include "handles/content_filler.hpp"
#include "handles/preparation.hpp"
#include "storage/promotion.hpp"

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
/// An operation that is dropped before it has ended, with the context that it ran on, reads nothing
/// of the caller's, and takes back what it has not shown. Its handle may be closed or gone by then.
/// So a handle that lets go of its file tells the operation before, by `lose_file`, which takes
/// back at once; from then on the operation touches only the volume, which it keeps alive.
///
/// Guarded by its handle, which takes one call at a time and holds the file's lock.
class growth_operation {
 public:
  claim& awaited() noexcept { return *claim_; }
  lock_timeout patience() const noexcept { return funds_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return file_->waiting(); }
  /// Ends a wait. An operation that has begun to write does not listen.
  void refuse(const error& why) noexcept;
  error unmet() const noexcept { return noted(claim_->unmet()); }
  /// Called by its handle, which lets go of the file.
  void lose_file() noexcept;

 protected:
  /// A function that takes back what is not shown yet.
  using undoing = void(growth_operation&) noexcept;

  explicit growth_operation(open_file& file, call by, undoing* undo = nullptr) noexcept
      : file_(&file), funds_(file.funds()), undo_(undo), by_(by) {}
  growth_operation(growth_operation&& unbegun) noexcept = default;
  ~growth_operation();

  /// Ends an `advance` after which the operation goes on later, and tells the handle of it. Returns
  /// `p`. `resume` ends the pause.
  progress pause(progress p) noexcept;

  /// Ends an `advance` that can not go on: it waits for space, or has failed.
  progress fail(const error& e) noexcept;
  /// Begins an `advance`. Returns whether it may go on: not if it has been refused.
  bool resume() noexcept;
  /// Makes room for a write. Returns `yields` if it has begun a promotion that goes on in the next
  /// slice.
  result<progress> make_room(std::optional<std::uint64_t> offset, std::uint64_t size) noexcept;
  /// Goes on with a promotion, if there is one.
  result<progress> promote() noexcept;

  life_hold volume_;  // holds the volume once the handle is gone
  open_file* file_;   // null if the handle is gone
  funding funds_;
  std::optional<space_claim> claim_;  // what it waits for, if it does
  result<void> status_ = boost::outcome_v2::success();
  std::unique_ptr<promotion> promotion_;
  std::uint64_t at_ = 0;  // where the room is

 private:
  result<progress> wait_after(const error& e) noexcept;
  void end_pause() noexcept;
  error noted(const error& e) const noexcept;

  undoing* undo_;           // null if there is nothing to take back
  const call by_;           // for the text of its errors
  bool is_paused_ = false;  // whether it goes on later, which the handle knows
};

/// A `write` or a `write_at`. Once it has begun to store no cancellation ends it. If it is dropped,
/// the file stays as it was, but for what has been overwritten by then.
class write_operation : public growth_operation {
 public:
  /// Without an `offset` it writes where `write` does, and the cursor moves. `from` must live until
  /// it is done.
  write_operation(open_file& file, std::optional<std::uint64_t> offset,
                  std::span<const std::byte> from) noexcept
      : growth_operation(
            file, call::write,
            [](growth_operation& w) noexcept { static_cast<write_operation&>(w).undo(); }),
        from_(from),
        offset_(offset) {}
  write_operation(write_operation&&) noexcept = default;
  ~write_operation() { undo(); }

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
  content_filler filling_;
};

/// A `write` or a `write_at` of bytes from several places, which are stored in one slice: for long
/// sequences there are Asio's composed operations, which cut them.
class gather_write_operation : public growth_operation {
 public:
  gather_write_operation(open_file& file, std::optional<std::uint64_t> offset,
                         const byte_source& from) noexcept
      : growth_operation(file, call::write), offset_(offset), from_(from) {}

  progress advance() noexcept;
  result<std::size_t> outcome() noexcept;

 private:
  const std::optional<std::uint64_t> offset_;
  const byte_source from_;
};

/// A `write` of a buffer that is taken over, or copied where it can not be.
class adopt_operation : public write_operation {
 public:
  adopt_operation(open_file& file, bytes& from) noexcept
      : write_operation(file, {}, {}), buffer_(from) {}

  progress advance() noexcept;

 private:
  bytes& buffer_;
};

/// A `reserve`. If it is dropped, the file stays as it was.
class reserve_operation : public growth_operation {
 public:
  reserve_operation(open_file& file, std::uint64_t size) noexcept
      : growth_operation(file, call::reserve), size_(size) {}

  progress advance() noexcept;
  result<void> outcome() const noexcept { return status_; }

 private:
  const std::uint64_t size_;
};

/// An `announce`, which may pay for what it announces. If it is dropped, nothing is announced.
class announce_operation : public growth_operation {
 public:
  announce_operation(open_file& file, std::uint64_t size, bool reserves) noexcept
      : growth_operation(file, call::announce), size_(size), reserves_(reserves) {}

  progress advance() noexcept;
  result<void> outcome() const noexcept { return status_; }

 private:
  const std::uint64_t size_;
  const bool reserves_;
};

/// A `prepare`. If it is dropped, the file stays as it was.
class prepare_operation : public growth_operation {
 public:
  prepare_operation(open_file& file, std::size_t size) noexcept
      : growth_operation(
            file, call::prepare,
            [](growth_operation& p) noexcept { static_cast<prepare_operation&>(p).made_.reset(); }),
        size_(size) {}

  progress advance() noexcept;
  result<piece_list> outcome() noexcept;

 private:
  const std::size_t size_;
  std::unique_ptr<preparation> made_;
  piece_list places_;
};

/// A `punch_hole`, which is done in one step.
class punch_operation {
 public:
  punch_operation(open_file& file, std::uint64_t offset, std::uint64_t size) noexcept
      : file_(file), offset_(offset), size_(size) {}

  progress advance() noexcept {
    status_ = file_.punch_hole(offset_, size_);
    return progress::done;
  }
  void refuse(const error&) noexcept {}
  result<void> outcome() noexcept { return status_; }

 private:
  open_file& file_;
  const std::uint64_t offset_, size_;
  result<void> status_ = boost::outcome_v2::success();
};

/// A `truncate`. Once it has begun to store zeros no cancellation ends it. If it is dropped, the
/// file stays as it was.
class truncate_operation : public growth_operation {
 public:
  truncate_operation(open_file& file, std::optional<std::uint64_t> size) noexcept
      : growth_operation(
            file, call::truncate,
            [](growth_operation& t) noexcept { static_cast<truncate_operation&>(t).undo(); }),
        size_(size) {}
  truncate_operation(truncate_operation&&) noexcept = default;
  ~truncate_operation() { undo(); }

  progress advance() noexcept;
  result<std::uint64_t> outcome() noexcept;

 private:
  void undo() noexcept;
  void end() noexcept;

  std::optional<std::uint64_t> size_;
  bool stores_ = false;
  content_filler filling_;
};

}  // namespace coramfs::detail
