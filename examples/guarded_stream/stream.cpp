// SPDX-License-Identifier: BSL-1.0
#include "stream.hpp"

#include <coramfs/sync/file_system.hpp>

#include <asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace guarded_stream {

namespace {

coramfs::file_system make_file_system(asio::io_context& context, const settings& s, guard& g) {
  coramfs::volume_options options;
  options.max_quota = s.quota;
  options.memory_guard = g.options();
  return coramfs::file_system::create(context.get_executor(), std::move(options)).value();
}

}  // namespace

stream::stream(const settings& s, const std::vector<std::filesystem::path>& files)
    : guard_(s),
      files_(make_file_system(context_, s, guard_)),
      input_(files),
      segments_(context_.get_executor()),
      producer_(files_, input_, segments_, s.segment_size),
      consumer_(files_, segments_) {
  guard_.watch(files_.get_volume());
}

// When the consumer fails the producer has no more than a cancellation to tell.
coramfs::result<void> stream::run() {
  coramfs::sync::file_system blocking_files(files_.get_volume());
  BOOST_OUTCOME_TRY(blocking_files.create_directory(segment_directory));
  coramfs::result<void> produced, consumed;
  std::exception_ptr failure;
  const auto keep_in = [&](coramfs::result<void>& ended) {
    return [&](std::exception_ptr thrown, coramfs::result<void> how) {
      if (thrown) failure = std::move(thrown);
      if (!how) segments_.abandon();
      ended = how;
    };
  };
  asio::co_spawn(context_, producer_.run(), keep_in(produced));
  asio::co_spawn(context_, consumer_.run(), keep_in(consumed));
  context_.run();
  if (failure) std::rethrow_exception(failure);
  return consumed ? produced : consumed;
}

coramfs::result<coramfs::volume_stats> stream::remove_all() {
  coramfs::sync::file_system blocking_files(files_.get_volume());
  const auto removed = blocking_files.remove_tree(segment_directory);
  if (!removed && removed.error() != coramfs::errc::not_found) return removed.error();
  return blocking_files.stats();
}

}  // namespace guarded_stream
