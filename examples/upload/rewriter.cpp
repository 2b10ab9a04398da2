// SPDX-License-Identifier: BSL-1.0
#include "rewriter.hpp"

#include <asio/buffer.hpp>

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <optional>
#include <utility>

namespace upload {

void invert(std::vector<char>& bytes) {
  std::transform(bytes.begin(), bytes.end(), bytes.begin(),
                 [](char c) { return static_cast<char>(~c); });
}

rewriter::rewriter(coramfs::file_system files, shared::bounded_queue<std::string>& paths)
    : files_(std::move(files)), paths_(paths) {}

asio::awaitable<void> rewriter::run() {
  for (;;) {
    const std::optional<std::string> path = co_await paths_.pop();
    if (!path) co_return;
    const auto done = co_await rewrite(*path);
    if (done) {
      rewritten_.insert(*path);
    } else if (done.error() == coramfs::errc::quota_exceeded) {
      ++refused_;
    } else {
      ++failed_;
      std::cerr << "failed: " << *path << ": " << done.error().message() << '\n';
    }
  }
}

// In one write, which changes the whole file or nothing.
asio::awaitable<coramfs::result<void>> rewriter::rewrite(const std::string& path) {
  BOOST_OUTCOME_CO_TRY(auto file, co_await files_.open(path, coramfs::open_mode::update));
  BOOST_OUTCOME_CO_TRY(const auto size, file.size());
  content_.resize(static_cast<std::size_t>(size));
  BOOST_OUTCOME_CO_TRYV(co_await file.read(asio::buffer(content_)));
  invert(content_);
  BOOST_OUTCOME_CO_TRYV(co_await file.write_at(0, asio::buffer(content_)));
  co_return file.close();
}

}  // namespace upload
