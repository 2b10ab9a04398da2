// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/buffer_span.hpp>
#include <coramfs/detail/initiation.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/file.hpp>
#include <coramfs/follow.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/result.hpp>
#include <coramfs/volume.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coramfs {
struct fetch_options;
}

namespace coramfs::detail {

/// The operations of a file system for any completion token, which is their last argument. What
/// they do, their errors and their charges are those of the coroutines, and the rule of the token
/// is in the documentation of `file_system`.
///
/// `FileSystem` derives from this, and has a class `later` with the same operations, which gives an
/// `initiation` of each. Where a class `Derived` of that does so once more, the token may be left
/// out, and is a `Default` then.
template <class FileSystem, class Default = void, class Derived = FileSystem>
class file_system_tokens {
 public:
  template <token_for<file> Token = Default>
  auto open(path_argument path, open_mode mode, open_options options,
            Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.open(std::move(path), mode, options); });
  }
  template <token_for<file> Token = Default>
  auto open(path_argument path, open_mode mode, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.open(std::move(path), mode); });
  }
  template <token_for<file> Token = Default>
  auto open_unnamed(open_options options, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.open_unnamed(options); });
  }
  template <token_for<file> Token = Default>
  auto open_unnamed(Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.open_unnamed(); });
  }
  template <token_for<follower> Token = Default>
  auto follow(path_argument path, follow_options options, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.follow(std::move(path), options); });
  }
  template <token_for<follower> Token = Default>
  auto follow(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.follow(std::move(path)); });
  }
  // Defined in coramfs/fetch.hpp.
  template <class Producer, token_for<follower> Token = Default>
  auto fetch(path_argument path, Producer producer, fetch_options options,
             Token&& token = Default()) const;
  template <class Producer, token_for<follower> Token = Default>
  auto fetch(path_argument path, Producer producer, Token&& token = Default()) const;
  template <token_for<void> Token = Default>
  auto give_name(file& f, path_argument path, naming_options options,
                 Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.give_name(f, std::move(path), options); });
  }
  template <token_for<void> Token = Default>
  auto give_name(file& f, path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.give_name(f, std::move(path)); });
  }
  template <token_for<void> Token = Default>
  auto give_names(std::map<std::string, file>& files, std::vector<std::string> directories,
                  naming_options options, Token&& token = Default()) const {
    return call<Token>(
        token, [&](auto&& on) { return on.give_names(files, std::move(directories), options); });
  }
  template <token_for<void> Token = Default>
  auto give_names(std::map<std::string, file>& files, std::vector<std::string> directories,
                  Token&& token = Default()) const {
    return call<Token>(token,
                       [&](auto&& on) { return on.give_names(files, std::move(directories)); });
  }
  template <token_for<void> Token = Default>
  auto give_names(std::map<std::string, file>& files, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.give_names(files); });
  }
  template <token_for<void> Token = Default>
  auto create_directory(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.create_directory(std::move(path)); });
  }
  template <token_for<bool> Token = Default>
  auto create_directories(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.create_directories(std::move(path)); });
  }
  template <token_for<void> Token = Default>
  auto remove(path_argument path, remove_options options, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.remove(std::move(path), options); });
  }
  template <token_for<void> Token = Default>
  auto remove(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.remove(std::move(path)); });
  }
  template <token_for<void> Token = Default>
  auto remove_directory(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.remove_directory(std::move(path)); });
  }
  template <token_for<void> Token = Default>
  auto remove_tree(path_argument path, remove_options options, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.remove_tree(std::move(path), options); });
  }
  template <token_for<void> Token = Default>
  auto remove_tree(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.remove_tree(std::move(path)); });
  }
  template <token_for<void> Token = Default>
  auto rename(path_argument from, path_argument to, rename_options options,
              Token&& token = Default()) const {
    return call<Token>(
        token, [&](auto&& on) { return on.rename(std::move(from), std::move(to), options); });
  }
  template <token_for<void> Token = Default>
  auto rename(path_argument from, path_argument to, if_exists existing,
              Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) {
      return on.rename(std::move(from), std::move(to), rename_options{existing});
    });
  }
  template <token_for<void> Token = Default>
  auto rename(path_argument from, path_argument to, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.rename(std::move(from), std::move(to)); });
  }
  template <token_for<void> Token = Default>
  auto move(path_argument from, path_argument to, rename_options options,
            Token&& token = Default()) const {
    return call<Token>(token,
                       [&](auto&& on) { return on.move(std::move(from), std::move(to), options); });
  }
  template <token_for<void> Token = Default>
  auto move(path_argument from, path_argument to, if_exists existing,
            Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) {
      return on.move(std::move(from), std::move(to), rename_options{existing});
    });
  }
  template <token_for<void> Token = Default>
  auto move(path_argument from, path_argument to, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.move(std::move(from), std::move(to)); });
  }
  template <token_for<void> Token = Default>
  auto copy(path_argument from, path_argument to, copy_options options,
            Token&& token = Default()) const {
    return call<Token>(token,
                       [&](auto&& on) { return on.copy(std::move(from), std::move(to), options); });
  }
  template <token_for<void> Token = Default>
  auto copy(path_argument from, path_argument to, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.copy(std::move(from), std::move(to)); });
  }
  template <token_for<void> Token = Default>
  auto copy_tree(path_argument from, path_argument to, copy_options options,
                 Token&& token = Default()) const {
    return call<Token>(
        token, [&](auto&& on) { return on.copy_tree(std::move(from), std::move(to), options); });
  }
  template <token_for<void> Token = Default>
  auto copy_tree(path_argument from, path_argument to, Token&& token = Default()) const {
    return call<Token>(token,
                       [&](auto&& on) { return on.copy_tree(std::move(from), std::move(to)); });
  }
  template <token_for<volume> Token = Default>
  auto fork(fork_options options, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.fork(std::move(options)); });
  }
  template <token_for<volume> Token = Default>
  auto fork(Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.fork(); });
  }
  template <token_for<std::vector<std::string>> Token = Default>
  auto list(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.list(std::move(path)); });
  }
  template <token_for<std::vector<directory_entry>> Token = Default>
  auto list_entries(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.list_entries(std::move(path)); });
  }
  template <token_for<std::vector<directory_entry>> Token = Default>
  auto list_some(path_argument path, path_argument after, std::size_t most,
                 Token&& token = Default()) const {
    return call<Token>(
        token, [&](auto&& on) { return on.list_some(std::move(path), std::move(after), most); });
  }
  template <token_for<std::vector<walk_entry>> Token = Default>
  auto walk(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.walk(std::move(path)); });
  }
  template <token_for<std::vector<walk_entry>> Token = Default>
  auto walk(Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.walk(); });
  }
  template <token_for<std::vector<std::string>> Token = Default>
  auto glob(path_argument pattern, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.glob(std::move(pattern)); });
  }
  template <token_for<bool> Token = Default>
  auto exists(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.exists(std::move(path)); });
  }
  template <token_for<bool> Token = Default>
  auto is_file(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.is_file(std::move(path)); });
  }
  template <token_for<bool> Token = Default>
  auto is_directory(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.is_directory(std::move(path)); });
  }
  template <token_for<file_status> Token = Default>
  auto stat(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.stat(std::move(path)); });
  }
  template <token_for<void> Token = Default>
  auto set_modified(path_argument path, std::chrono::system_clock::time_point to,
                    Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.set_modified(std::move(path), to); });
  }
  template <token_for<std::uint64_t> Token = Default>
  auto file_size(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.file_size(std::move(path)); });
  }
  template <token_for<bytes> Token = Default>
  auto read_file(path_argument path, std::optional<std::uint64_t> max_size,
                 Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.read_file(std::move(path), max_size); });
  }
  template <token_for<bytes> Token = Default>
  auto read_file(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.read_file(std::move(path)); });
  }
  template <token_for<void> Token = Default>
  auto write_file(path_argument path, asio::const_buffer content, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.write_file(std::move(path), content); });
  }
  template <content_like Content, token_for<void> Token = Default>
  auto write_file(path_argument path, const Content& content, Token&& token = Default()) const {
    return call<Token>(
        token, [&](auto&& on) { return on.write_file(std::move(path), to_buffer(content)); });
  }
  template <token_for<std::string> Token = Default>
  auto read_text(path_argument path, std::optional<std::uint64_t> max_size,
                 Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.read_text(std::move(path), max_size); });
  }
  template <token_for<std::string> Token = Default>
  auto read_text(path_argument path, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.read_text(std::move(path)); });
  }
  template <token_for<void> Token = Default>
  auto write_text(path_argument path, std::string_view text, Token&& token = Default()) const {
    return call<Token>(token,
                       [&](auto&& on) { return on.write_file(std::move(path), to_buffer(text)); });
  }
  template <token_for<file_map> Token = Default>
  auto export_tree(path_argument prefix, export_options options, Token&& token = Default()) const {
    return call<Token>(token,
                       [&](auto&& on) { return on.export_tree(std::move(prefix), options); });
  }
  template <token_for<file_map> Token = Default>
  auto export_tree(path_argument prefix, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.export_tree(std::move(prefix)); });
  }
  template <token_for<file_map> Token = Default>
  auto export_tree(Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.export_tree(); });
  }
  template <token_for<void> Token = Default>
  auto import_tree(file_map files, import_options options, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.import_tree(std::move(files), options); });
  }
  template <token_for<void> Token = Default>
  auto import_tree(file_map files, Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.import_tree(std::move(files)); });
  }
  template <token_for<volume_stats> Token = Default>
  auto stats(Token&& token = Default()) const {
    return call<Token>(token, [&](auto&& on) { return on.stats(); });
  }

 private:
  friend Derived;
  file_system_tokens() = default;

  // Calls an operation on the object itself, where it is a coroutine, or else on its `later`.
  template <class Token, class Operation>
  auto call(std::remove_reference_t<Token>& token, Operation operation) const {
    const FileSystem& self = static_cast<const Derived&>(*this);
    if constexpr (is_coroutine_token<Token>) {
      return operation(self);
    } else {
      return initiate<Token>(token, operation(typename FileSystem::later(self)));
    }
  }
};

}  // namespace coramfs::detail
