// SPDX-License-Identifier: BSL-1.0
#include "storage/unsharer.hpp"

#include "storage/storage.hpp"

#include <cstring>
#include <new>
#include <utility>

namespace coramfs::detail {

result<std::unique_ptr<unsharer>> unsharer::begin(storage& of, const account& payer) noexcept try {
  std::unique_ptr<unsharer> all(new unsharer(of));
  const totals now = of.totals_now();
  all->after_ = now;
  of.for_each_shared([&](std::uint64_t place, const block& b, std::size_t size) {
    all->copies_.push_back({place, &b, size, {}});
    all->after_.footprint += block::footprint(size) - b.charged();
  });
  if (all->copies_.empty()) return std::unique_ptr<unsharer>();
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(payer.ask_reserving(all->after_, now));
  }
  BOOST_OUTCOME_TRY(all->paid_, payer.reserve(all->after_, now));
  BOOST_OUTCOME_TRY(payer.approve(all->after_, now));
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(payer.ask_allocating(all->after_, now));
  }
  const account own = payer.for_content(of);
  for (copy& c : all->copies_) {
    c.memory = block_ref(block::allocate(own.blocks(), own.owner(), c.size));
    if (!c.memory) return errc::out_of_memory;
  }
  return all;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

bool unsharer::advance(std::uint64_t bytes) noexcept {
  for (std::uint64_t done = 0; copied_ < copies_.size() && done < bytes; ++copied_) {
    copy& c = copies_[copied_];
    std::memcpy(c.memory->data(), c.from->data(), c.size);
    done += c.size;
  }
  if (copied_ < copies_.size()) return false;
  for (copy& c : copies_) of_.replace_shared(c.place, std::move(c.memory), c.size);
  of_.set_paid(after_);
  paid_.commit();
  copies_.clear();
  return true;
}

}  // namespace coramfs::detail
