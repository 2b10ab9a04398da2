// SPDX-License-Identifier: BSL-1.0
#include "tree/writing.hpp"

#include <utility>

namespace coramfs::detail {

void growing::refuse(const error& why) noexcept {
  if (std::exchange(awaits_room_, false)) status_ = why;
}

progress growing::fail(const error& e) noexcept {
  if (funds_.may_wait_after(e) && funds_.waits_after(e, file_.own_charge())) {
    awaits_room_ = true;
    return progress::waits;
  }
  status_ = e;
  return progress::done;
}

bool growing::resume() noexcept {
  if (std::exchange(awaits_room_, false)) funds_.granted();
  return status_.has_value();
}

writing::~writing() {
  if (stores_) end();
}

progress writing::advance() noexcept {
  if (!resume()) return progress::done;
  if (!stores_) {
    if (from_.empty()) {
      status_ = file_.require_writable();
      return progress::done;
    }
    const auto at = file_.make_room(offset_, from_.size(), funds_.grant());
    if (!at) return fail(at.error());
    at_ = at.value();
    stores_ = true;
    filling_.begin(file_.content(), at_, from_);
  }
  filling_.store_slice();
  if (!filling_.is_done()) return progress::yields;
  end();
  return progress::done;
}

result<std::size_t> writing::outcome() noexcept {
  if (!status_) return status_.error();
  return from_.size();
}

void writing::end() noexcept {
  stores_ = false;
  filling_ = filling();
  file_.changed();
  if (!offset_) file_.set_cursor(at_ + from_.size());
}

progress gathering::advance() noexcept {
  if (!resume()) return progress::done;
  if (from_.size() == 0) {
    status_ = file_.require_writable();
    return progress::done;
  }
  const auto at = file_.make_room(offset_, from_.size(), funds_.grant());
  if (!at) return fail(at.error());
  file_.store_all(offset_, at.value(), from_);
  return progress::done;
}

result<std::size_t> gathering::outcome() noexcept {
  if (!status_) return status_.error();
  return static_cast<std::size_t>(from_.size());
}

progress adopting::advance() noexcept {
  if (!resume()) return progress::done;
  const auto count = file_.adopt(from_, funds_.grant());
  if (!count) return fail(count.error());
  count_ = count.value();
  return progress::done;
}

result<std::size_t> adopting::outcome() noexcept {
  if (!status_) return status_.error();
  return count_;
}

progress preparing::advance() noexcept {
  if (!resume()) return progress::done;
  auto places = file_.prepare(size_, funds_.grant());
  if (!places) return fail(places.error());
  places_ = std::move(places).value();
  return progress::done;
}

result<piece_list> preparing::outcome() noexcept {
  if (!status_) return status_.error();
  return std::move(places_);
}

truncating::~truncating() {
  if (stores_) end();
}

progress truncating::advance() noexcept {
  if (!resume()) return progress::done;
  if (!stores_) {
    if (!size_) size_ = file_.cursor();
    const auto zeros_from = file_.make_length(*size_, funds_.grant());
    if (!zeros_from) return fail(zeros_from.error());
    stores_ = true;
    filling_.begin_zeros(file_.content(), zeros_from.value(), *size_);
  }
  if (!filling_.is_done()) filling_.store_slice();
  if (!filling_.is_done()) return progress::yields;
  end();
  return progress::done;
}

result<std::uint64_t> truncating::outcome() noexcept {
  if (!status_) return status_.error();
  return *size_;
}

void truncating::end() noexcept {
  stores_ = false;
  filling_ = filling();
  file_.length_made(*size_);
}

}  // namespace coramfs::detail
