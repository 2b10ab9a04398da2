// SPDX-License-Identifier: BSL-1.0
#include <coramfs/rw_lock.hpp>

#include "async/acquiring.hpp"
#include "async/run.hpp"

namespace coramfs {

asio::awaitable<result<unique_hold>> rw_lock::acquire(lock_timeout longest) {
  return detail::run(detail::acquiring<unique_hold>(lock_, kind::exclusive, longest));
}

asio::awaitable<result<shared_hold>> rw_lock::acquire_shared(lock_timeout longest) {
  return detail::run(detail::acquiring<shared_hold>(lock_, kind::shared, longest));
}

}  // namespace coramfs
