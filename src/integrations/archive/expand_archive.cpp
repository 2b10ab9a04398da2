// SPDX-License-Identifier: BSL-1.0
#include <coramfs/archive.hpp>

#include "integrations/archive/expanding.hpp"
#include "integrations/archive/reading.hpp"

#include <utility>

namespace coramfs {

namespace detail {

namespace {

asio::awaitable<result<expand_summary>> expand(const file_system& fs, archive_source source,
                                               std::string dest, expand_options options,
                                               entry_visitor visitor, host_call by) {
  expanding work(std::move(dest), options, std::move(visitor), by);
  archive_pool_ptr pool = pool_of(options, source);
  return read_for_coroutine(fs, std::move(source), std::move(options), std::move(work), by,
                            std::move(pool));
}

result<expand_summary> expand(const sync::file_system& fs, archive_source source, std::string dest,
                              const expand_options& options, entry_visitor visitor,
                              host_call by) try {
  expanding work(std::move(dest), options, std::move(visitor), by);
  return read_for_thread(fs, std::move(source), options, std::move(work), by);
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

asio::awaitable<result<std::uint64_t>> files_of(asio::awaitable<result<expand_summary>> expansion) {
  auto done = co_await std::move(expansion);
  if (!done) co_return done.error();
  co_return done.value().files;
}

}  // namespace

}  // namespace detail

asio::awaitable<result<expand_summary>> expand_archive(const file_system& fs, archive_source source,
                                                       std::string dest, expand_options options) {
  return detail::expand(fs, std::move(source), std::move(dest), std::move(options), {},
                        detail::host_call::expand_archive);
}

result<expand_summary> expand_archive(const sync::file_system& fs, archive_source source,
                                      std::string dest, expand_options options) {
  return detail::expand(fs, std::move(source), std::move(dest), options, {},
                        detail::host_call::expand_archive);
}

asio::awaitable<result<std::uint64_t>> expand_archive_streaming(const file_system& fs,
                                                                archive_source source,
                                                                std::string dest,
                                                                expand_options options) {
  return detail::files_of(detail::expand(fs, std::move(source), std::move(dest), std::move(options),
                                         {}, detail::host_call::expand_archive_streaming));
}

result<std::uint64_t> expand_archive_streaming(const sync::file_system& fs, archive_source source,
                                               std::string dest, expand_options options) {
  BOOST_OUTCOME_TRY(const auto done,
                    detail::expand(fs, std::move(source), std::move(dest), options, {},
                                   detail::host_call::expand_archive_streaming));
  return done.files;
}

asio::awaitable<result<expand_summary>> expand_each(const file_system& fs, archive_source source,
                                                    std::string dest, entry_visitor visitor,
                                                    expand_options options) {
  return detail::expand(fs, std::move(source), std::move(dest), std::move(options),
                        std::move(visitor), detail::host_call::expand_each);
}

result<expand_summary> expand_each(const sync::file_system& fs, archive_source source,
                                   std::string dest, entry_visitor visitor,
                                   expand_options options) {
  return detail::expand(fs, std::move(source), std::move(dest), options, std::move(visitor),
                        detail::host_call::expand_each);
}

}  // namespace coramfs
