// SPDX-License-Identifier: BSL-1.0
#include "rewriter.hpp"

#include <asio/buffer.hpp>

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <new>
#include <optional>
#include <utility>

namespace upload {

void invert(std::vector<char>& bytes) {
  std::transform(bytes.begin(), bytes.end(), bytes.begin(),
                 [](char c) { return static_cast<char>(~c); });
}

rewriter::rewriter(coramfs::file_system files, shared::bounded_queue<rewriting*>& requests)
    : files_(std::move(files)), requests_(requests) {}

asio::awaitable<void> rewriter::run() {
  for (;;) {
    const std::optional<rewriting*> next = co_await requests_.pop();
    if (!next) co_return;
    rewriting& request = **next;
    coramfs::result<void> outcome = coramfs::errc::out_of_memory;
    try {
      outcome = co_await rewrite(request.path());
    } catch (const std::bad_alloc&) {  // somebody waits for this one all the same
    }
    note(request.path(), outcome);
    request.done();
  }
}

void rewriter::note(const std::string& path, const coramfs::result<void>& outcome) {
  if (outcome) {
    rewritten_.insert(path);
  } else if (outcome.error() == coramfs::errc::quota_exceeded) {
    ++refused_;
  } else {
    ++failed_;
    std::cerr << "failed: " << path << ": " << outcome.error().message() << '\n';
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
