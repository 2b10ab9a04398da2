// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "http.hpp"

#include <coramfs/asio.hpp>
#include <coramfs/file.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/pinned.hpp>

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/post.hpp>
#include <asio/read_until.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

namespace tested_proxy {

/// Whether the proxy is right, or has a fault that a test is to find: it does by hand what else the
/// lock of a file does for it, and may so miss that it was woken.
enum class build { right, by_hand };

/// Answers requests for files out of a volume, and fetches those that it does not have from their
/// origin: each once, however many ask for it meanwhile. It knows a connection and a timer only by
/// their types, so it runs over sockets as well as over the streams of a simulation.
///
/// What it has is below `/cache`. What is being fetched is below `/part`, and becomes a file of the
/// cache by a rename when all of it is there. The file with the same name below `/turn` is only a
/// lock: whoever has it open may fetch.
///
/// Thread safety: as its executor's, on which all requests must run.
template <class Stream, class Timer>
class proxy {
 public:
  using connect = std::function<asio::awaitable<Stream>()>;

  /// With a connection to the origin by `to_origin`, which may throw `std::system_error`, and how
  /// long a client waits for a whole file at most.
  proxy(coramfs::file_system files, connect to_origin, std::chrono::milliseconds patience,
        build how = build::right)
      : files_(std::move(files)), connect_(std::move(to_origin)), patience_(patience), how_(how) {}

  /// Makes the directories. To be called once, before any request.
  asio::awaitable<coramfs::result<void>> prepare();
  /// Answers one request. Ends when the answer has been sent, or the client is gone.
  asio::awaitable<void> serve(Stream client) {
    try {
      std::string head;
      co_await asio::async_read_until(client, asio::dynamic_buffer(head, longest_head_bytes),
                                      end_of_head, asio::use_awaitable);
      const auto target = target_of(head);
      if (target) {
        found f = co_await find(*target);
        co_await answer(client, std::move(f));
      } else {
        co_await say(client, {400, 0});
      }
    } catch (const std::system_error&) {
      // The client is gone, and nobody is there to be told.
    }
  }

 private:
  static constexpr std::size_t longest_head_bytes = 8192;
  static constexpr std::size_t piece_bytes = 4096;

  /// A file of the cache, or the status that tells why there is none.
  struct found {
    unsigned status;
    coramfs::file body = {};
  };

  asio::awaitable<found> find(std::string target);
  asio::awaitable<found> find_in_turn(std::string target, std::string name);
  asio::awaitable<found> find_by_hand(std::string target, std::string name);
  asio::awaitable<found> cached(std::string name);
  asio::awaitable<unsigned> fetch(std::string target, std::string name);
  asio::awaitable<unsigned> download(std::string target, coramfs::file& to);
  asio::awaitable<unsigned> receive(std::string target, coramfs::file& to);
  asio::awaitable<coramfs::result<void>> receive_body(Stream& origin, std::uint64_t bytes,
                                                      std::string_view begun, coramfs::file& to);
  asio::awaitable<void> answer(Stream& client, found f);
  asio::awaitable<void> say(Stream& client, response_head head);

  static std::string name_of(std::string_view target);
  static unsigned status_of(const coramfs::error& why);

  coramfs::file_system files_;
  const connect connect_;
  const std::chrono::milliseconds patience_;
  const build how_;

