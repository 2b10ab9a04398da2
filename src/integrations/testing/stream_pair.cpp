// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/stream_pair.hpp>

#include "integrations/testing/simulated_pipe.hpp"

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace coramfs::testing {

namespace {

using coramfs::detail::simulated_end_of_stream;
using coramfs::detail::simulated_pipe;
using coramfs::detail::simulation_core;

constexpr const char* pair_name = "coramfs::testing::stream_pair";

void throw_if(const asio_error_code& ec, const char* call) {
  if (ec) throw asio_system_error(ec, call);
}

void require(bool is_right, const char* what) {
  if (!is_right) throw std::invalid_argument(std::string(pair_name) + ": " + what);
}

const stream_options& sensible(const stream_options& how) {
  require(how.capacity_bytes > 0, "capacity_bytes is 0");
  require(how.largest_piece_bytes > 0, "largest_piece_bytes is 0");
  require(how.shortest_delay >= clock::duration(0), "shortest_delay is negative");
  require(how.longest_delay >= how.shortest_delay, "longest_delay is less than shortest_delay");
  require(how.reset_rate >= 0 && how.reset_rate <= 1, "reset_rate is not from 0 to 1");
  return how;
}

simulation_core& core_of(const stream::executor_type& first, const stream::executor_type& second) {
  auto& core = simulation_core::of(first, pair_name);
  if (&core != &simulation_core::of(second, pair_name))
    throw std::logic_error(std::string(pair_name) + ": its executors are of two simulations");
  return core;
}

}  // namespace

stream& stream::operator=(stream&& other) noexcept {
  if (this == &other) return *this;
  const stream old(std::move(*this));
  executor_ = other.executor_;
  end_ = std::move(other.end_);
  return *this;
}

stream::~stream() {
  if (!is_open()) return;
  try {
    end_.cancel();
  } catch (const std::bad_alloc&) {
    // The simulation has what still waits.
  }
  end_.close();
}

void stream::shutdown(asio::socket_base::shutdown_type what) {
  asio_error_code ec;
  shutdown(what, ec);
  throw_if(ec, "shutdown");
}

void stream::shutdown(asio::socket_base::shutdown_type what, asio_error_code& ec) {
  ec = is_open() ? asio_error_code() : asio::error::bad_descriptor;
  if (ec) return;
  if (what != asio::socket_base::shutdown_receive) end_.stop_sending();
  if (what != asio::socket_base::shutdown_send) end_.stop_receiving();
}

void stream::cancel() {
  asio_error_code ec;
  cancel(ec);
  throw_if(ec, "cancel");
}

void stream::cancel(asio_error_code& ec) {
  ec = is_open() ? asio_error_code() : asio::error::bad_descriptor;
  if (!ec) end_.cancel();
}

void stream::close() {
  if (!is_open()) return;
  end_.cancel();
  std::exchange(end_, simulated_end_of_stream()).close();
}

void stream::close(asio_error_code& ec) {
  ec = asio_error_code();
  close();
}

void stream::reset() {
  if (!is_open()) return;
  end_.cancel();
  std::exchange(end_, simulated_end_of_stream()).reset();
}

struct stream_pair::pipes {
  pipes(simulation_core& in, const stream_options& how)
      : there(std::make_shared<simulated_pipe>(in, how)),
        back(std::make_shared<simulated_pipe>(in, how)) {
    there->connect(back);
    back->connect(there);
  }

  const std::shared_ptr<simulated_pipe> there;
  const std::shared_ptr<simulated_pipe> back;
};

stream_pair::stream_pair(const stream::executor_type& first_on,
                         const stream::executor_type& second_on, const stream_options& how)
    : stream_pair(first_on, second_on, pipes(core_of(first_on, second_on), sensible(how))) {}

stream_pair::stream_pair(const stream::executor_type& first_on,
                         const stream::executor_type& second_on, const pipes& between)
    : first(first_on, {between.back, between.there}),
      second(second_on, {between.there, between.back}) {}

}  // namespace coramfs::testing
