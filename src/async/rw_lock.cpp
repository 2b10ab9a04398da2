// SPDX-License-Identifier: BSL-1.0
#include <coramfs/rw_lock.hpp>

#include "async/lock_wait.hpp"

#include <utility>

namespace coramfs {

asio::awaitable<result<unique_hold>> rw_lock::acquire(lock_timeout longest) {
  if (lock_.try_lock(kind::exclusive))
    co_return unique_hold(detail::lock_hold(lock_, kind::exclusive));
  BOOST_OUTCOME_CO_TRY(auto hold, co_await detail::wait_for_lock(lock_, kind::exclusive, longest));
  co_return unique_hold(std::move(hold));
}

asio::awaitable<result<shared_hold>> rw_lock::acquire_shared(lock_timeout longest) {
  if (lock_.try_lock(kind::shared)) co_return shared_hold(detail::lock_hold(lock_, kind::shared));
  BOOST_OUTCOME_CO_TRY(auto hold, co_await detail::wait_for_lock(lock_, kind::shared, longest));
  co_return shared_hold(std::move(hold));
}

}  // namespace coramfs
