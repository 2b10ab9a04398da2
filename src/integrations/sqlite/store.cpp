// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sqlite.hpp>

#include "integrations/sqlite/store_state.hpp"

#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>

namespace coramfs::sqlite {

namespace {

// Enough for a few readers beside a writer; a thread is started when there is work for it.
constexpr unsigned own_threads = 4;

}  // namespace

connection::~connection() {
  if (db_ != nullptr) of_->leave(db_);
}

namespace detail {

std::shared_ptr<store_state> store_access::make(volume over, std::string path,
                                                const store_options& options) {
  return std::make_shared<store_state>(std::move(over), std::move(path), options);
}

result<connection> store_access::connect(const std::shared_ptr<store_state>& s) try {
  return s->connect();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<std::uint64_t> store_access::save(const std::shared_ptr<store_state>& s) try {
  return s->save();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<std::uint64_t> store_access::save(const std::shared_ptr<store_state>& s,
                                         std::string path) try {
  return s->save_to(std::move(path));
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<void> store_access::close(const std::shared_ptr<store_state>& s) try {
  const std::lock_guard alone(s->in_use());
  return s->finish();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

asio::awaitable<result<void>> store_access::close_in_pool(std::shared_ptr<store_state> s,
                                                          blocking_pool& pool) {
  auto alone = co_await s->in_use().acquire();
  if (!alone) co_return alone.error();
  auto work = [s] { return s->finish(); };
  co_return co_await offload(pool, std::move(work));
}

}  // namespace detail

store::store(const file_system& in, std::string path, store_options options)
    : own_pool_(options.pool == nullptr ? std::make_unique<blocking_pool>(own_threads) : nullptr),
      pool_(options.pool == nullptr ? *own_pool_ : *options.pool),
      state_(detail::store_access::make(in.get_volume(), std::move(path), options)) {}

store::~store() = default;

asio::awaitable<result<connection>> store::connect() {
  auto work = [s = state_] { return detail::store_access::connect(s); };
  return offload(pool_, std::move(work));
}

asio::awaitable<result<std::uint64_t>> store::save() {
  auto work = [s = state_] { return detail::store_access::save(s); };
  return offload(pool_, std::move(work));
}

asio::awaitable<result<std::uint64_t>> store::save(std::string path) {
  auto work = [s = state_, path = std::move(path)]() mutable {
    return detail::store_access::save(s, std::move(path));
  };
  return offload(pool_, std::move(work));
}

asio::awaitable<result<void>> store::close() {
  return detail::store_access::close_in_pool(state_, pool_);
}

}  // namespace coramfs::sqlite
