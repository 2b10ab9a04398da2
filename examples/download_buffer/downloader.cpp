// SPDX-License-Identifier: BSL-1.0
#include "downloader.hpp"

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

namespace download_buffer {

namespace {

// A large file does not take its room long before its bytes come.
constexpr std::size_t most_prepared = 256 * 1024;

// There is no room, which is no fault: of the bytes, of the nodes, of the machine's memory.
bool is_refusal(const coramfs::error& e) {
  return e == std::errc::no_space_on_device || e == std::errc::not_enough_memory;
}

}  // namespace

downloader::downloader(coramfs::file_system files, work_source& work,
                       bounded_queue<download>& finished, report& results, std::size_t connections)
    : files_(std::move(files)), work_(work), finished_(finished), results_(results) {
  for (std::size_t i = 0; i < connections; ++i) connections_.emplace_back(files_.get_executor());
}

void downloader::start(task_group& tasks) {
  for (http_connection& connection : connections_) tasks.spawn(work_on(connection));
}

void downloader::stop() {
  stopping_ = true;
  for (http_connection& connection : connections_) connection.abort();
}

void downloader::abort_stalled(http_connection::clock::duration longest) {
  for (http_connection& connection : connections_) connection.abort_if_stalled(longest);
}

asio::awaitable<void> downloader::work_on(http_connection& connection) {
  while (!stopping_) {
    std::optional<download> next = work_.next();
    if (!next) co_return;
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
  const auto size = co_await store_body(connection, d.to);
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
                                                                       std::string path) {
  BOOST_OUTCOME_CO_TRYV(co_await files_.create_directories(path.substr(0, path.rfind('/'))));
  BOOST_OUTCOME_CO_TRY(auto file, co_await files_.open(path, coramfs::open_mode::create));
  const auto size = co_await write_body(connection, file);
  BOOST_OUTCOME_CO_TRYV(file.close());
  if (!size) {
    BOOST_OUTCOME_CO_TRYV(co_await files_.remove(path));
  }
  co_return size;
}

asio::awaitable<coramfs::result<std::uint64_t>> downloader::write_body(http_connection& connection,
                                                                       coramfs::file& to) {
  return connection.body_left() ? receive_into(connection, to) : copy_into(connection, to);
}

// The socket reads into the file: into room that was paid for before a byte of it arrives.
asio::awaitable<coramfs::result<std::uint64_t>> downloader::receive_into(
    http_connection& connection, coramfs::file& to) {
  while (const std::uint64_t left = connection.body_left().value()) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left, most_prepared));
    BOOST_OUTCOME_CO_TRY(const auto room, co_await to.prepare(n));
    BOOST_OUTCOME_CO_TRYV(co_await connection.read_body(room, results_.so_far().received_bytes));
    BOOST_OUTCOME_CO_TRYV(to.commit(n));
  }
  co_return to.size();
}

// Each piece goes into the file as it arrives.
asio::awaitable<coramfs::result<std::uint64_t>> downloader::copy_into(http_connection& connection,
                                                                      coramfs::file& to) {
  for (;;) {
    BOOST_OUTCOME_CO_TRY(const auto piece, co_await connection.read_some_body());
    if (piece.empty()) co_return to.size();
    BOOST_OUTCOME_CO_TRYV(co_await to.write(asio::buffer(piece)));
    results_.so_far().received_bytes += piece.size();
  }
}

// What ends because the user ends it is no problem.
void downloader::give_up(const download& d, const coramfs::error& why) {
  if (stopping_) return;
  results_.add(is_refusal(why) ? problem::refused : problem::failed, d.to, why.message());
}

}  // namespace download_buffer
