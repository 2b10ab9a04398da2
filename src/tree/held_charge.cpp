// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/held_charge.hpp>

#include "tree/volume_state.hpp"

#include <new>
#include <utility>

namespace coramfs::detail {

result<held_charge> held_charge::take(const volume& of, std::string_view path, std::uint64_t size,
                                      std::uint64_t footprint) noexcept try {
  const std::shared_ptr<volume_state>& v = volume_access::state(of);
  const charge wanted{.bytes = v->account.counts_memory() ? footprint : size};
  if (v->faults.has_policy()) {
    BOOST_OUTCOME_TRY(v->faults.reserving(path, wanted));
  }
  BOOST_OUTCOME_TRY(auto paid, v->quota.reserve(wanted));
  if (v->faults.has_policy()) {
    BOOST_OUTCOME_TRY(v->faults.guarding(path, wanted.bytes));
  }
  BOOST_OUTCOME_TRY(v->account.approve(wanted.bytes, 0));
  paid.commit();
  return held_charge(v, wanted.bytes);
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

held_charge::~held_charge() {
  if (bytes_ > 0) of_->quota.release({.bytes = bytes_});
}

}  // namespace coramfs::detail
