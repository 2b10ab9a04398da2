// SPDX-License-Identifier: BSL-1.0
#include <coramfs/host.hpp>

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/host_error.hpp>

#include "integrations/host/export_plan.hpp"
#include "integrations/host/pooled.hpp"
#include "integrations/host/tree_export.hpp"

#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

namespace coramfs {

namespace detail {

namespace {

// The whole content, however large: nothing is copied.
template <class File>
result<pinned> pin_all(File& file) {
  return file.pin(0, std::numeric_limits<std::size_t>::max());
}

// A failure of the whole call; what is known better of it stays.
error of_call(const std::string& path, const error& why) noexcept {
  return about_host_call(path, why);
}

/// The host's side of an export, for a coroutine.
class pooled_export : public pooled<tree_export> {
 public:
  using pooled::pooled;

  auto begin() {
    return run([](tree_export& to) { return to.begin(); });
  }
  auto write(std::vector<export_item> items) {
    return run([items = std::move(items)](tree_export& to, const std::stop_token& stop) {
      return to.write(items, stop);
    });
  }
  auto end() {
    return run([](tree_export& to) { return to.end(); });
  }
  std::uint64_t files() const noexcept { return object().files(); }
};

asio::awaitable<result<export_plan>> plan_of(file_system& fs, const std::string& prefix) {
  auto walk = co_await fs.walk(prefix);
  if (walk) co_return export_plan(std::move(walk.value()));
  if (walk.error() != errc::not_a_directory) co_return walk.error();
  auto file = co_await fs.open(prefix, open_mode::read);
  if (!file) co_return file.error();
  co_return export_plan(file.value().path());
}

// What others have removed before its turn is no content.
asio::awaitable<result<std::optional<pinned>>> content_of(file_system& fs, std::string path) {
  auto file = co_await fs.open(std::move(path), open_mode::read);
  if (!file && is_gone(file.error())) co_return std::optional<pinned>();
  if (!file) co_return file.error();
  auto content = pin_all(file.value());
  if (!content) co_return content.error();
  co_return std::optional<pinned>(std::move(content.value()));
}

// Cancellations do not throw in here: each call asks for them, and says `canceled`.
asio::awaitable<result<std::uint64_t>> make_export(file_system& fs, const std::string& prefix,
                                                   pooled_export& to, const host_options& options) {
  BOOST_OUTCOME_CO_TRY(auto plan, co_await plan_of(fs, prefix));
  BOOST_OUTCOME_CO_TRY(co_await to.begin());
  export_batch batch(options);
  while (auto next = plan.next()) {
    export_item item;
    item.path = std::move(next->to);
    if (!next->from.empty()) {
      auto content = co_await content_of(fs, std::move(next->from));
      if (!content) {
        // What comes before it in the order is there when that is said.
        BOOST_OUTCOME_CO_TRY(co_await to.write(batch.take()));
        co_return content.error();
      }
      if (!content.value()) continue;
      item.content = std::move(content.value());
    }
    batch.add(std::move(item));
    if (batch.is_full()) {
      BOOST_OUTCOME_CO_TRY(co_await to.write(batch.take()));
    }
  }
  BOOST_OUTCOME_CO_TRY(co_await to.write(batch.take()));
  BOOST_OUTCOME_CO_TRY(co_await to.end());
  co_return to.files();
}

asio::awaitable<result<std::uint64_t>> export_for_coroutine(file_system fs, std::string prefix,
                                                            std::filesystem::path dir,
                                                            host_options options, pool_ptr pool) {
  const auto valid = require_valid(dir, options);
  if (!valid) co_return of_call(prefix, valid.error());
  const bool would_throw = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  std::exception_ptr thrown;
  std::optional<result<std::uint64_t>> made;
  try {
    pooled_export to(std::move(pool), std::move(dir), options);
    made.emplace(co_await make_export(fs, prefix, to, options));
  } catch (const std::bad_alloc&) {
    made.emplace(errc::out_of_memory);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (would_throw) co_await asio::this_coro::throw_if_cancelled(true);
  if (thrown) std::rethrow_exception(thrown);
  if (!*made) co_return of_call(prefix, made->error());
  co_return made->value();
}

result<export_plan> plan_of(sync::file_system& fs, const std::string& prefix) {
  auto walk = fs.walk(prefix);
  if (walk) return export_plan(std::move(walk.value()));
  if (walk.error() != errc::not_a_directory) return walk.error();
  BOOST_OUTCOME_TRY(const auto file, fs.open(prefix, open_mode::read));
  return export_plan(file.path());
}

result<std::optional<pinned>> content_of(sync::file_system& fs, std::string path) {
  auto file = fs.open(std::move(path), open_mode::read);
  if (!file && is_gone(file.error())) return std::optional<pinned>();
  if (!file) return file.error();
  BOOST_OUTCOME_TRY(auto content, pin_all(file.value()));
  return std::optional<pinned>(std::move(content));
}

result<std::uint64_t> make_export(sync::file_system& fs, const std::string& prefix,
                                  std::filesystem::path dir, const host_options& options) try {
  BOOST_OUTCOME_TRY(require_valid(dir, options));
  BOOST_OUTCOME_TRY(auto plan, plan_of(fs, prefix));
  tree_export to(std::move(dir), options);
  BOOST_OUTCOME_TRY(to.begin());
  export_batch batch(options);
  while (auto next = plan.next()) {
    export_item item;
    item.path = std::move(next->to);
    if (!next->from.empty()) {
      auto content = content_of(fs, std::move(next->from));
      if (!content) {
        BOOST_OUTCOME_TRY(to.write(batch.take(), std::stop_token()));
        return content.error();
      }
      if (!content.value()) continue;
      item.content = std::move(content.value());
    }
    batch.add(std::move(item));
    if (batch.is_full()) {
      BOOST_OUTCOME_TRY(to.write(batch.take(), std::stop_token()));
    }
  }
  BOOST_OUTCOME_TRY(to.write(batch.take(), std::stop_token()));
  BOOST_OUTCOME_TRY(to.end());
  return to.files();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

}  // namespace

}  // namespace detail

asio::awaitable<result<std::uint64_t>> export_to_host(file_system& fs, std::string prefix,
                                                      std::filesystem::path dir,
                                                      host_options options) {
  return detail::export_for_coroutine(fs, std::move(prefix), std::move(dir), options,
                                      detail::pool_of(options));
}

result<std::uint64_t> export_to_host(sync::file_system& fs, std::string prefix,
                                     std::filesystem::path dir, host_options options) {
  auto made = detail::make_export(fs, prefix, std::move(dir), options);
  if (!made) return detail::of_call(prefix, made.error());
  return made;
}

}  // namespace coramfs