  // By hand: what is being fetched, and who waits for it.
  std::set<std::string> fetching_;
  std::multimap<std::string, Timer*> waiting_;
};

template <class Stream, class Timer>
asio::awaitable<coramfs::result<void>> proxy<Stream, Timer>::prepare() {
  for (const char* const directory : {"/cache", "/part", "/turn"}) {
    BOOST_OUTCOME_CO_TRY(co_await files_.create_directory(directory));
  }
  co_return coramfs::success();
}

template <class Stream, class Timer>
asio::awaitable<typename proxy<Stream, Timer>::found> proxy<Stream, Timer>::find(
    std::string target) {
  std::string name = name_of(target);
  found have = co_await cached(name);
  if (have.status != 404) co_return have;
  if (how_ == build::by_hand) co_return co_await find_by_hand(std::move(target), std::move(name));
  co_return co_await find_in_turn(std::move(target), std::move(name));
}

template <class Stream, class Timer>
asio::awaitable<typename proxy<Stream, Timer>::found> proxy<Stream, Timer>::find_in_turn(
    std::string target, std::string name) {
  const std::string lock = "/turn/" + name;
  auto turn = co_await files_.open(lock, coramfs::open_mode::write, {.timeout = patience_});
  found have{turn ? 404u : status_of(turn.error())};
  if (turn) {
    // Whoever had the turn before may have fetched it.
    have = co_await cached(name);
    if (have.status == 404) have.status = co_await fetch(std::move(target), name);
    if (have.status == 200 && !have.body.is_open()) have = co_await cached(name);
    static_cast<void>(turn.value().close());
  }
  // Refused while somebody else has the turn, or waits for it. So all try, also those who have not
  // waited for long enough: the last one removes it.
  static_cast<void>(co_await files_.remove(lock));
  co_return have;
}

// The fault: between the question whether somebody fetches it and the entry in the list of those
// who wait for that, others have a turn.
template <class Stream, class Timer>
asio::awaitable<typename proxy<Stream, Timer>::found> proxy<Stream, Timer>::find_by_hand(
    std::string target, std::string name) {
  while (fetching_.contains(name)) {
    co_await asio::post(asio::use_awaitable);
    Timer limit(co_await asio::this_coro::executor, patience_);
    const auto entry = waiting_.emplace(name, &limit);
    coramfs::asio_error_code woken;
    co_await limit.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    waiting_.erase(entry);
    if (!woken) co_return found{504};
    found have = co_await cached(name);
    if (have.status != 404) co_return have;
  }
  fetching_.insert(name);
  const unsigned status = co_await fetch(std::move(target), name);
  fetching_.erase(name);
  for (auto [w, end] = waiting_.equal_range(name); w != end; ++w) w->second->cancel();
  if (status != 200) co_return found{status};
  co_return co_await cached(name);
}

template <class Stream, class Timer>
asio::awaitable<typename proxy<Stream, Timer>::found> proxy<Stream, Timer>::cached(
    std::string name) {
  auto body =
      co_await files_.open("/cache/" + name, coramfs::open_mode::read, {.timeout = patience_});
  if (!body) co_return found{status_of(body.error())};
  co_return found{200, std::move(body).value()};
}

template <class Stream, class Timer>
asio::awaitable<unsigned> proxy<Stream, Timer>::fetch(std::string target, std::string name) {
  const std::string part = "/part/" + name;
  auto to = co_await files_.open(part, coramfs::open_mode::write);
  if (!to) co_return status_of(to.error());
  unsigned status = co_await download(std::move(target), to.value());
  static_cast<void>(to.value().close());
  if (status == 200) {
    const auto renamed = co_await files_.rename(part, "/cache/" + name);
    if (!renamed) status = status_of(renamed.error());
  }
  if (status != 200) static_cast<void>(co_await files_.remove(part));
  co_return status;
}

template <class Stream, class Timer>
asio::awaitable<unsigned> proxy<Stream, Timer>::download(std::string target, coramfs::file& to) {
  using namespace asio::experimental::awaitable_operators;
  Timer limit(co_await asio::this_coro::executor, patience_);
  const auto first =
      co_await (receive(std::move(target), to) || limit.async_wait(asio::use_awaitable));
  co_return first.index() == 0 ? std::get<0>(first) : 504;
}

template <class Stream, class Timer>
asio::awaitable<unsigned> proxy<Stream, Timer>::receive(std::string target, coramfs::file& to) {
  try {
    Stream origin = co_await connect_();
    const std::string request = request_for(target);
    co_await asio::async_write(origin, asio::buffer(request), asio::use_awaitable);
    std::string got;
    const std::size_t n = co_await asio::async_read_until(
        origin, asio::dynamic_buffer(got, longest_head_bytes), end_of_head, asio::use_awaitable);
    const auto head = parse_response(std::string_view(got).substr(0, n));
    if (!head || (head->status == 200 && !head->length_bytes)) co_return 502;
    if (head->status != 200) co_return head->status == 404 ? 404 : 502;
    const auto received =
        co_await receive_body(origin, *head->length_bytes, std::string_view(got).substr(n), to);
    co_return received ? 200 : status_of(received.error());
  } catch (const std::system_error&) {
    co_return 502;
  }
}

// The length is paid for before a byte comes, which then goes straight into the file.
template <class Stream, class Timer>
asio::awaitable<coramfs::result<void>> proxy<Stream, Timer>::receive_body(Stream& origin,
                                                                          std::uint64_t bytes,
                                                                          std::string_view begun,
                                                                          coramfs::file& to) {
  BOOST_OUTCOME_CO_TRY(co_await to.reserve(bytes));
  begun = begun.substr(0, bytes);
  BOOST_OUTCOME_CO_TRY(co_await to.write(begun));
  for (std::uint64_t left = bytes - begun.size(); left > 0;) {
    BOOST_OUTCOME_CO_TRY(auto room,
                         co_await to.prepare(std::min<std::uint64_t>(left, piece_bytes)));
    const std::size_t n = co_await origin.async_read_some(room, asio::use_awaitable);
    BOOST_OUTCOME_CO_TRY(to.commit(n));
    left -= n;
  }
  co_return coramfs::success();
}

// A pin is sent, so the file is not kept from others by a client that is slow.
template <class Stream, class Timer>
asio::awaitable<void> proxy<Stream, Timer>::answer(Stream& client, found f) {
  coramfs::pinned all;
  if (f.status == 200) {
    auto pin = f.body.pin(0, f.body.size().value());
    if (pin) all = std::move(pin).value();
    if (!pin) f.status = status_of(pin.error());
    static_cast<void>(f.body.close());
  }
  co_await say(client, {f.status, all.size()});
  co_await asio::async_write(client, all, asio::use_awaitable);
}

template <class Stream, class Timer>
asio::awaitable<void> proxy<Stream, Timer>::say(Stream& client, response_head head) {
  const std::string text = to_string(head);
  co_await asio::async_write(client, asio::buffer(text), asio::use_awaitable);
}

// One name for each target: slashes are no directories here.
template <class Stream, class Timer>
std::string proxy<Stream, Timer>::name_of(std::string_view target) {
  std::string name;
  for (const char c : target) {
    if (c == '/') {
      name += "%2F";
    } else if (c == '%') {
      name += "%25";
    } else {
      name += c;
    }
  }
  return name;
}

template <class Stream, class Timer>
unsigned proxy<Stream, Timer>::status_of(const coramfs::error& why) {
  if (why == coramfs::errc::not_found) return 404;
  if (why == coramfs::errc::timed_out) return 504;
  if (why == coramfs::errc::invalid_path || why == coramfs::errc::name_too_long) return 400;
  return 503;
}

}  // namespace tested_proxy
