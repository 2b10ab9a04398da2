// SPDX-License-Identifier: BSL-1.0
#include "shared/command_line.hpp"

#include "shared/size.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace shared {

namespace {

// How the help shows the kind of a value, and what it is by itself.
std::string with_initial(const std::string& kind, const std::string& initial) {
  return (kind.empty() ? "[" : kind + " [") + initial + ']';
}

CLI::Option& checked_by(const command_line::check& checked, CLI::Option& option) {
  if (checked) option.check(checked);
  return option;
}

std::uint64_t read_size(const char* name, const std::string& text) {
  const auto size = parse_size(text);
  if (!size) throw CLI::ValidationError(name, text + " is no size like 64K, 1MiB or 1.5G");
  return *size;
}

}  // namespace

command_line::argument& command_line::argument::excludes(const argument& other) {
  option_->excludes(other.option_);
  return *this;
}

command_line::argument& command_line::argument::needs(const argument& other) {
  option_->needs(other.option_);
  return *this;
}

command_line::command_line(const char* program, const char* description, const char* footer)
    : app_(std::make_unique<CLI::App>(description, program)) {
  app_->footer(footer);
}

command_line::~command_line() = default;

command_line::argument command_line::directory(const char* name, std::filesystem::path& to,
                                               const char* meaning) {
  const auto set = [&to](const std::string& text) { to = text; };
  // An option is shown with the kind of its value; what stands alone is its kind already.
  const std::string kind = name[0] == '-' ? "DIR" : "";
  return argument(*app_->add_option_function<std::string>(name, set, meaning)
                       ->check(CLI::ExistingDirectory)
                       ->option_text(with_initial(kind, to.string())));
}

command_line::argument command_line::paths(const char* name, std::vector<std::filesystem::path>& to,
                                           const char* meaning) {
  const auto set = [&to](const std::vector<std::string>& texts) {
    to.assign(texts.begin(), texts.end());
  };
  return argument(
      *app_->add_option_function<std::vector<std::string>>(name, set, meaning)
           ->check(CLI::ExistingPath)
           ->option_text(to.empty() ? "..." : with_initial("...", to.front().string())));
}

command_line::argument command_line::file(const char* name,
                                          std::optional<std::filesystem::path>& to,
                                          const char* meaning) {
  const auto set = [&to](const std::string& text) { to = text; };
  return argument(*app_->add_option_function<std::string>(name, set, meaning)->option_text("FILE"));
}

command_line::argument command_line::text(const char* name, std::string& to, const char* meaning,
                                          const check& checked) {
  const std::string shown = with_initial("", to);
  return argument(checked_by(checked, *app_->add_option(name, to, meaning)->option_text(shown)));
}

command_line::argument command_line::text(const char* name, std::optional<std::string>& to,
                                          const char* kind, const char* meaning,
                                          const check& checked) {
  return argument(checked_by(checked, *app_->add_option(name, to, meaning)->option_text(kind)));
}

command_line::argument command_line::texts(const char* name, std::vector<std::string>& to,
                                           const char* meaning, const check& checked) {
  return argument(checked_by(checked, *app_->add_option(name, to, meaning)->option_text("...")));
}

command_line::argument command_line::size(const char* name, std::uint64_t& to, const char* initial,
                                          const char* meaning) {
  const auto set = [&to, name](const std::string& text) { to = read_size(name, text); };
  return argument(*app_->add_option_function<std::string>(name, set, meaning)
                       ->option_text(with_initial("SIZE", initial)));
}

command_line::argument command_line::size(const char* name, std::optional<std::uint64_t>& to,
                                          const char* meaning) {
  const auto set = [&to, name](const std::string& text) { to = read_size(name, text); };
  return argument(*app_->add_option_function<std::string>(name, set, meaning)->option_text("SIZE"));
}

command_line::argument command_line::quota(std::uint64_t& to, const char* initial) {
  return size("--quota", to, initial,
              "The limit, in bytes or with a unit: 64K, 1MiB, 1.5G; K is 1024 bytes");
}

command_line::argument command_line::share(const char* name, double& to, const char* initial,
                                           const char* meaning) {
  return argument(*app_->add_option(name, to, meaning)
                       ->check(CLI::Range(0.0, 1.0))
                       ->option_text(with_initial("RATE", initial)));
}

command_line::argument command_line::flag(const char* name, bool& to, const char* meaning) {
  return argument(*app_->add_flag(name, to, meaning));
}

std::optional<int> command_line::parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app_->exit(e) == 0 ? exit_ok : exit_usage;
  }
  return std::nullopt;
}

command_line::argument command_line::add_number(const char* name, const char* kind,
                                                std::int64_t initial, std::int64_t least,
                                                std::int64_t most, const char* meaning,
                                                std::function<void(std::int64_t)> set) {
  return argument(*app_->add_option_function<std::int64_t>(name, set, meaning)
                       ->check(CLI::Range(least, most))
                       ->option_text(with_initial(kind, std::to_string(initial))));
}

command_line::argument command_line::add_choice(const char* name, const char* kind,
                                                std::vector<std::string> words, std::size_t initial,
                                                const char* meaning,
                                                std::function<void(std::size_t)> set) {
  const std::string shown = with_initial(kind, words[initial]);
  const auto choose = [words = std::move(words), set = std::move(set),
                       name](const std::string& text) {
    const auto chosen = std::find(words.begin(), words.end(), text);
    if (chosen == words.end())
      throw CLI::ValidationError(name, text + " is none of " + CLI::detail::join(words, ", "));
    set(static_cast<std::size_t>(chosen - words.begin()));
  };
  return argument(
      *app_->add_option_function<std::string>(name, choose, meaning)->option_text(shown));
}

}  // namespace shared
