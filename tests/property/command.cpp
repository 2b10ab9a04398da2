// SPDX-License-Identifier: BSL-1.0
#include "property/command.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <ostream>
#include <string_view>
#include <utility>

namespace coramfs::tests {

namespace {

constexpr std::array action_names{"create_directories",
                                  "create_directory",
                                  "write_file",
                                  "open",
                                  "write",
                                  "write_at",
                                  "adopt",
                                  "truncate",
                                  "truncate_here",
                                  "reserve",
                                  "punch_hole",
                                  "seek",
                                  "read",
                                  "read_at",
                                  "read_all",
                                  "close",
                                  "drop",
                                  "rename",
                                  "move",
                                  "copy",
                                  "copy_tree",
                                  "remove",
                                  "remove_in_turn",
                                  "take_name",
                                  "remove_directory",
                                  "remove_tree",
                                  "set_modified",
                                  "import_tree",
                                  "read_file",
                                  "export_tree",
                                  "export_each",
                                  "list",
                                  "list_entries",
                                  "walk",
                                  "glob",
                                  "look",
                                  "fork",
                                  "end_volume"};
constexpr std::array mode_names{"read",   "write",      "append",      "update",
                                "create", "write_read", "append_read", "create_read"};
constexpr std::array origin_names{"start", "current", "end"};

std::chrono::system_clock::time_point long_ago(std::uint64_t seconds) {
  return std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 40))
    out += std::isprint(static_cast<unsigned char>(c)) ? std::string(1, c) : "\\?";
  return out + (text.size() > 40 ? "...\"" : "\"") +
         (text.size() > 40 ? " of " + std::to_string(text.size()) : "");
}

std::string content_of(std::uint64_t size, std::size_t number) {
  std::string content(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    content[i] = static_cast<char>('a' + (i + 7 * number) % 26);
  return content;
}

bytes bytes_of_text(std::string_view text) {
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return bytes(first, first + text.size());
}

// What is told of each type of result.
std::string told(bool b) { return b ? "true" : "false"; }
std::string told(std::uint64_t n) { return std::to_string(n); }
std::string told(const std::string& text) { return text; }
std::string told(const std::unique_ptr<any_file>&) { return "a file"; }
std::string told(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& s : all) text += s + " ";
  return text;
}
std::string told(const std::vector<walk_entry>& all) {
  std::string text;
  for (const walk_entry& e : all)
    text += e.path + ": " + told(e.directories) + "| " + told(e.files) + "\n";
  return text;
}
std::string told(const file_status& s) {
  return std::to_string(s.size) + " " + std::to_string(s.generation) + " " + told(s.is_directory);
}
std::string told(const std::vector<directory_entry>& all) {
  std::string text;
  for (const directory_entry& e : all) text += e.name + ": " + told(e.status) + "\n";
  return text;
}
std::string told(const std::vector<found_entry>& all) {
  std::string text;
  for (const found_entry& e : all) text += e.path + ": " + told(e.status) + "\n";
  return text;
}
std::string told(const file_map& files) {
  std::string text;
  for (const auto& [path, content] : files) {
    text += path + ": ";
    for (const std::byte b : content) text += static_cast<char>(b);
    text += '\n';
  }
  return text;
}

template <class T>
outcome told(const result<T>& r) {
  if (!r) {
    const error e = r.error();
    return {e.code().message() + " (" + told(e.requested()) + ", " + told(e.available()) + ")", e};
  }
  if constexpr (std::is_void_v<T>) {
    return {"done"};
  } else {
    return {told(r.value())};
  }
}

outcome both(const outcome& a, const outcome& b) {
  return {a.text + "; " + b.text, a.failed() ? a.failure : b.failure};
}

outcome look(any_file_system& fs, const std::string& path) {
  const outcome kinds =
      both(told(fs.exists(path)), both(told(fs.is_file(path)), told(fs.is_directory(path))));
  return both(kinds, both(told(fs.stat(path)), told(fs.file_size(path))));
}

