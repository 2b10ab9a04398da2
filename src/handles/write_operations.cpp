// SPDX-License-Identifier: BSL-1.0
#include "handles/write_operations.hpp"

#include "core/pace.hpp"

#include <utility>

namespace coramfs::detail {

void growth_operation::refuse(const error& why) noexcept {
  if (!claim_) return;
  status_ = noted(claim_->ended(why));
  claim_.reset();
}

error growth_operation::noted(const error& e) const noexcept {
  return file_ != nullptr ? file_->noted(by_, e) : e;
}

growth_operation::~growth_operation() { end_pause(); }

progress growth_operation::pause(progress p) noexcept {
  is_paused_ = true;
  file_->set_under_way(this);
  return p;
}

void growth_operation::end_pause() noexcept {
  if (std::exchange(is_paused_, false)) file_->set_under_way(nullptr);
}

void growth_operation::lose_file() noexcept {
  if (undo_ != nullptr) undo_(*this);
  promotion_.reset();
  volume_ = file_->keep_volume();
  status_ = noted(errc::not_open);
  file_ = nullptr;
  is_paused_ = false;
}

progress growth_operation::fail(const error& e) noexcept {
  const result<progress> goes_on = funds_.may_wait_after(e) ? wait_after(e) : e;
  if (goes_on) return goes_on.value();
  status_ = noted(goes_on.error());
  return progress::done;
}

// The callback may be called in here, and may close the handle or destroy it. So it is paused by
// then, and the handle tells it.
result<progress> growth_operation::wait_after(const error& e) noexcept {
  pause(progress::waits);
  auto room = funds_.claim_after(e, file_->own_charge());
  if (file_ == nullptr) return progress::done;
  if (!room) {
    end_pause();
    return e;
  }
  if (!room->is_asking()) {
    if (const auto goes_on = file_->ask_waiting_for_space(e.requested()); !goes_on) {
      end_pause();
      return goes_on.error();
    }
  }
  claim_.emplace(std::move(*room));
  return progress::waits;
}

bool growth_operation::resume() noexcept {
  end_pause();
  if (claim_) funds_.granted(*claim_);
  claim_.reset();
  return status_.has_value();
}

result<progress> growth_operation::make_room(std::optional<std::uint64_t> offset,
                                             std::uint64_t size) noexcept {
  if (promotion_ == nullptr) {
    BOOST_OUTCOME_TRY(at_, file_->make_room(offset, size, funds_.grant(), promotion_));
  }
  return promote();
}

result<progress> growth_operation::promote() noexcept {
  if (promotion_ == nullptr) return progress::done;
  const auto is_done = promotion_->advance(slice_size);
  if (is_done && !is_done.value()) return pause(progress::yields);
  promotion_.reset();
  BOOST_OUTCOME_TRY(is_done);
  return progress::done;
}

progress write_operation::advance() noexcept {
  if (!resume()) return progress::done;
  if (!stores_) {
    if (from_.empty()) {
      status_ = file_->require_writable();
      return progress::done;
    }
    const auto made = make_room(offset_, from_.size());
    if (!made) return fail(made.error());
    if (made.value() == progress::yields) return progress::yields;
    stores_ = true;
    filling_.begin(file_->content(), at_, from_);
  }
  filling_.store_slice();
  if (!filling_.is_done()) return pause(progress::yields);
  end();
  return progress::done;
}

result<std::size_t> write_operation::outcome() noexcept {
  if (!status_) return status_.error();
  return from_.size();
}

// What is not stored yet is not read any more: the caller's bytes may be gone.
void write_operation::undo() noexcept {
  if (std::exchange(stores_, false)) file_->drop_room(at_, filling_.next());
}

void write_operation::end() noexcept {
  stores_ = false;
  filling_ = content_filler();
  file_->changed();
  if (!offset_) file_->set_cursor(at_ + from_.size());
}

progress gather_write_operation::advance() noexcept {
  if (!resume()) return progress::done;
  if (from_.size() == 0) {
    status_ = file_->require_writable();
    return progress::done;
  }
  const auto made = make_room(offset_, from_.size());
  if (!made) return fail(made.error());
  if (made.value() == progress::yields) return progress::yields;
  file_->store_all(offset_, at_, from_);
  return progress::done;
}

result<std::size_t> gather_write_operation::outcome() noexcept {
  if (!status_) return status_.error();
  return static_cast<std::size_t>(from_.size());
}

progress adopt_operation::advance() noexcept {
  if (!has_begun()) {
    if (!resume()) return progress::done;
    from_ = buffer_;
    const auto adopted = file_->adopt(buffer_, funds_.grant());
    if (!adopted) return fail(adopted.error());
    if (adopted.value()) return progress::done;
  }
  const progress copied = write_operation::advance();
  if (copied == progress::done && status_) buffer_ = bytes();
  return copied;
}

progress reserve_operation::advance() noexcept {
  if (!resume()) return progress::done;
  const auto paid = file_->reserve(size_, funds_.grant());
  return paid ? progress::done : fail(paid.error());
}

progress announce_operation::advance() noexcept {
  if (!resume()) return progress::done;
  auto told = file_->require_growing(call::announce);
  if (told && reserves_) told = file_->reserve(size_, funds_.grant());
  if (told) told = file_->announce(size_);
  return told ? progress::done : fail(told.error());
}

progress prepare_operation::advance() noexcept {
  if (!resume()) return progress::done;
  if (made_ == nullptr) {
    auto made = file_->prepare(size_, funds_.grant(), promotion_);
    if (!made) return fail(made.error());
    made_ = std::move(made).value();
  }
  const auto promoted = promote();
  if (!promoted) return fail(promoted.error());
  if (promoted.value() == progress::yields) return progress::yields;
  places_ = file_->prepared(std::move(made_));
  return progress::done;
}

result<piece_list> prepare_operation::outcome() noexcept {
  if (!status_) return status_.error();
  return std::move(places_);
}

progress truncate_operation::advance() noexcept {
  if (!resume()) return progress::done;
  if (!stores_) {
    if (!size_) size_ = file_->cursor();
    const auto zeros_from = file_->make_length(*size_, funds_.grant());
    if (!zeros_from) return fail(zeros_from.error());
    stores_ = true;
    filling_.begin_zeros(file_->content(), zeros_from.value(), *size_);
  }
  if (!filling_.is_done()) filling_.store_slice();
  if (!filling_.is_done()) return pause(progress::yields);
  end();
  return progress::done;
}

result<std::uint64_t> truncate_operation::outcome() noexcept {
  if (!status_) return status_.error();
  return *size_;
}

void truncate_operation::undo() noexcept {
  if (std::exchange(stores_, false)) file_->drop_room(0, 0);
}

void truncate_operation::end() noexcept {
  stores_ = false;
  filling_ = content_filler();
  file_->length_made(*size_);
}

}  // namespace coramfs::detail
