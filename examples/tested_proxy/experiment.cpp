// SPDX-License-Identifier: BSL-1.0
#include "experiment.hpp"

#include <coramfs/sync/file_system.hpp>

#include <asio/read.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string_view>

namespace tested_proxy {

namespace {

using namespace std::chrono_literals;
using asio::awaitable;
using asio::use_awaitable;
using coramfs::testing::simulation;
using coramfs::testing::stream;
using coramfs::testing::stream_pair;
using coramfs::testing::timer;

constexpr int clients = 4;
constexpr std::chrono::milliseconds patience = 2s;
constexpr coramfs::testing::stream_options network{
    .capacity_bytes = 4096, .largest_piece_bytes = 2048, .reset_rate = 0.002};

/// What the origin does to a request, and when a client comes, at random.
class chance {
 public:
  explicit chance(std::uint64_t seed) : numbers_(seed) {}

  bool one_in(unsigned n) { return up_to(n) == 0; }
  std::chrono::milliseconds within(std::chrono::milliseconds longest) {
    return std::chrono::milliseconds(up_to(static_cast<std::uint64_t>(longest.count())));
  }
  template <class T>
  const T& of(const std::vector<T>& all) {
    return all[up_to(all.size())];
  }

 private:
  // Not by a distribution of the standard library: each has its own, and a seed is to tell the same
  // story everywhere.
  std::size_t up_to(std::uint64_t n) { return static_cast<std::size_t>(numbers_() % n); }

  std::mt19937_64 numbers_;
};

/// Refuses bytes, nodes and memory at a rate, but is never the reason that somebody waits too long.
class shortage final : public coramfs::testing::fault_policy {
 public:
  shortage(std::uint64_t seed, double rate) : rate_(coramfs::testing::fail_rate(seed, rate)) {}

  std::optional<coramfs::error> at(coramfs::testing::fault_point p, std::string_view path,
                                   std::uint64_t amount) override {
    using coramfs::testing::fault_point;
    if (p == fault_point::lock || p == fault_point::space) return std::nullopt;
    return rate_.at(p, path, amount);
  }

 private:
  coramfs::testing::fault_policy& rate_;
};

/// What all in one run refer to.
struct world {
  const std::vector<original>& files;
  chance luck;
  bool has_been_late = false;  ///< the origin
  unsigned served = 0;         ///< clients that were given a file
  shortage faults;

  world(const std::vector<original>& all, std::uint64_t seed, double rate)
      : files(all), luck(seed), faults(seed, rate) {}
};

/// Has all files, and is late now and then.
awaitable<void> be_origin(stream connection, world& w) {
  try {
    std::string head;
    co_await asio::async_read_until(connection, asio::dynamic_buffer(head), end_of_head,
                                    use_awaitable);
    if (w.luck.one_in(16)) {
      w.has_been_late = true;
      timer late(connection.get_executor(), 2 * patience);
      co_await late.async_wait(use_awaitable);
    }
    const std::string target = target_of(head).value();
    const auto file = std::find_if(w.files.begin(), w.files.end(),
                                   [&](const original& f) { return f.target == target; });
    const std::string answer = file == w.files.end()
                                   ? to_string({404, 0})
                                   : to_string({200, file->content.size()}) + file->content;
    co_await asio::async_write(connection, asio::buffer(answer), use_awaitable);
  } catch (const std::system_error&) {
    // The proxy has given up, or the connection is broken.
  }
}

/// What a client has been told. An answer that is not there, or not whole, is none.
struct answered {
  unsigned status = 0;
  std::string body = {};
};

answered parse(const std::string& text) {
  const std::size_t head = text.find(end_of_head);
  if (head == std::string::npos) return {};
  const auto r = parse_response(text);
  if (!r) throw std::runtime_error("a client was told: " + text);
  std::string body = text.substr(head + end_of_head.size());
  if (r->length_bytes && *r->length_bytes != body.size()) return {};
  return {r->status, std::move(body)};
}

awaitable<void> be_client(stream connection, const original& wanted, world& w) {
  std::string text;
  coramfs::asio_error_code end;
  try {
    const std::string request = request_for(wanted.target);
    co_await asio::async_write(connection, asio::buffer(request), use_awaitable);
    co_await asio::async_read(connection, asio::dynamic_buffer(text), use_awaitable);
  } catch (const std::system_error& e) {
    if (e.code() != asio::error::eof) co_return;  // the connection is broken
  }
  const answered a = parse(text);
  if (a.status == 200 && a.body != wanted.content)
    throw std::runtime_error("a client was given " + std::to_string(a.body.size()) + " bytes of " +
                             wanted.target + " as if they were all " +
                             std::to_string(wanted.content.size()));
  if (a.status == 200) ++w.served;
  if (a.status == 404)
    throw std::runtime_error("a client was told that there is no " + wanted.target);
  if (a.status == 504 && !w.has_been_late)
    throw std::runtime_error("a client was told that the time for " + wanted.target +
                             " was over, though the origin had not been late");
}

void check_the_rest(const coramfs::volume& v) {
  coramfs::sync::file_system files(v);
  if (v.stats().open_handles != 0) throw std::runtime_error("a file is still open");
  for (const char* const directory : {"/part", "/turn"})
    if (!files.list(directory).value().empty())
      throw std::runtime_error(std::string("something is left in ") + directory);
}

}  // namespace

unsigned run_proxy(simulation& sim, const std::vector<original>& files, build how, double faults) {
  auto& w = sim.keep<world>(files, sim.seed(), faults);
  coramfs::volume_options options = sim.options();
  options.faults = &w.faults;
  const auto v = coramfs::volume::create(options).value();
  const auto to_origin = [&]() -> awaitable<stream> {
    stream_pair connection(sim, network);
    sim.spawn(be_origin(std::move(connection.second), w), "origin");
    co_return std::move(connection.first);
  };
  auto& tested = sim.keep<proxy<stream, timer>>(coramfs::file_system(sim.get_executor(), v),
                                                to_origin, patience, how);
  if (!sim.run(tested.prepare())) return 0;  // it was refused what it begins with
  for (int i = 0; i < clients; ++i) {
    const auto come = [&, i, after = w.luck.within(3ms)]() -> awaitable<void> {
      timer t(sim, after);
      co_await t.async_wait(use_awaitable);
      const original& wanted = w.luck.of(w.files);
      stream_pair connection(sim, network);
      sim.spawn(tested.serve(std::move(connection.second)),
                "server of client " + std::to_string(i));
      co_await be_client(std::move(connection.first), wanted, w);
    };
    sim.spawn(come, "client " + std::to_string(i));
  }
  sim.run();
  check_the_rest(v);
  return w.served;
}

}  // namespace tested_proxy
