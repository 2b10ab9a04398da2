// SPDX-License-Identifier: BSL-1.0
#include <coramfs/archive.hpp>

#include <coramfs/detail/host_error.hpp>
#include <coramfs/detail/normal_text.hpp>

#include "integrations/archive/creation.hpp"
#include "integrations/archive/sides.hpp"

#include <exception>
#include <new>
#include <optional>
#include <stop_token>
#include <utility>

namespace coramfs {

namespace detail {

namespace {

template <class Side>
typename Side::template task<std::uint64_t> create(Side& side, const std::string& prefix,
                                                   const std::string& to, archive_format format,
                                                   const archive_options& options) {
  BOOST_OUTCOME_CO_TRY(auto writer, archive_writer::make(format, options));
  BOOST_OUTCOME_CO_TRY(auto from, normal_text(prefix));
  BOOST_OUTCOME_CO_TRY(auto at, normal_text(to));
  creation<Side> all(side, std::move(from), std::move(at));
  auto done = co_await all.run(*writer);
  co_return done;
}

error of_creation(const std::string& path, const error& why) noexcept {
  return about_host_call(path, why, host_call::create_archive);
}

// Cancellations do not throw in here: each call asks for them, and says `canceled`.
asio::awaitable<result<std::uint64_t>> create_for_coroutine(file_system fs, std::string prefix,
                                                            std::string to, archive_format format,
                                                            archive_options options) {
  const bool would_throw = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  std::exception_ptr thrown;
  std::optional<result<std::uint64_t>> made;
  try {
    archive_by_coroutine side(fs);
    made.emplace(co_await create(side, prefix, to, format, options));
  } catch (const std::bad_alloc&) {
    made.emplace(errc::out_of_memory);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (would_throw) co_await asio::this_coro::throw_if_cancelled(true);
  if (thrown) std::rethrow_exception(thrown);
  if (!*made) co_return of_creation(to, made->error());
  co_return made->value();
}

result<std::uint64_t> create_on_thread(const sync::file_system& fs, const std::string& prefix,
                                       const std::string& to, archive_format format,
                                       const archive_options& options) try {
  archive_by_thread side(fs, std::stop_token());
  auto task = create(side, prefix, to, format, options);
  return task.take();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

}  // namespace

}  // namespace detail

asio::awaitable<result<std::uint64_t>> create_archive(const file_system& fs, std::string prefix,
                                                      std::string archive_path,
                                                      archive_format format,
                                                      archive_options options) {
  return detail::create_for_coroutine(fs, std::move(prefix), std::move(archive_path), format,
                                      options);
}

result<std::uint64_t> create_archive(const sync::file_system& fs, std::string prefix,
                                     std::string archive_path, archive_format format,
                                     archive_options options) {
  auto made = detail::create_on_thread(fs, prefix, archive_path, format, options);
  if (!made) return detail::of_creation(archive_path, made.error());
  return made;
}

}  // namespace coramfs
