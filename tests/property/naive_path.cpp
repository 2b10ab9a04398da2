// SPDX-License-Identifier: BSL-1.0
#include "property/naive_path.hpp"

#include <coramfs/error.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace coramfs::tests::naive_path {

namespace {

using parts = std::vector<std::string>;

/// What stands between the brackets at the start of `pattern`.
struct char_class {
  bool negated;
  std::string_view members;
  std::string_view rest;
};

// None: there is no closing bracket, so the opening one is an ordinary character.
std::optional<char_class> take_class(std::string_view pattern) {
  const bool negated = pattern.substr(1).starts_with('!');
  const std::size_t begin = negated ? 2 : 1;
  const std::size_t end = pattern.find(']', begin + 1);  // a bracket in front is a member
  if (pattern.size() <= begin || end == pattern.npos) return std::nullopt;
  return char_class{negated, pattern.substr(begin, end - begin), pattern.substr(end + 1)};
}

bool contains(std::string_view members, char c) {
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i + 2 < members.size() && members[i + 1] == '-') {
      if (members[i] <= c && c <= members[i + 2]) return true;
      i += 2;
    } else if (members[i] == c) {
      return true;
    }
  }
  return false;
}

bool matches_name(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  const char first = pattern.front();
  if (first == '*')
    return matches_name(pattern.substr(1), name) ||
           (!name.empty() && matches_name(pattern, name.substr(1)));
  if (name.empty()) return false;
  if (first == '[') {
    if (const auto c = take_class(pattern))
      return contains(c->members, name.front()) != c->negated &&
             matches_name(c->rest, name.substr(1));
  }
  return (first == '?' || first == name.front()) && matches_name(pattern.substr(1), name.substr(1));
}

// From the part `i` of the pattern and the name `j` of the path on.
bool matches_from(const parts& pattern, std::size_t i, const parts& names, std::size_t j) {
  if (i == pattern.size()) return j == names.size();
  if (j == names.size()) return false;
  if (pattern[i] != "**")
    return matches_name(pattern[i], names[j]) && matches_from(pattern, i + 1, names, j + 1);
  if (i + 1 == pattern.size()) return true;
  return matches_from(pattern, i + 1, names, j) || matches_from(pattern, i, names, j + 1);
}

// Each pattern that the braces of one stand for; without brackets in them.
parts written_out(const std::string& text) {
  parts open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') open.push_back(text.substr(0, i));
    if (text[i] != '}' || open.empty()) continue;
    // The innermost: there is no other in it.
    const std::string before = open.back();
    parts all;
    for (std::size_t from = before.size() + 1; from <= i;) {
      const std::size_t to = std::min(text.find(',', from), i);
      for (std::string& one :
           written_out(before + text.substr(from, to - from) + text.substr(i + 1)))
        all.push_back(std::move(one));
      from = to + 1;
    }
    return all;
  }
  return {text};
}

bool matches_written_out(std::string_view pattern, const std::string& path) {
  const parts wanted = split(pattern);
  for (const std::string& part : wanted)
    if (part == "." || part == "..") return false;
  return !wanted.empty() && path != "/" && matches_from(wanted, 0, split(path), 0);
}

}  // namespace

std::vector<std::string> split(std::string_view text) {
  parts found(1);
  for (const char c : text) {
    if (c == '/' || c == '\\') {
      if (!found.back().empty()) found.emplace_back();
    } else {
      found.back() += c;
    }
  }
  if (found.back().empty()) found.pop_back();
  return found;
}

std::string normal(std::string_view text) {
  if (text.find('\0') != text.npos) throw error(errc::invalid_path);
  parts names;
  for (const std::string& part : split(text)) {
    if (part == ".") continue;
    if (part != "..") {
      names.push_back(part);
    } else {
      if (names.empty()) throw error(errc::invalid_path);
      names.pop_back();
    }
  }
  std::string path;
  for (const std::string& n : names) {
    if (n.size() > 255) throw error(errc::name_too_long);
    path += "/" + n;
  }
  if (path.size() > 4096) throw error(errc::name_too_long);
  return path.empty() ? "/" : path;
}

std::string parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string child(const std::string& parent, const std::string& name) {
  return (parent == "/" ? "" : parent) + "/" + name;
}

bool is_below(const std::string& path, const std::string& above) {
  return path != above && path.starts_with(above == "/" ? "/" : above + "/");
}

bool matches(std::string_view pattern, const std::string& path) {
  const parts all = written_out(std::string(pattern));
  return std::any_of(all.begin(), all.end(),
                     [&](const std::string& one) { return matches_written_out(one, path); });
}

}  // namespace coramfs::tests::naive_path