result<std::vector<directory_entry>> in_pages(any_file_system& fs, const std::string& path,
                                              std::size_t most) {
  std::vector<directory_entry> all;
  for (std::string after;;) {
    auto page = fs.list_some(path, after, most);
    if (!page) return page.error();
    const std::size_t count = page.value().size();
    for (directory_entry& e : page.value()) all.push_back(std::move(e));
    if (count < most) break;
    after = all.back().name;
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

result<std::vector<found_entry>> sorted(result<std::vector<found_entry>> all) {
  if (!all) return all;
  std::sort(all.value().begin(), all.value().end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return all;
}

outcome open(const subject& on, const command& c) {
  open_options options;
  options.preallocate = c.size % 3 == 0 ? c.offset : 0;
  options.timeout = lock_timeout::immediate();
  options.own = c.owns;
  auto opened = on.fs.open(c.path, c.mode, options);
  const outcome o = told(opened);
  if (opened) on.open_files[c.slot] = std::move(opened).value();
  return o;
}

copy_options how_to_copy(const command& c) {
  copy_options o(c.existing, c.in_use);
  o.content = c.content;
  return o;
}

outcome adopt(any_file& f, const command& c, std::size_t number) {
  bytes from = bytes_of_text(content_of(c.size, number));
  const outcome o = told(f.write(std::move(from)));
  return {o.text + ", left " + told(from.size()), o.failure};
}

// The buffer is told whole: what was not read into must be untouched.
template <class Read>
outcome read_into(std::uint64_t size, Read read) {
  std::string buffer(size, '.');
  const outcome o = told(read(std::span<char>(buffer)));
  return {o.text + " " + buffer, o.failure};
}

outcome import_some(any_file_system& fs, const command& c, std::size_t number) {
  file_map files;
  files[c.path] = bytes_of_text(content_of(c.size, number));
  files[c.to] = bytes_of_text(content_of(c.size / 2, number));
  if (c.size % 2 == 0) files[c.to + "/a"] = bytes();
  return told(fs.import_tree(std::move(files)));
}

outcome export_each(any_file_system& fs, const command& c) {
  std::string seen;
  std::uint64_t left = c.size;
  const auto visit = [&](const std::string& path, const bytes& content) -> result<void> {
    seen += told(file_map{{path, content}});
    if (left-- == 0) return errc::corrupt_archive;  // some error that the library has not
    return boost::outcome_v2::success();
  };
  const outcome o = told(fs.export_each(c.path, visit));
  return {seen + o.text, o.failure};
}

outcome on_file(any_file& f, const command& c, std::size_t number) {
  const auto distance =
      static_cast<std::int64_t>(c.size % 2 == 0 ? c.offset : std::uint64_t{0} - c.offset);
  switch (c.what) {
    case action::write: return told(f.write(content_of(c.size, number)));
    case action::write_at: return told(f.write_at(c.offset, content_of(c.size, number)));
    case action::adopt: return adopt(f, c, number);
    case action::truncate: return told(f.truncate(c.offset));
    case action::truncate_here: return told(f.truncate());
    case action::reserve: return told(f.reserve(c.offset));
    case action::punch_hole: return told(f.punch_hole(c.offset, c.size));
    case action::seek: return told(f.seek(distance, c.origin));
    case action::read: return read_into(c.size, [&](auto to) { return f.read(to); });
    case action::read_at:
      return read_into(c.size, [&](auto to) { return f.read_at(c.offset, to); });
    case action::read_all: return told(f.read_all());
    default: return told(f.close());
  }
}

outcome on_tree(const subject& on, const command& c, std::size_t number) {
  any_file_system& fs = on.fs;
  switch (c.what) {
    case action::create_directories: return told(fs.create_directories(c.path));
    case action::create_directory: return told(fs.create_directory(c.path));
    case action::write_file: return told(fs.write_file(c.path, content_of(c.size, number)));
    case action::rename:
      return told(fs.rename(c.path, c.to, rename_options{c.existing, c.in_use, {}}));
    case action::move: return told(fs.move(c.path, c.to, rename_options{c.existing, c.in_use, {}}));
    case action::copy: return told(fs.copy(c.path, c.to, how_to_copy(c)));
    case action::copy_tree: return told(on.copy_tree(c.path, c.to, copy_options(c.content)));
    case action::remove: return told(fs.remove(c.path));
    case action::remove_in_turn: return told(fs.remove(c.path, {.open = if_open::wait}));
    case action::take_name: return told(fs.remove(c.path, {.open = if_open::keep_unnamed}));
    case action::remove_directory: return told(fs.remove_directory(c.path));
    case action::remove_tree: return told(fs.remove_tree(c.path, {c.in_use, {}}));
    case action::set_modified: return told(fs.set_modified(c.path, long_ago(c.size)));
    case action::import_tree: return import_some(fs, c, number);
    case action::read_file: return told(fs.read_file(c.path, c.offset));
    case action::export_tree: return told(fs.export_tree(c.path, {.only_dirty = c.size % 2 == 1}));
    case action::export_each: return export_each(fs, c);
    case action::list: return told(fs.list(c.path));
    case action::list_entries:
      return both(both(told(fs.list_entries(c.path)), told(in_pages(fs, c.path, 1 + c.size % 4))),
                  both(told(sorted(fs.each(c.path))), told(sorted(fs.each_below(c.path)))));
    case action::walk: return told(fs.walk(c.path));
    case action::glob: return both(told(fs.glob(c.pattern)), told(fs.each_match(c.pattern)));
    case action::fork: return told(on.fork());
    default: return look(fs, c.path);
  }
}

bool is_on_file(action a) { return a >= action::write && a <= action::close; }

}  // namespace

std::ostream& operator<<(std::ostream& out, const command& c) {
  out << action_names[static_cast<std::size_t>(c.what)];
  out << " in volume " << c.tree;
  if (is_on_file(c.what) || c.what == action::open || c.what == action::drop)
    out << " handle " << c.slot;
  if (!is_on_file(c.what)) out << " " << quoted(c.path) << " to " << quoted(c.to);
  if (c.what == action::open) out << " for " << mode_names[static_cast<std::size_t>(c.mode)];
  if (c.what == action::open && c.owns) out << " own";
  if (c.what == action::seek) out << " from " << origin_names[static_cast<std::size_t>(c.origin)];
  if (c.what == action::glob) out << " pattern " << quoted(c.pattern);
  if (c.existing == if_exists::replace) out << " replace";
  if (c.what == action::copy || c.what == action::copy_tree)
    out << (c.content == copy_options::content::share ? " share" : " own");
  if (c.in_use == if_open::wait) out << " wait";
  if (c.in_use == if_open::keep_unnamed) out << " keep";
  return out << " size " << c.size << " offset " << c.offset;
}

outcome perform(const subject& on, const command& c, std::size_t number) {
  std::unique_ptr<any_file>& f = on.open_files[c.slot];
  if (c.what == action::open) return open(on, c);
  if (c.what == action::drop) {
    f.reset();
    return {"gone"};
  }
  if (!is_on_file(c.what)) return on_tree(on, c, number);
  if (f == nullptr) return {"no handle"};
  return on_file(*f, c, number);
}

}  // namespace coramfs::tests
