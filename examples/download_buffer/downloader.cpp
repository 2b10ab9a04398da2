// SPDX-License-Identifier: BSL-1.0
#include "downloader.hpp"

#include "wait_detector.hpp"

#include <asio/cancellation_type.hpp>
#include <asio/this_coro.hpp>

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace download_buffer {

namespace {

// A large file does not take its room long before its bytes come.
constexpr std::size_t most_prepared = 256 * 1024;

// There is no room, which is no fault: of the bytes, of the nodes, of the machine's memory; or
// there was none for as long as one waits. Nothing else here waits for the volume.
bool is_refusal(const coramfs::error& e) {
  return e == coramfs::errc::timed_out || e == std::errc::no_space_on_device ||
         e == std::errc::not_enough_memory;
}

}  // namespace

downloader::downloader(coramfs::file_system files, work_source& work,
                       bounded_queue<download>& finished, report& results, const settings& s)
    : files_(std::move(files)), work_(work), finished_(finished), results_(results), settings_(s) {
  for (std::size_t i = 0; i < s.connections; ++i) workers_.emplace_back(files_.get_executor());
}

void downloader::start(task_group& tasks) {
  for (worker& w : workers_) tasks.spawn(work_on(w.connection), w.stop.slot());
}

void downloader::stop() {
  stopping_ = true;
  for (worker& w : workers_) {
    w.connection.abort();
    w.stop.emit(asio::cancellation_type::terminal);
  }
}

void downloader::abort_stalled(http_connection::clock::duration longest) {
  for (worker& w : workers_) w.connection.abort_if_stalled(longest);
}

asio::awaitable<void> downloader::work_on(http_connection& connection) {
  // What is begun is cleaned up also after a cancellation.
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!stopping_) {
    std::optional<download> next = work_.next();
    if (!next) co_return;
    // Files that are soon removed need no directories, which would stay and fill the quota.
    next->stored_as =
        settings_.waits ? std::string(download_root) + '/' + std::to_string(++begun_) : next->to;
    co_await get(connection, std::move(*next));
  }
}

asio::awaitable<void> downloader::get(http_connection& connection, download d) {
  const auto status = co_await connection.get(d.from);
  if (!status) {
    give_up(d, status.error());
    co_return;
  }
  if (!status.value().is_ok()) {
    results_.add(problem::failed, d.to,
                 "HTTP " + std::to_string(status.value().code) + ' ' + status.value().reason);
    co_await connection.discard_body();
    co_return;
  }
  const auto size = co_await store_body(connection, d.stored_as);
  if (!size) {
    give_up(d, size.error());
    co_await connection.discard_body();
    co_return;
  }
  results_.so_far().files += 1;
  results_.so_far().bytes += size.value();
  co_await finished_.push(std::move(d));
}

// Leaves a whole file, or none.
asio::awaitable<coramfs::result<std::uint64_t>> downloader::store_body(http_connection& connection,
                                                                       const std::string& path) {
  request_for_space space;
  if (settings_.waits) {
    BOOST_OUTCOME_CO_TRY(space.turn, co_await noting(asking_for_space_.acquire(), space));
  }
  BOOST_OUTCOME_CO_TRY(auto file, co_await noting(create(path), space));
  const auto size = co_await write_body(connection, file, space);
  if (space.waited) *results_.so_far().waited += 1;
  BOOST_OUTCOME_CO_TRYV(file.close());
  if (!size) {
    BOOST_OUTCOME_CO_TRYV(co_await files_.remove(path));
  }
  co_return size;
}

asio::awaitable<coramfs::result<coramfs::file>> downloader::create(const std::string& path) {
  BOOST_OUTCOME_CO_TRYV(co_await files_.create_directories(path.substr(0, path.rfind('/'))));
  coramfs::open_options options;
  if (settings_.waits) {
    options.on_full = coramfs::when_full::wait;
    options.timeout = settings_.longest_wait;
  }
  co_return co_await files_.open(path, coramfs::open_mode::create, options);
}

asio::awaitable<coramfs::result<std::uint64_t>> downloader::write_body(http_connection& connection,
                                                                       coramfs::file& to,
                                                                       request_for_space& space) {
  return connection.body_left() ? receive_into(connection, to, space)
                                : copy_into(connection, to, space);
}

// The socket reads into the file: into room that was paid for before a byte of it arrives.
asio::awaitable<coramfs::result<std::uint64_t>> downloader::receive_into(
    http_connection& connection, coramfs::file& to, request_for_space& space) {
  const std::uint64_t most = settings_.waits ? *connection.body_left() : most_prepared;
  while (const std::uint64_t left = *connection.body_left()) {
    const auto n = static_cast<std::size_t>(std::min(left, most));
    BOOST_OUTCOME_CO_TRY(const auto room, co_await noting(to.prepare(n), space));
    space.turn.release();
    std::vector<asio::mutable_buffer> buffers(room.begin(), room.end());
    BOOST_OUTCOME_CO_TRYV(
        co_await connection.read_body(std::move(buffers), results_.so_far().received_bytes));
    BOOST_OUTCOME_CO_TRYV(to.commit(n));
  }
  co_return to.size();
}

// Each piece goes into the file as it arrives.
asio::awaitable<coramfs::result<std::uint64_t>> downloader::copy_into(http_connection& connection,
                                                                      coramfs::file& to,
                                                                      request_for_space& space) {
  for (;;) {
    BOOST_OUTCOME_CO_TRY(const auto piece, co_await connection.read_some_body());
    if (piece.empty()) co_return to.size();
    BOOST_OUTCOME_CO_TRYV(co_await noting(to.write(asio::buffer(piece)), space));
    results_.so_far().received_bytes += piece.size();
  }
}

template <class T>
asio::awaitable<T> downloader::noting(asio::awaitable<T> operation, request_for_space& space) {
  if (!settings_.waits) co_return co_await std::move(operation);
  const wait_detector detector(files_.get_executor());
  T outcome = co_await std::move(operation);
  space.waited |= detector.waited();
  co_return outcome;
}

// What ends because the user ends it is no problem.
void downloader::give_up(const download& d, const coramfs::error& why) {
  if (stopping_) return;
  results_.add(is_refusal(why) ? problem::refused : problem::failed, d.to, why.message());
}

}  // namespace download_buffer
