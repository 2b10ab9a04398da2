// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/tree.hpp>

#include <coramfs/pinned.hpp>
#include <coramfs/sync/file_system.hpp>

#include "integrations/testing/words.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace coramfs::testing {

namespace {

using coramfs::detail::counted;
using coramfs::detail::in_hexadecimal;
using coramfs::detail::in_quotes;
using coramfs::detail::is_text;

constexpr std::size_t most_lines = 100;
constexpr std::size_t most_shown = 24;  // bytes of a content

/// A path as it stands in a line: as it is, where a line can have it.
std::string shown_path(const std::string& path) {
  std::string other = in_quotes(path);
  const bool is_plain = other.size() == path.size() + 2 && path.find(' ') == std::string::npos;
  return is_plain ? path : other;
}

/// All of `text` that is whole characters: what was cut off from a longer one may end within one.
std::string_view whole_characters(std::string_view text) {
  for (std::size_t cut = 0; cut < std::min<std::size_t>(text.size(), 4); ++cut) {
    const std::string_view whole = text.substr(0, text.size() - cut);
    if (is_text(whole)) return whole;
  }
  return text;
}

std::string_view shown_part(std::string_view bytes) {
  return bytes.size() <= most_shown ? bytes : whole_characters(bytes.substr(0, most_shown));
}

/// The beginning of a content.
std::string beginning(std::string_view bytes) {
  const std::string_view part = shown_part(bytes);
  std::string text = is_text(part) ? in_quotes(part) : in_hexadecimal(part);
  return part.size() < bytes.size() ? text + "..." : text;
}

/// The beginnings of two contents, both in the same way.
std::string both(std::string_view has, std::string_view expected) {
  const std::string_view shown[] = {shown_part(has), shown_part(expected)};
  const bool text = is_text(shown[0]) && is_text(shown[1]);
  const auto show = [&](std::string_view all, std::string_view part) {
    if (all.empty()) return std::string("its end");
    const std::string some = text ? in_quotes(part) : in_hexadecimal(part);
    return part.size() < all.size() ? some + "..." : some;
  };
  return show(has, shown[0]) + " and not " + show(expected, shown[1]);
}

/// A file of the volume, as far as it has to be looked at: all of it is too much where it is large.
class content {
 public:
  content(sync::file_system& fs, const std::string& path) : pin_(pin(fs, path)) {}

  const result<pinned>& pin() const noexcept { return pin_; }
  std::uint64_t size() const noexcept { return pin_.value().size(); }

  /// Where it differs first: the size of the shorter, if it does nowhere before.
  std::size_t first_difference(std::string_view from) const {
    std::size_t at = 0;
    for (const asio::const_buffer b : pin_.value()) {
      const auto* const has = static_cast<const char*>(b.data());
      const std::size_t n = std::min(b.size(), from.size() - at);
      if (std::memcmp(has, from.data() + at, n) != 0)
        return at + static_cast<std::size_t>(
                        std::mismatch(has, has + n, from.begin() + std::ptrdiff_t(at)).first - has);
      at += n;
      if (at == from.size()) break;
    }
    return at;
  }

  /// So many bytes from there, or all there are.
  std::string some(std::size_t from, std::size_t n) const {
    std::string all;
    for (const asio::const_buffer b : pin_.value()) {
      const std::size_t skipped = std::min(from, b.size());
      from -= skipped;
      all.append(static_cast<const char*>(b.data()) + skipped,
                 std::min(b.size() - skipped, n - all.size()));
      if (all.size() == n) break;
    }
    return all;
  }

 private:
  static result<pinned> pin(sync::file_system& fs, const std::string& path) {
    BOOST_OUTCOME_TRY(auto f,
                      fs.open(path, open_mode::read, {.timeout = lock_timeout::immediate()}));
    BOOST_OUTCOME_TRY(const auto size, f.size());
    return f.pin(0, static_cast<std::size_t>(size));
  }

