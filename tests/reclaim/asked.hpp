// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/file_system.hpp>
#include <coramfs/reclaim.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/describe.hpp"

#include <asio/buffer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

inline std::string xs(std::size_t n) { return std::string(n, 'x'); }
inline asio::const_buffer buffer_of(const std::string& s) { return {s.data(), s.size()}; }
/// As many, which are there for as long as an operation may need them.
inline asio::const_buffer content_of(std::size_t n) {
  static const std::string all = xs(100'000);
  return {all.data(), n};
}

/// A function that is asked, and what it was asked for.
class asked {
 public:
  using action = std::function<void(sync::file_system)>;

  /// What `volume_options::reclaim` is to be.
  reclaim_callback callback(action answer) const {
    return [calls = calls_, answer = std::move(answer)](const volume& v, const shortage& s) {
      calls->push_back(s);
      answer(sync::file_system(v));
    };
  }
  std::size_t count() const { return calls_->size(); }
  shortage operator[](std::size_t i) const { return calls_->at(i); }

 private:
  std::shared_ptr<std::vector<shortage>> calls_ = std::make_shared<std::vector<shortage>>();
};

/// A thousand bytes, counted in payload, so that figures are exact.
inline volume_options thousand(reclaim_callback reclaim) {
  volume_options o;
  o.max_quota = 1000;
  o.accounting = accounting::payload;
  o.reclaim = std::move(reclaim);
  return o;
}

inline void fill(const volume& v, const std::string& path, std::size_t n) {
  sync::file_system(v).write_file(path, content_of(n)).value();
}

inline asked::action removes(std::string path) {
  return [path = std::move(path)](sync::file_system fs) { fs.remove(path).value(); };
}
inline void nothing(sync::file_system) {}

}  // namespace coramfs::tests
