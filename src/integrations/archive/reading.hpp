// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/host_error.hpp>
#include <coramfs/result.hpp>

#include "integrations/archive/archive_job.hpp"
#include "integrations/archive/sides.hpp"

#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>

/// What all calls that read an archive have in common. `Work` is what is done with it: its
/// `value_type`, and `run(side, archive)`, which is written for both sides, and may throw what the
/// caller's functions throw.
namespace coramfs::detail {

/// A file of the volume becomes a pin of its bytes, and is held by its handle meanwhile.
template <class File>
result<archive_source> pinned_source(File& held) {
  BOOST_OUTCOME_TRY(pinned content, held.pin(0, std::numeric_limits<std::size_t>::max()));
  return archive_source(std::move(content));
}

template <class Work>
result<typename Work::value_type> read_on_thread(sync::file_system fs, archive_source source,
                                                 std::string name, const expand_options& options,
                                                 Work& work, std::stop_token stop) {
  opened_archive from(fs.get_volume(), std::move(source), std::move(name), options);
  BOOST_OUTCOME_TRY(from.open());
  archive_by_thread side(fs, std::move(stop));
  auto task = work.run(side, from);
  return task.take();
}

template <class Work>
asio::awaitable<result<typename Work::value_type>> read_by_coroutine(const file_system& fs,
                                                                     archive_source source,
                                                                     expand_options options,
                                                                     Work& work,
                                                                     archive_pool_ptr pool) {
  std::string name = name_of(source);
  file held;
  if (const auto* in = std::get_if<archive_source::volume_file>(&source.where())) {
    BOOST_OUTCOME_CO_TRY(held, co_await fs.open(in->path, open_mode::read));
    BOOST_OUTCOME_CO_TRY(source, pinned_source(held));
  }
  if (pool) {
    // It has a part of nothing that goes with the context.
    auto job = [v = fs.get_volume(), source = std::move(source), name = std::move(name), options,
                work = std::move(work)](std::stop_token stop) mutable {
      return read_on_thread(sync::file_system(v), std::move(source), std::move(name), options, work,
                            std::move(stop));
    };
    auto shared = std::make_shared<offloaded<decltype(job)>>(std::move(job));
    auto outcome = co_await outcome_of(std::move(pool), std::move(shared));
    co_return outcome;
  }
  opened_archive from(fs.get_volume(), std::move(source), std::move(name), options);
  BOOST_OUTCOME_CO_TRY(from.open());
  archive_by_coroutine side(fs);
  // What is compressed has been decoded in part for that.
  BOOST_OUTCOME_CO_TRY(co_await side.turn());
  auto outcome = co_await work.run(side, from);
  co_return outcome;
}

/// Cancellations do not throw in here: each call asks for them, and says `canceled`.
template <class Work>
asio::awaitable<result<typename Work::value_type>> read_for_coroutine(file_system fs,
                                                                      archive_source source,
                                                                      expand_options options,
                                                                      Work work, host_call by,
                                                                      archive_pool_ptr pool) {
  std::string about;
  const bool would_throw = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  std::exception_ptr thrown;
  std::optional<result<typename Work::value_type>> made;
  try {
    about = work.path();
    const auto valid = require_valid(options);
    const auto ready = work.prepare();
    if (!valid || !ready) {
      made.emplace(valid ? ready.error() : valid.error());
    } else {
      made.emplace(co_await read_by_coroutine(fs, std::move(source), std::move(options), work,
                                              std::move(pool)));
    }
  } catch (const std::bad_alloc&) {
    made.emplace(errc::out_of_memory);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (would_throw) co_await asio::this_coro::throw_if_cancelled(true);
  if (thrown) std::rethrow_exception(thrown);
  if (!*made) co_return about_host_call(about, made->error(), by);
  co_return std::move(made->value());
}

template <class Work>
result<typename Work::value_type> read_for_thread(const sync::file_system& fs,
                                                  archive_source source,
                                                  const expand_options& options, Work work,
                                                  host_call by) {
  const auto read = [&]() -> result<typename Work::value_type> {
    try {
      BOOST_OUTCOME_TRY(require_valid(options));
      BOOST_OUTCOME_TRY(work.prepare());
      std::string name = name_of(source);
      sync::file held;
      if (const auto* in = std::get_if<archive_source::volume_file>(&source.where())) {
        BOOST_OUTCOME_TRY(held, fs.open(in->path, open_mode::read));
        BOOST_OUTCOME_TRY(source, pinned_source(held));
      }
      return read_on_thread(fs, std::move(source), std::move(name), options, work,
                            std::stop_token());
    } catch (const std::bad_alloc&) {
      return errc::out_of_memory;
    }
  };
  auto made = read();
  if (!made) return about_host_call(work.path(), made.error(), by);
  return made;
}

}  // namespace coramfs::detail