  result<pinned> pin_;
};

std::string sized(std::uint64_t n) { return counted(n, "byte", "bytes"); }

/// What is to be said of a content by itself, by its first bytes: more of them than are shown, if
/// it has more.
std::string described(std::uint64_t size, std::string_view first_bytes) {
  return ": " + sized(size) + (size > 0 ? ": " + beginning(first_bytes) : "");
}

std::string unreadable(const coramfs::error& why) { return ": can not be read: " + why.message(); }

/// Empty if it is the same.
std::string compared(const content& has, std::string_view expected) {
  if (!has.pin()) return unreadable(has.pin().error());
  std::size_t at = has.first_difference(expected);
  if (at == expected.size() && has.size() == expected.size()) return {};
  const std::size_t where = at;
  // A character is shown from its beginning on.
  while (at > 0 && where - at < 3 && at < expected.size() &&
         (static_cast<unsigned char>(expected[at]) & 0xc0U) == 0x80)
    --at;
  std::string text = has.size() == expected.size() ? ": "
                                                   : ": " + sized(has.size()) + ", not " +
                                                         std::to_string(expected.size()) + "; ";
  text += "from byte " + std::to_string(at) + " on ";
  // One more than is shown, which tells that there are more.
  return text + both(has.some(at, most_shown + 1), expected.substr(at));
}

/// The lines, of which only so many are kept.
class line_list {
 public:
  void add(char sign, const std::string& path, const std::string& what) {
    if (++count_ <= most_lines)
      text_ += std::string(1, sign) + ' ' + shown_path(path) + what + '\n';
  }
  std::string take() && {
    if (count_ > most_lines)
      text_ += "and " + counted(count_ - most_lines, "path", "paths") + " more\n";
    return std::move(text_);
  }

 private:
  std::string text_;
  std::size_t count_ = 0;
};

/// What a volume has: by paths, whether it is a directory.
std::map<std::string, bool> entries_of(sync::file_system& fs) {
  std::map<std::string, bool> all;
  const auto walked = fs.walk("/");
  if (!walked) throw std::bad_alloc();
  for (const walk_entry& at : walked.value()) {
    const std::string below = at.path == "/" ? at.path : at.path + '/';
    for (const std::string& name : at.directories) all.emplace(below + name, true);
    for (const std::string& name : at.files) all.emplace(below + name, false);
  }
  return all;
}

void add_surplus(line_list& to, sync::file_system& fs, const std::string& path, bool is_directory) {
  if (is_directory) return to.add('+', path + '/', {});
  const content has(fs, path);
  to.add('+', path,
         has.pin() ? described(has.size(), has.some(0, most_shown + 1))
                   : unreadable(has.pin().error()));
}

void add_lack(line_list& to, const std::string& path, const std::optional<std::string>& expected) {
  if (!expected) return to.add('-', path + '/', {});
  to.add('-', path, described(expected->size(), *expected));
}

void add_both(line_list& to, sync::file_system& fs, const std::string& path, bool is_directory,
              const std::optional<std::string>& expected) {
  if (is_directory != !expected)
    return to.add(
        '~', path,
        is_directory ? ": is a directory, and not a file" : ": is a file, and not a directory");
  if (is_directory) return;
  if (const std::string how = compared(content(fs, path), *expected); !how.empty())
    to.add('~', path, how);
}

}  // namespace

std::string difference(const volume& v, const tree_of& expected) {
  sync::file_system fs(v);
  const std::map<std::string, bool> has = entries_of(fs);
  line_list lines;
  auto at = has.begin();
  for (const auto& [path, wanted] : expected.entries()) {
    for (; at != has.end() && at->first < path; ++at) add_surplus(lines, fs, at->first, at->second);
    if (at == has.end() || at->first != path) {
      add_lack(lines, path, wanted);
    } else {
      add_both(lines, fs, path, at->second, wanted);
      ++at;
    }
  }
  for (; at != has.end(); ++at) add_surplus(lines, fs, at->first, at->second);
  return std::move(lines).take();
}

}  // namespace coramfs::testing
