// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/file_system_tokens.hpp>
#include <coramfs/detail/file_tokens.hpp>
#include <coramfs/file.hpp>
#include <coramfs/file_system.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace coramfs {

/// A `file_system` or a `file` whose operations have a default completion token, that of
/// `Executor`: what `as_default_on` of Asio's tokens makes of one. It is such an object, with the
/// same operations; of each the token may be left out.
///
/// So a coroutine on another executor than `asio::any_io_executor` awaits them without naming a
/// token each time:
///
///     using executor = asio::io_context::executor_type;
///     using token = asio::use_awaitable_t<executor>;
///     auto use = [](coramfs::file_system plain) -> asio::awaitable<void, executor> {
///       auto here = token::as_default_on(plain);
///       token::as_default_on_t<coramfs::file> f =
///           (co_await here.open("/a", coramfs::open_mode::read)).value();
///       auto all = co_await f.read_all();
///     };
template <class Object, class Executor>
class with_default_token;

/// A `file_system` with a default token. An `open` gives a plain `file`, which converts, also by
/// `as_default_on(std::move(f))`. `export_each` stays a coroutine of `asio::any_io_executor`. What
/// the default token gives always suspends, and knows of no cancellation before the call.
template <class Executor>
class with_default_token<file_system, Executor>
    : public file_system,
      public detail::file_system_tokens<file_system, asio::default_completion_token_t<Executor>,
                                        with_default_token<file_system, Executor>> {
  using tokens = detail::file_system_tokens<file_system, asio::default_completion_token_t<Executor>,
                                            with_default_token<file_system, Executor>>;

 public:
  /// With the default token.
  using executor_type = Executor;

  /// Shares the volume, as a copy does.
  with_default_token(file_system of) : file_system(std::move(of)) {}

  /// The executor that the file system was made with.
  executor_type get_executor() const { return executor_type(file_system::get_executor()); }

  using tokens::copy;
  using tokens::copy_tree;
  using tokens::create_directories;
  using tokens::create_directory;
  using tokens::exists;
  using tokens::export_tree;
  using tokens::fetch;
  using tokens::file_size;
  using tokens::follow;
  using tokens::fork;
  using tokens::give_name;
  using tokens::give_names;
  using tokens::glob;
  using tokens::import_tree;
  using tokens::is_directory;
  using tokens::is_file;
  using tokens::list;
  using tokens::list_entries;
  using tokens::list_some;
  using tokens::move;
  using tokens::open;
  using tokens::open_unnamed;
  using tokens::read_file;
  using tokens::read_text;
  using tokens::remove;
  using tokens::remove_directory;
  using tokens::remove_tree;
  using tokens::rename;
  using tokens::set_modified;
  using tokens::stat;
  using tokens::stats;
  using tokens::walk;
  using tokens::write_file;
  using tokens::write_text;
};

/// A `file` with a default token, also as a stream of Asio's.
template <class Executor>
class with_default_token<file, Executor>
    : public file,
      public detail::file_tokens<file, asio::default_completion_token_t<Executor>,
                                 with_default_token<file, Executor>> {
  using default_token = asio::default_completion_token_t<Executor>;
  using tokens = detail::file_tokens<file, default_token, with_default_token<file, Executor>>;

 public:
  /// With the default token.
  using executor_type = Executor;

  /// Makes a closed file, or takes one over.
  /// @{
  with_default_token() noexcept = default;
  with_default_token(file&& of) noexcept : file(std::move(of)) {}
  /// @}

  /// The executor of the file.
  executor_type get_executor() const { return executor_type(file::get_executor()); }

  using tokens::announce;
  using tokens::prepare;
  using tokens::punch_hole;
  using tokens::read;
  using tokens::read_all;
  using tokens::read_at;
  using tokens::reserve;
  using tokens::truncate;
  using tokens::write;
  using tokens::write_at;

  /// The operations of Asio's stream concepts.
  /// @{
  template <class MutableBufferSequence,
            asio::completion_token_for<void(asio_error_code, std::size_t)> Token = default_token>
  auto async_read_some(const MutableBufferSequence& to, Token&& token = default_token()) {
    return file::async_read_some(to, std::forward<Token>(token));
  }
  template <class ConstBufferSequence,
            asio::completion_token_for<void(asio_error_code, std::size_t)> Token = default_token>
  auto async_write_some(const ConstBufferSequence& from, Token&& token = default_token()) {
    return file::async_write_some(from, std::forward<Token>(token));
  }
  template <class MutableBufferSequence,
            asio::completion_token_for<void(asio_error_code, std::size_t)> Token = default_token>
  auto async_read_some_at(std::uint64_t offset, const MutableBufferSequence& to,
                          Token&& token = default_token()) {
    return file::async_read_some_at(offset, to, std::forward<Token>(token));
  }
  template <class ConstBufferSequence,
            asio::completion_token_for<void(asio_error_code, std::size_t)> Token = default_token>
  auto async_write_some_at(std::uint64_t offset, const ConstBufferSequence& from,
                           Token&& token = default_token()) {
    return file::async_write_some_at(offset, from, std::forward<Token>(token));
  }
  /// @}
};

/// A `follower` with a default token, also as a stream of Asio's.
template <class Executor>
class with_default_token<follower, Executor>
    : public follower,
      public detail::follower_tokens<follower, asio::default_completion_token_t<Executor>,
                                     with_default_token<follower, Executor>> {
  using default_token = asio::default_completion_token_t<Executor>;
  using tokens =
      detail::follower_tokens<follower, default_token, with_default_token<follower, Executor>>;

 public:
  /// With the default token.
  using executor_type = Executor;

  /// Makes a closed follower, or takes one over.
  /// @{
  with_default_token() noexcept = default;
  with_default_token(follower&& of) noexcept : follower(std::move(of)) {}
  /// @}

  /// The executor of the follower.
  executor_type get_executor() const { return executor_type(follower::get_executor()); }

  using tokens::next;
  using tokens::read;

  /// The operation of Asio's stream concept.
  template <class MutableBufferSequence,
            asio::completion_token_for<void(asio_error_code, std::size_t)> Token = default_token>
  auto async_read_some(const MutableBufferSequence& to, Token&& token = default_token()) {
    return follower::async_read_some(to, std::forward<Token>(token));
  }
};

}  // namespace coramfs
