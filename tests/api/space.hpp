// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "api/scenario.hpp"

#include "support/await_waiting.hpp"

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>

namespace coramfs::tests {

inline constexpr open_options waits{.on_full = when_full::wait};

inline std::string xs(std::size_t n) { return std::string(n, 'x'); }

/// An operation on a thread of its own, with a file system of its own, and how it ended.
class background {
 public:
  using operation = std::function<error(any_file_system&)>;

  background(std::unique_ptr<any_file_system> fs, operation op)
      : fs_(std::move(fs)),
        done_(std::async(std::launch::async, [&fs = *fs_, op = std::move(op)] { return op(fs); })) {
  }

  error get() { return done_.get(); }
  bool ended() const {
    return done_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

 private:
  std::unique_ptr<any_file_system> fs_;
  std::future<error> done_;
};

/// Appends `n` bytes to a file, which is open for waiting.
inline background::operation append(std::string path, std::size_t n, open_options options = waits) {
  return [=](any_file_system& fs) {
    const auto f = fs.open(path, open_mode::append, options).value();
    return error_of(f->write(xs(n)));
  };
}

inline background::operation open(std::string path, open_mode mode, open_options options) {
  return [=](any_file_system& fs) { return error_of(fs.open(path, mode, options)); };
}

/// What an error says is left.
inline std::uint64_t available(any_file_system& fs, const std::string& path) {
  return error_of(fs.write_file(path, xs(100'000))).available();
}

}  // namespace coramfs::tests
