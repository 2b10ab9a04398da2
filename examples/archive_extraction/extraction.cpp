// SPDX-License-Identifier: BSL-1.0
#include "extraction.hpp"

#include "host.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <cstddef>
#include <limits>
#include <stdexcept>
#include <utility>

namespace archive_extraction {

namespace {

using clock = std::chrono::steady_clock;
using connection = asio::local::stream_protocol::socket;

// A pin keeps its bytes, and is sent as it is. Closing the socket ends the stream.
asio::awaitable<void> send(connection to, coramfs::pinned content) {
  asio::error_code gone;
  co_await asio::async_write(to, content, asio::redirect_error(asio::use_awaitable, gone));
}

}  // namespace

asio::awaitable<std::string> load(coramfs::file_system& files, const std::filesystem::path& archive,
                                  const coramfs::expand_options& options) {
  if (archive.extension() == ".deb") {
    // The package is an ar, which only this knows; what is in it is a tar again.
    coramfs::expand_options any = options;
    any.formats = coramfs::archive_formats::all;
    auto source = coramfs::archive_source::on_host(archive);
    auto outer = co_await coramfs::expand_archive(files, std::move(source), "/package", any);
    outer.value();
    auto names = co_await files.list("/package");
    for (const std::string& name : names.value())
      if (name.starts_with("data.tar")) co_return "/package/" + name;
    throw std::runtime_error(archive.string() + " is no package");
  }
  auto copied = co_await files.write_file("/archive", content_of(archive));
  copied.value();
  co_return "/archive";
}

asio::awaitable<expansion> expand_whole(coramfs::file_system& files, std::string archive,
                                        std::string to, coramfs::expand_options options) {
  const auto began = clock::now();
  auto source = coramfs::archive_source::in_volume(std::move(archive));
  auto done =
      co_await coramfs::expand_archive(files, std::move(source), std::move(to), std::move(options));
  co_return expansion{done.value(), clock::now() - began};
}

asio::awaitable<std::optional<expansion>> expand_while_arriving(coramfs::file_system& files,
                                                                std::string archive, std::string to,
                                                                coramfs::expand_options options) {
  auto opened = co_await files.open(archive, coramfs::open_mode::read);
  coramfs::pinned content = opened.value().pin(0, std::numeric_limits<std::size_t>::max()).value();
  const auto executor = co_await asio::this_coro::executor;
  connection here(executor), there(executor);
  asio::local::connect_pair(here, there);
  asio::co_spawn(executor, send(std::move(there), std::move(content)), asio::detached);
  const auto began = clock::now();
  auto done = co_await coramfs::expand_arriving(files, here, std::move(to), std::move(options));
  if (!done && done.error() == coramfs::errc::unsupported_archive) co_return std::nullopt;
  const expansion e{done.value(), clock::now() - began};
  co_return e;
}

}  // namespace archive_extraction
