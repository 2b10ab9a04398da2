// SPDX-License-Identifier: BSL-1.0
#include <coramfs/rw_lock.hpp>

#include "async/lock_operation.hpp"
#include "async/run.hpp"
#include "async/start.hpp"

namespace coramfs {

asio::awaitable<result<unique_hold>> rw_lock::acquire(lock_timeout longest) {
  return detail::run(detail::lock_operation<unique_hold>(lock_, kind::exclusive, longest));
}

asio::awaitable<result<shared_hold>> rw_lock::acquire_shared(lock_timeout longest) {
  return detail::run(detail::lock_operation<shared_hold>(lock_, kind::shared, longest));
}

void rw_lock::start(detail::completion<result<unique_hold>>& to, detail::fair_lock& lock,
                    lock_timeout longest) {
  detail::start(to, detail::lock_operation<unique_hold>(lock, kind::exclusive, longest));
}

void rw_lock::start(detail::completion<result<shared_hold>>& to, detail::fair_lock& lock,
                    lock_timeout longest) {
  detail::start(to, detail::lock_operation<shared_hold>(lock, kind::shared, longest));
}

}  // namespace coramfs
