// SPDX-License-Identifier: BSL-1.0
#include "producer.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace guarded_stream {

namespace {

constexpr std::size_t piece_size = 64 * 1024;

}  // namespace

producer::producer(coramfs::file_system files, input_stream& input, window& segments,
                   std::uint64_t segment_size)
    : files_(std::move(files)), input_(input), segments_(segments), segment_size_(segment_size) {}

// After a failure nobody gets the segment that was begun, and it must not stay open.
asio::awaitable<coramfs::result<void>> producer::run() {
  auto ended = co_await read_ahead();
  BOOST_OUTCOME_CO_TRYV(segment_.close());
  co_return ended;
}

asio::awaitable<coramfs::result<void>> producer::read_ahead() {
  std::vector<char> piece(piece_size);
  for (;;) {
    BOOST_OUTCOME_CO_TRY(const std::size_t n, input_.read(piece));
    if (n == 0) break;
    BOOST_OUTCOME_CO_TRY(co_await store(asio::buffer(piece, n)));
  }
  BOOST_OUTCOME_CO_TRY(hand_over());
  segments_.close();
  co_return boost::outcome_v2::success();
}

// A refused write has changed nothing, so it is simply made again when there may be room. This is
// the only place that knows of waiting: a file that waits for the quota by itself would leave the
// guard's refusals to it.
asio::awaitable<coramfs::result<void>> producer::store(asio::const_buffer piece) {
  for (;;) {
    const auto stored = co_await try_to_store(piece);
    if (stored || !refused_.add(stored.error())) co_return stored;
    BOOST_OUTCOME_CO_TRY(co_await wait_for_room(stored.error()));
  }
}

asio::awaitable<coramfs::result<void>> producer::try_to_store(asio::const_buffer piece) {
  if (!segment_.is_open()) {
    const std::string path =
        segment_directory + ('/' + std::to_string(segments_.handed_over() + 1));
    BOOST_OUTCOME_CO_TRY(segment_, co_await files_.open(path, coramfs::open_mode::create));
  }
  BOOST_OUTCOME_CO_TRYV(co_await segment_.write(piece));
  BOOST_OUTCOME_CO_TRY(const auto size, segment_.size());
  if (size >= segment_size_) co_return hand_over();
  co_return boost::outcome_v2::success();
}

// Room comes from the consumer, one segment at a time. If it has none left, it gets the one that
// has been begun; if there is nothing in that, nobody will ever make room.
asio::awaitable<coramfs::result<void>> producer::wait_for_room(coramfs::error refusal) {
  if (!segments_.has_unfinished()) {
    if (!segment_.is_open() || segment_.size().value() == 0) co_return refusal;
    BOOST_OUTCOME_CO_TRY(hand_over());
    shortened_segments_ += 1;
  }
  co_await segments_.one_more_finished();
  if (segments_.is_abandoned()) co_return coramfs::errc::canceled;
  co_return boost::outcome_v2::success();
}

coramfs::result<void> producer::hand_over() {
  if (!segment_.is_open()) return boost::outcome_v2::success();
  BOOST_OUTCOME_TRY(segment_.close());  // before the consumer looks: it could not open it
  segments_.hand_over(segment_.path());
  return boost::outcome_v2::success();
}

}  // namespace guarded_stream
