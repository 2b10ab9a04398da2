// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/wal_index.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace coramfs::sqlite::detail {

namespace {

// SQLite has atomic words in it; and lines of the cache should not be shared with what is beside
// it.
constexpr std::align_val_t alignment{64};

constexpr std::uint32_t bits(int first, int count) noexcept {
  return ((1u << count) - 1u) << first;
}

}  // namespace

void wal_index::give_back::operator()(std::byte* memory) const noexcept {
  ::operator delete(memory, alignment);
}

// Paid for before it is taken.
auto wal_index::make_part(const volume& payer, std::string_view path, std::size_t size)
    -> result<part> {
  part fresh;
  BOOST_OUTCOME_TRY(fresh.paid, coramfs::detail::held_charge::take(payer, path, size, size));
  fresh.memory.reset(static_cast<std::byte*>(::operator new(size, alignment, std::nothrow)));
  if (fresh.memory == nullptr) return errc::out_of_memory;
  std::memset(fresh.memory.get(), 0, size);
  return fresh;
}

// The charge is taken without the mutex, since it may ask the user's callbacks.
result<std::byte*> wal_index::region(user& by, const volume& payer, std::string_view path,
                                     std::size_t number, std::size_t size, bool make) try {
  for (part fresh;;) {
    std::size_t count = 0;
    {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(by.is_using_, true)) ++users_;
      count = parts_.size();
      if (fresh.memory != nullptr && count <= number) {
        parts_.push_back(std::move(fresh));
        ++count;
      }
      if (number < count) return parts_[number].memory.get();
    }
    if (!make) return nullptr;
    BOOST_OUTCOME_TRY(fresh, make_part(payer, path, size));
  }
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

void wal_index::leave(user& by) noexcept {
  unlock(by, 0, slot_count);
  std::vector<part> last;
  const std::lock_guard lock(mutex_);
  if (std::exchange(by.is_using_, false) && --users_ == 0) last.swap(parts_);
}

bool wal_index::lock_shared(user& by, int first, int count) noexcept {
  const std::lock_guard lock(mutex_);
  const std::uint32_t wanted = bits(first, count) & ~by.shared_;
  for (int i = first; i < first + count; ++i) {
    const user* const owner = slots_[static_cast<std::size_t>(i)].exclusive;
    if (owner != nullptr && owner != &by) return false;
  }
  for (int i = 0; i < slot_count; ++i)
    if ((wanted >> i & 1u) != 0) ++slots_[static_cast<std::size_t>(i)].shared;
  by.shared_ |= wanted;
  return true;
}

bool wal_index::lock(user& by, int first, int count) noexcept {
  const std::lock_guard lock(mutex_);
  for (int i = first; i < first + count; ++i) {
    const slot& s = slots_[static_cast<std::size_t>(i)];
    const int own = (by.shared_ >> i & 1u) != 0 ? 1 : 0;
    if (s.shared > own || (s.exclusive != nullptr && s.exclusive != &by)) return false;
  }
  for (int i = first; i < first + count; ++i) slots_[static_cast<std::size_t>(i)].exclusive = &by;
  by.exclusive_ |= bits(first, count);
  return true;
}

void wal_index::unlock(user& by, int first, int count) noexcept {
  const std::lock_guard lock(mutex_);
  for (int i = first; i < first + count; ++i) {
    slot& s = slots_[static_cast<std::size_t>(i)];
    if ((by.shared_ >> i & 1u) != 0) --s.shared;
    if ((by.exclusive_ >> i & 1u) != 0) s.exclusive = nullptr;
  }
  by.shared_ &= ~bits(first, count);
  by.exclusive_ &= ~bits(first, count);
}

}  // namespace coramfs::sqlite::detail
