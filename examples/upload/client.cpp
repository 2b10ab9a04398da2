// SPDX-License-Identifier: BSL-1.0
#include "client.hpp"

#include "shared/url.hpp"

#include <asio/buffer.hpp>

#include <algorithm>
#include <iostream>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace upload {

namespace {

constexpr std::size_t piece_size = 256 * 1024;

}  // namespace

client::client(const std::vector<entry>& entries, std::uint16_t port, std::size_t connections)
    : entries_(entries), port_(port) {
  for (std::size_t i = 0; i < connections; ++i)
    fetchers_.emplace_back(context_.get_executor()).piece.resize(piece_size);
}

received client::run() {
  shared::task_group tasks(context_.get_executor(), [this] { stop(); });
  for (fetcher& f : fetchers_) tasks.spawn(work(f));
  context_.run();
  tasks.rethrow_failure();
  return received_;
}

void client::stop() {
  next_ = entries_.size();
  for (fetcher& f : fetchers_) f.connection.abort();
}

asio::awaitable<void> client::work(fetcher& with) {
  while (next_ != entries_.size()) {
    const entry& e = entries_[next_++];
    report(e, co_await fetch(with, e));
  }
}

asio::awaitable<coramfs::result<comparison::verdict>> client::fetch(fetcher& with, const entry& e) {
  const shared::url from{"127.0.0.1", std::to_string(port_), shared::percent_encode_path(e.name)};
  BOOST_OUTCOME_CO_TRY(const auto status, co_await with.connection.get(from));
  const auto length = with.connection.body_left();
  if (!status.is_ok() || !length) {
    co_await with.connection.discard_body();
    co_return std::make_error_code(std::errc::protocol_error);
  }
  comparison compared(e);
  while (const std::uint64_t left = *with.connection.body_left()) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left, with.piece.size()));
    std::vector<asio::mutable_buffer> room{asio::buffer(with.piece, n)};
    BOOST_OUTCOME_CO_TRYV(co_await with.connection.read_body(std::move(room), received_.bytes));
    compared.add(std::span(with.piece).first(n));
  }
  co_return compared.finish();
}

void client::report(const entry& e, const coramfs::result<comparison::verdict>& outcome) {
  if (!outcome) {
    ++received_.failed;
    std::cerr << "failed: " << e.name << ": " << outcome.error().message() << '\n';
    return;
  }
  ++received_.files;
  if (outcome.value() == comparison::verdict::changed_on_disk) ++received_.changed_on_disk;
  if (outcome.value() == comparison::verdict::different) {
    ++received_.mismatches;
    std::cerr << "mismatch: " << e.name << '\n';
  }
}

}  // namespace upload
