// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "rewriter.hpp"
#include "shared/bounded_queue.hpp"
#include "shared/http_listener.hpp"

#include <coramfs/file_system.hpp>
#include <coramfs/pinned.hpp>

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include <cstdint>
#include <string>

namespace upload {

/// Answers with the files of a volume: the socket takes their bytes from where the volume has them.
///
/// A file is open only until it is pinned, so it can be written to while it is sent. To show this,
/// it is rewritten when half of it has gone out, and the other half goes out then.
class pin_responder final : public shared::http_responder {
 public:
  pin_responder(coramfs::file_system files, shared::bounded_queue<rewriting*>& to_rewrite);

  asio::awaitable<bool> answer(asio::ip::tcp::socket& to,
                               const shared::http_request& request) override;

  /// Bytes, of the pins of all responses under way: now, and at most so far.
  std::uint64_t pinned_bytes() const { return pinned_bytes_; }
  std::uint64_t peak_pinned_bytes() const { return peak_pinned_bytes_; }
  /// Files that were written to between their pin and the end of the response.
  std::uint64_t changed_meanwhile() const { return changed_meanwhile_; }

 private:
  asio::awaitable<std::uint64_t> generation(const std::string& path);
  asio::awaitable<coramfs::result<coramfs::pinned>> pin(const std::string& path);
  asio::awaitable<bool> send(asio::ip::tcp::socket& to, const coramfs::pinned& body,
                             const std::string& path, bool keep_alive);

  coramfs::file_system files_;
  shared::bounded_queue<rewriting*>& to_rewrite_;
  std::uint64_t pinned_bytes_ = 0, peak_pinned_bytes_ = 0;
  std::uint64_t changed_meanwhile_ = 0;
};

}  // namespace upload
