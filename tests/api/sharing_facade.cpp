// SPDX-License-Identifier: BSL-1.0
#include "api/sharing_facade.hpp"

#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace coramfs::tests {

namespace {

template <class T>
result<T> await(asio::io_context& in, asio::awaitable<result<T>> op) {
  std::optional<result<T>> outcome;
  asio::co_spawn(in, std::move(op), [&](const std::exception_ptr& thrown, result<T> r) {
    if (thrown) std::rethrow_exception(thrown);
    outcome.emplace(std::move(r));
  });
  in.restart();
  in.run();
  return std::move(*outcome);
}

template <class T, class Begin>
result<T> complete(asio::io_context& in, Begin begin) {
  std::optional<result<T>> outcome;
  begin([&](result<T> r) { outcome.emplace(std::move(r)); });
  in.restart();
  in.run();
  return std::move(*outcome);
}

template <class File>
class held_open final : public opened_file {
 public:
  explicit held_open(File f) : file_(std::move(f)) {}
  result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) override {
    std::error_code failed;
    const std::size_t n =
        file_.write_some_at(offset, asio::const_buffer(bytes.data(), bytes.size()), failed);
    if (failed) return error(failed);
    return n;
  }

 private:
  File file_;
};

template <class File>
result<std::unique_ptr<opened_file>> hold(result<File> opened) {
  if (!opened) return opened.error();
  return std::unique_ptr<opened_file>(new held_open<File>(std::move(opened).value()));
}

class by_threads final : public sharing_facade {
 public:
  explicit by_threads(const volume& over) : fs_(over) {}
  result<void> copy(std::string_view from, std::string_view to, copy_options o) override {
    return fs_.copy(from, to, o);
  }
  result<void> copy_tree(std::string_view from, std::string_view to, copy_options o) override {
    return fs_.copy_tree(from, to, o);
  }
  result<volume> fork(fork_options o) override { return fs_.fork(std::move(o)); }
  result<std::unique_ptr<opened_file>> open(std::string_view path, open_mode mode,
                                            open_options o) override {
    return hold(fs_.open(path, mode, o));
  }

 private:
  sync::file_system fs_;
};

class by_coroutines final : public sharing_facade {
 public:
  explicit by_coroutines(const volume& over) : fs_(context_.get_executor(), over) {}
  result<void> copy(std::string_view from, std::string_view to, copy_options o) override {
    return await(context_, fs_.copy(from, to, o));
  }
  result<void> copy_tree(std::string_view from, std::string_view to, copy_options o) override {
    return await(context_, fs_.copy_tree(from, to, o));
  }
  result<volume> fork(fork_options o) override { return await(context_, fs_.fork(std::move(o))); }
  result<std::unique_ptr<opened_file>> open(std::string_view path, open_mode mode,
                                            open_options o) override {
    return hold(await(context_, fs_.open(path, mode, o)));
  }

 private:
  asio::io_context context_;
  file_system fs_;
};

class by_tokens final : public sharing_facade {
 public:
  explicit by_tokens(const volume& over) : fs_(context_.get_executor(), over) {}
  result<void> copy(std::string_view from, std::string_view to, copy_options o) override {
    return complete<void>(context_, [&](auto done) { fs_.copy(from, to, o, done); });
  }
  result<void> copy_tree(std::string_view from, std::string_view to, copy_options o) override {
    return complete<void>(context_, [&](auto done) { fs_.copy_tree(from, to, o, done); });
  }
  result<volume> fork(fork_options o) override {
    return complete<volume>(context_, [&](auto done) { fs_.fork(std::move(o), done); });
  }
  result<std::unique_ptr<opened_file>> open(std::string_view path, open_mode mode,
                                            open_options o) override {
    return hold(complete<file>(context_, [&](auto done) { fs_.open(path, mode, o, done); }));
  }

 private:
  asio::io_context context_;
  file_system fs_;
};

}  // namespace

std::unique_ptr<sharing_facade> make_sharing_facade(way w, const volume& over) {
  switch (w) {
    case way::coroutines: return std::make_unique<by_coroutines>(over);
    case way::tokens: return std::make_unique<by_tokens>(over);
    case way::threads: break;
  }
  return std::make_unique<by_threads>(over);
}

}  // namespace coramfs::tests
