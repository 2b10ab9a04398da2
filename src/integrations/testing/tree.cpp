// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/tree.hpp>

#include <coramfs/sync/file_system.hpp>

#include "integrations/testing/words.hpp"

#include <stdexcept>
#include <string_view>
#include <vector>

namespace coramfs::testing {

namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw std::invalid_argument("tree_of: " + coramfs::detail::in_quotes(path) + ' ' + why);
}

/// A path in its one form, without the slash at its end.
std::string in_form(const std::string& path) {
  if (path.empty() || path[0] != '/') refuse(path, "does not begin with a slash");
  if (path.find('\\') != std::string::npos || path.find('\0') != std::string::npos)
    refuse(path, "has a backslash or a NUL");
  std::string form;
  std::string_view rest = path;
  while (!rest.empty()) {
    rest.remove_prefix(1);  // a slash
    const std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(name.size());
    if (name == "." || name == "..") refuse(path, "has a part that is " + std::string(name));
    if (!name.empty()) form.append("/").append(name);
  }
  return form;
}

/// The directories above a path, the lowest last; without the root.
std::vector<std::string> above(const std::string& path) {
  std::vector<std::string> all;
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    all.push_back(path.substr(0, at));
  return all;
}

[[noreturn]] void can_not(const char* what, const coramfs::error& why) {
  throw std::runtime_error(std::string(what) + ": " + why.message());
}

template <class T>
T value_or_throw(result<T> r, const char* what) {
  if (!r) can_not(what, r.error());
  if constexpr (!std::is_void_v<T>) return std::move(r).value();
}

}  // namespace

tree_of& tree_of::file(const std::string& path, std::string content) {
  const std::string form = in_form(path);
  if (form.empty() || path.back() == '/') refuse(path, "is no path of a file");
  const std::vector<std::string> parents = above(form);
  for (const std::string& parent : parents)
    if (const auto at = entries_.find(parent); at != entries_.end() && at->second)
      refuse(path, "is below the file " + coramfs::detail::in_quotes(parent));
  if (const auto at = entries_.find(form); at != entries_.end() && at->second != content)
    refuse(path, at->second ? "is there with another content" : "is a directory");
  for (const std::string& parent : parents) entries_.try_emplace(parent);
  entries_.insert_or_assign(form, std::move(content));
  return *this;
}

tree_of& tree_of::directory(const std::string& path) {
  const std::string form = in_form(path);
  if (form.empty()) return *this;
  std::vector<std::string> all = above(form);
  all.push_back(form);
  for (const std::string& d : all)
    if (const auto at = entries_.find(d); at != entries_.end() && at->second)
      refuse(path, coramfs::detail::in_quotes(d) + " is a file");
  for (const std::string& d : all) entries_.try_emplace(d);
  return *this;
}

tree_of::tree_of(const volume& v) {
  sync::file_system fs(v);
  for (const walk_entry& at : value_or_throw(fs.walk("/"), "tree_of")) {
    const std::string below = at.path == "/" ? at.path : at.path + '/';
    for (const std::string& name : at.directories) entries_.try_emplace(below + name);
    for (const std::string& name : at.files) {
      auto f = value_or_throw(
          fs.open(below + name, open_mode::read, {.timeout = lock_timeout::immediate()}),
          "tree_of");
      const bytes content = value_or_throw(f.read_all(), "tree_of");
      entries_[below + name].emplace(reinterpret_cast<const char*>(content.data()), content.size());
    }
  }
}

tree_of files(std::initializer_list<std::pair<std::string, std::string>> all) {
  tree_of made;
  for (const auto& [path, content] : all) {
    if (path.empty() || path.back() != '/') {
      made.file(path, content);
    } else if (content.empty()) {
      made.directory(path);
    } else {
      refuse(path, "is a directory, and has a content");
    }
  }
  return made;
}

void fill(const volume& v, const tree_of& from) {
  sync::file_system fs(v);
  // A directory comes before what is in it.
  for (const auto& [path, content] : from.entries()) {
    if (content) {
      value_or_throw(fs.write_file(path, *content), "fill");
    } else {
      value_or_throw(fs.create_directories(path), "fill");
    }
  }
}

}  // namespace coramfs::testing
