// SPDX-License-Identifier: BSL-1.0
#include <coramfs/host.hpp>

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/host_error.hpp>

#include "integrations/host/cancellation_result.hpp"
#include "integrations/host/export_plan.hpp"
#include "integrations/host/pooled.hpp"
#include "integrations/host/tree_export.hpp"
#include "integrations/on_thread.hpp"

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

/// Both sides of an export, the volume and the host, for a coroutine.
class exporting_coroutine {
 public:
  template <class T>
  using task = asio::awaitable<result<T>>;

  exporting_coroutine(const file_system& fs, pooled<tree_export>& to) noexcept : fs_(fs), to_(to) {}

  auto walk(const std::string& path) { return fs_.walk(path); }
  auto open(std::string path) { return fs_.open(std::move(path), open_mode::read); }
  auto begin() {
    return to_.run([](tree_export& to) { return to.begin(); });
  }
  auto write(std::vector<export_item> items) {
    return to_.run([items = std::move(items)](tree_export& to, const std::stop_token& stop) {
      return to.write(items, stop);
    });
  }
  auto end() {
    return to_.run([](tree_export& to) { return to.end(); });
  }
  std::uint64_t files() const noexcept { return to_.object().files(); }

 private:
  const file_system& fs_;
  pooled<tree_export>& to_;
};

/// The same for a thread.
class exporting_thread {
 public:
  template <class T>
  using task = on_thread<result<T>>;

  exporting_thread(const sync::file_system& fs, tree_export& to) noexcept : fs_(fs), to_(to) {}

  auto walk(const std::string& path) { return made(fs_.walk(path)); }
  auto open(std::string path) { return made(fs_.open(std::move(path), open_mode::read)); }
  auto begin() { return made(to_.begin()); }
  auto write(const std::vector<export_item>& items) {
    return made(to_.write(items, std::stop_token()));
  }
  auto end() { return made(to_.end()); }
  std::uint64_t files() const noexcept { return to_.files(); }

 private:
  const sync::file_system& fs_;
  tree_export& to_;
};

template <class Side>
typename Side::template task<export_plan> plan_of(Side& side, const std::string& prefix) {
  auto walk = co_await side.walk(prefix);
  if (walk) co_return export_plan(std::move(walk.value()));
  if (walk.error() != errc::not_a_directory) co_return walk.error();
  const auto file = co_await side.open(prefix);
  if (!file) co_return file.error();
  co_return export_plan(file.value().path());
}

// What others have removed before its turn is no content.
template <class Side>
typename Side::template task<std::optional<pinned>> content_of(Side& side, std::string path) {
  auto file = co_await side.open(std::move(path));
  if (!file && is_gone(file.error())) co_return std::optional<pinned>();
  if (!file) co_return file.error();
  auto content = pin_all(file.value());
  if (!content) co_return content.error();
  co_return std::optional<pinned>(std::move(content.value()));
}

template <class Side>
typename Side::template task<std::uint64_t> make_export(Side& side, const std::string& prefix,
                                                        const host_options& options) {
  auto plan = co_await plan_of(side, prefix);
  if (!plan) co_return plan.error();
  auto done = co_await side.begin();
  if (!done) co_return done.error();
  export_batch batch(options);
  while (auto next = plan.value().next()) {
    export_item item;
    item.path = std::move(next->to);
    if (!next->from.empty()) {
      auto content = co_await content_of(side, std::move(next->from));
      if (!content) {
        // What comes before it in the order is there when that is said.
        done = co_await side.write(batch.take());
        co_return done ? content.error() : done.error();
      }
      if (!content.value()) continue;
      item.content = std::move(content.value());
    }
    batch.add(std::move(item));
    if (batch.is_full()) {
      done = co_await side.write(batch.take());
      if (!done) co_return done.error();
    }
  }
  done = co_await side.write(batch.take());
  if (!done) co_return done.error();
  done = co_await side.end();
  if (!done) co_return done.error();
  co_return side.files();
}

asio::awaitable<result<std::uint64_t>> export_for_coroutine(file_system fs, std::string prefix,
                                                            std::filesystem::path dir,
                                                            host_options options, pool_ptr pool) {
  if (const auto valid = require_valid(dir, options); !valid) co_return valid.error();
  pooled<tree_export> to(std::move(pool), std::move(dir), options);
  exporting_coroutine side(fs, to);
  co_return co_await make_export(side, prefix, options);
}

result<std::uint64_t> export_on_thread(const sync::file_system& fs, const std::string& prefix,
                                       std::filesystem::path dir, const host_options& options) try {
  BOOST_OUTCOME_TRY(require_valid(dir, options));
  tree_export to(std::move(dir), options);
  exporting_thread side(fs, to);
  return make_export(side, prefix, options).take();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

}  // namespace

}  // namespace detail

asio::awaitable<result<std::uint64_t>> export_to_host(const file_system& fs, std::string prefix,
                                                      std::filesystem::path dir,
                                                      host_options options) {
  auto operation =
      detail::export_for_coroutine(fs, prefix, std::move(dir), options, detail::pool_of(options));
  return detail::with_cancellation_as_result(std::move(prefix), detail::host_call::export_to_host,
                                             std::move(operation));
}

result<std::uint64_t> export_to_host(const sync::file_system& fs, std::string prefix,
                                     std::filesystem::path dir, host_options options) {
  auto made = detail::export_on_thread(fs, prefix, std::move(dir), options);
  if (!made) return detail::about_host_call(prefix, made.error());
  return made;
}

}  // namespace coramfs
