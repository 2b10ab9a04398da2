// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace shared {

inline constexpr int exit_ok = 0, exit_failure = 1, exit_usage = 2;

/// The arguments of a program. Each function that adds one says where its value goes; what is there
/// before `parse` is shown by the help, and stays if the argument is left out.
///
/// CLI11 does the work, in one source for all programs, since it takes long to compile.
class command_line {
 public:
  class argument {
   public:
    argument& excludes(const argument& other);
    argument& needs(const argument& other);

   private:
    friend command_line;
    explicit argument(CLI::Option& option) : option_(&option) {}

    CLI::Option* option_;
  };
  /// Returns what is wrong with a text; nothing if it is right.
  using check = std::function<std::string(const std::string&)>;

  command_line(const char* program, const char* description, const char* footer);
  ~command_line();
  command_line(const command_line&) = delete;
  command_line& operator=(const command_line&) = delete;

  /// A directory that exists.
  argument directory(const char* name, std::filesystem::path& to, const char* meaning);
  /// Files and directories that exist, in the place of those in `to`.
  argument paths(const char* name, std::vector<std::filesystem::path>& to, const char* meaning);
  /// A file, which may be there or not.
  argument file(const char* name, std::optional<std::filesystem::path>& to, const char* meaning);

  argument text(const char* name, std::string& to, const char* meaning, const check& checked = {});
  /// `kind` is how the help calls a value, as in "--origin URL".
  argument text(const char* name, std::optional<std::string>& to, const char* kind,
                const char* meaning, const check& checked = {});
  argument texts(const char* name, std::vector<std::string>& to, const char* meaning,
                 const check& checked = {});

  /// Bytes, in digits or with a unit. `initial` is how the help writes what is in `to`.
  argument size(const char* name, std::uint64_t& to, const char* initial, const char* meaning);
  argument size(const char* name, std::optional<std::uint64_t>& to, const char* meaning);
  /// The limit of a volume, which most programs have.
  argument quota(std::uint64_t& to, const char* initial);

  /// From `least` to `most`.
  template <std::integral T>
  argument number(const char* name, T& to, T least, T most, const char* meaning) {
    return add_number(name, "N", static_cast<std::int64_t>(to), static_cast<std::int64_t>(least),
                      static_cast<std::int64_t>(most), meaning,
                      [&to](std::int64_t value) { to = static_cast<T>(value); });
  }
  /// In the units of `Duration`, which `kind` names.
  template <class Duration>
  argument duration(const char* name, const char* kind, Duration& to, Duration least, Duration most,
                    const char* meaning) {
    return add_number(name, kind, to.count(), least.count(), most.count(), meaning,
                      [&to](std::int64_t value) { to = Duration(value); });
  }
  /// From 0 to 1.
  argument share(const char* name, double& to, const char* initial, const char* meaning);

  argument flag(const char* name, bool& to, const char* meaning);
  /// One of several words.
  template <class Value>
  argument choice(const char* name, const char* kind, Value& to,
                  std::initializer_list<std::pair<const char*, Value>> words, const char* meaning) {
    std::vector<std::string> texts;
    std::vector<Value> values;
    std::size_t initial = 0;
    for (const auto& [word, value] : words) {
      if (value == to) initial = texts.size();
      texts.emplace_back(word);
      values.push_back(value);
    }
    return add_choice(name, kind, std::move(texts), initial, meaning,
                      [&to, values](std::size_t chosen) { to = values[chosen]; });
  }

  /// Returns the status to exit with, if the help was asked for and shown, or if the arguments are
  /// wrong and that was said on standard error.
  std::optional<int> parse(int argc, const char* const* argv);

 private:
  argument add_number(const char* name, const char* kind, std::int64_t initial, std::int64_t least,
                      std::int64_t most, const char* meaning,
                      std::function<void(std::int64_t)> set);
  argument add_choice(const char* name, const char* kind, std::vector<std::string> words,
                      std::size_t initial, const char* meaning,
                      std::function<void(std::size_t)> set);

  std::unique_ptr<CLI::App> app_;
};

}  // namespace shared
