// SPDX-License-Identifier: BSL-1.0
#include "differential/comparison.hpp"

#include "support/describe.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <stdexcept>
#include <utility>

namespace coramfs::tests {

namespace {

constexpr std::array mode_names{"read", "write", "append", "update", "create"};

asio::const_buffer buffer_of(const std::string& text) {
  return asio::const_buffer(text.data(), text.size());
}

std::string lines(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& s : all) text += s + '\n';
  return text;
}

std::string told(std::uint64_t n) { return std::to_string(n); }
std::string told(const bytes& content) { return text_of(content); }
std::string told(const std::vector<std::string>& all) { return lines(all); }
std::string told(const sync::file&) { return "opened"; }
std::string told(bool made) { return made ? "made" : "there"; }
std::string told(const file_status& s) {
  return s.is_directory ? "directory" : "file of " + std::to_string(s.size);
}

template <class T>
answer answer_of(const result<T>& r) {
  if (!r) return {{}, r.error().code()};
  if constexpr (std::is_void_v<T>) {
    return {"done", {}};
  } else {
    return {told(r.value()), {}};
  }
}

std::string shown(const answer& a) {
  return a.failure ? a.failure.message() : "\"" + a.value.substr(0, 200) + "\"";
}

bool agree(const answer& ours, const answer& theirs) {
  if (!ours.failure || !theirs.failure)
    return !ours.failure && !theirs.failure && ours.value == theirs.value;
  return ours.failure == theirs.failure.default_error_condition();
}

/// A rule that allows two failures to differ. Without `theirs`: any failure.
struct other_failure {
  rule by;
  std::string_view what;  // the operation; empty for all
  errc ours;
  int theirs;
};

constexpr std::array other_failures{
    other_failure{rule::paths_first, "", errc::name_too_long, 0},
    other_failure{rule::existing_directory, "open", errc::is_a_directory, EEXIST},
    other_failure{rule::not_readable, "read", errc::not_readable, EBADF},
    other_failure{rule::not_readable, "read_at", errc::not_readable, EBADF},
    other_failure{rule::not_writable, "write", errc::not_writable, EBADF},
    other_failure{rule::not_writable, "write_at", errc::not_writable, EBADF},
    other_failure{rule::not_writable, "truncate", errc::not_writable, EINVAL},
    other_failure{rule::not_writable, "punch_hole", errc::not_writable, EBADF},
    other_failure{rule::file_in_the_way, "create_directories", errc::already_exists, ENOTDIR},
    other_failure{rule::source_first, "rename", errc::not_found, ENOTDIR},
    other_failure{rule::below_itself, "rename", errc::invalid_argument, EEXIST},
    other_failure{rule::below_itself, "rename", errc::invalid_argument, ENOENT},
    other_failure{rule::below_itself, "rename", errc::invalid_argument, ENOTDIR},
    other_failure{rule::ancestor, "rename", errc::is_a_directory, ENOTEMPTY},
};

const other_failure* find_excuse(std::string_view what, const answer& ours, const answer& theirs) {
  if (!theirs.failure) return nullptr;
  for (const other_failure& f : other_failures)
    if ((f.what.empty() || f.what == what) && ours.failure == make_error_code(f.ours) &&
        (f.theirs == 0 || f.theirs == theirs.failure.value()))
      return &f;
  return nullptr;
}

std::string with_backslashes(std::string path) {
  std::replace(path.begin(), path.end(), '/', '\\');
  return path;
}

bool is_at_or_below(const std::string& path, const std::string& above) {
  return path == above || path.starts_with(above == "/" ? "/" : above + "/");
}

}  // namespace

comparison::comparison(storage_layout layout, host_directory& theirs, std::mt19937_64& random,
                       rule_book& rules)
    : layout_(layout),
      ours_(sync::file_system::create(
                {.default_storage = layout, .default_lock_timeout = lock_timeout::immediate()})
                .value()),
      theirs_(theirs),
      random_(random),
      rules_(rules) {
  theirs_.clear();
}

std::size_t comparison::run(std::size_t operations) try {
  std::size_t done = 0;
  volume_stats now{};
  // Copies of copies would take all of the time.
  while (done < operations && now.file_count + now.directory_count < 100) {
    step();
    if (++done % 20 == 0) compare_trees();
    now = ours_.stats().value();
  }
  for (handle& h : handles_) h = handle();
  compare_trees();
  return done;
} catch (const std::logic_error& e) {
  const std::size_t last = std::min<std::size_t>(log_.size(), 30);
  throw std::logic_error(
      std::string(e.what()) + "\nafter\n" +
      lines(std::vector<std::string>(log_.end() - static_cast<std::ptrdiff_t>(last), log_.end())));
}

void comparison::step() {
  handle& h = any_handle();
  if (h.ours.is_open() && below(2) == 0) {
    step_on_file(h);
    if (h.ours.is_open()) compare_handle(h);
  } else {
    step_on_tree();
  }
}

void comparison::step_on_file(handle& h) {
  const std::uint64_t n = any_number(), offset = any_number();
  const path_pair here{h.path, h.path, h.path};
  switch (below(10)) {
    case 0: {
      note("close " + h.path);
      h = handle();
      return;
    }
    case 1: {
      note("read " + told(n));
      bytes buffer(n);
      const auto count = h.ours.read(asio::buffer(buffer));
      buffer.resize(count ? count.value() : 0);
      const answer ours = count ? answer{told(buffer), {}} : answer_of(count);
      return settle("read", here, ours, [&] { return h.theirs.read(n); });
    }
    case 2: {
      note("read_at " + told(offset) + " " + told(n));
      bytes buffer(n);
      const auto count = h.ours.read_at(offset, asio::buffer(buffer));
      buffer.resize(count ? count.value() : 0);
      const answer ours = count ? answer{told(buffer), {}} : answer_of(count);
      return settle("read_at", here, ours, [&] { return h.theirs.read_at(offset, n); });
    }
    case 3: return truncate(h);
    case 4: return seek(h);
    case 9: return punch_hole(h);
    case 5:
    case 6: return write(h);
    default: return write_at(h);
  }
}

void comparison::step_on_tree() {
  switch (below(16)) {
    case 0:
    case 1: return create();
    case 2: return remove();
    case 3:
    case 4: return rename();
    case 5: return move();
    case 6: return copy();
    case 7: return copy_tree();
    case 8: return look();
    case 9: return list_or_glob();
    case 10:
    case 11: return whole_file();
    default: return open();
  }
}

void comparison::open() {
  const auto mode = static_cast<open_mode>(below(mode_names.size()));
  const path_pair p = any_path();
  note(std::string("open ") + mode_names[static_cast<std::size_t>(mode)] + " " + p.ours);
  auto opened = ours_.open(p.ours, mode);
  host_file theirs;
  settle("open", p, answer_of(opened), [&]() -> answer {
    theirs = host_file(theirs_.open(p.theirs, mode));
    if (!theirs.is_open()) return {{}, std::error_code(errno, std::generic_category())};
    if (!theirs_.is_directory(p.theirs)) return {"opened", {}};
    rules_.apply(rule::directory_in_any_mode);
    theirs.close();
    return {{}, make_error_code(std::errc::is_a_directory)};
  });
  if (!opened) return;
  if (mode == open_mode::append && theirs.size() > 0) {
    rules_.apply(rule::append_cursor);
    theirs.seek(0, SEEK_END);
  }
  any_handle() = handle{std::move(opened).value(), std::move(theirs), p.normal, mode};
}

void comparison::write(handle& h) {
  const std::string content = any_content();
  note("write " + told(content.size()));
  const path_pair here{h.path, h.path, h.path};
  const auto written =
      below(2) == 0 ? h.ours.write(buffer_of(content)) : h.ours.write(bytes_of(content));
  settle("write", here, answer_of(written), [&] { return h.theirs.write(content); });
}

void comparison::write_at(handle& h) {
  const std::string content = any_content();
  const std::uint64_t offset = below(3) == 0 ? h.ours.size().value() : any_number();
  note("write_at " + told(offset) + " " + told(content.size()));
  const path_pair here{h.path, h.path, h.path};
  settle("write_at", here, answer_of(h.ours.write_at(offset, buffer_of(content))),
         [&] { return h.theirs.write_at(offset, content); });
}

void comparison::truncate(handle& h) {
  const bool at_cursor = below(3) == 0;
  const std::uint64_t size = at_cursor ? h.theirs.tell() : any_number();
  const std::uint64_t before = h.theirs.size();
  note("truncate " + told(size));
  const path_pair here{h.path, h.path, h.path};
  const auto cut = at_cursor ? h.ours.truncate() : h.ours.truncate(size);
  settle("truncate", here, answer_of(cut), [&] { return h.theirs.truncate(size); });
  if (cut && size < before && h.theirs.tell() > size) {
    rules_.apply(rule::pulled_cursor);
    h.theirs.seek(static_cast<std::int64_t>(size), SEEK_SET);
  }
}

void comparison::punch_hole(handle& h) {
  const std::uint64_t offset = any_number(), size = 1 + any_number();
  note("punch_hole " + told(offset) + " " + told(size));
  const path_pair here{h.path, h.path, h.path};
  settle("punch_hole", here, answer_of(h.ours.punch_hole(offset, size)),
         [&] { return h.theirs.punch_hole(offset, size); });
}

void comparison::seek(handle& h) {
  static constexpr std::array whences{SEEK_SET, SEEK_CUR, SEEK_END};
  const std::size_t from = below(whences.size());
  const auto n = static_cast<std::int64_t>(any_number());
  const std::int64_t offset = below(3) == 0 ? -n : n;
  note("seek " + std::to_string(offset) + " from " + told(from));
  const path_pair here{h.path, h.path, h.path};
  settle("seek", here, answer_of(h.ours.seek(offset, static_cast<seek_from>(from))),
         [&] { return h.theirs.seek(offset, whences[from]); });
}

void comparison::compare_handle(handle& h) {
  const answer ours{told(h.ours.tell().value()) + " of " + told(h.ours.size().value()), {}};
  compare("cursor and size", ours, {told(h.theirs.tell()) + " of " + told(h.theirs.size()), {}});
}

void comparison::compare_trees() {
  std::string ours;
  std::set<std::string> hidden;
  const auto paths = ours_.glob("/**").value();
  for (const std::string& p : paths) {
    const auto content = ours_.read_file(p);
    // What is open for writing is shown once it is closed.
    if (!content && content.error() == errc::would_block) hidden.insert(p);
    ours += p + ": " + (content ? text_of(content.value()) : told(ours_.stat(p).value())) + '\n';
  }
  compare("trees", {ours, {}}, {theirs_.picture(hidden), {}});
}

void comparison::create() {
  const path_pair p = any_path();
  if (below(2) == 0) {
    note("create_directory " + p.ours);
    return settle("create_directory", p, answer_of(ours_.create_directory(p.ours)),
                  [&] { return theirs_.create_directory(p.theirs); });
  }
  note("create_directories " + p.ours);
  settle("create_directories", p, answer_of(ours_.create_directories(p.ours)),
         [&] { return theirs_.create_directories(p.theirs); });
}

void comparison::remove() {
  const path_pair p = any_path();
  if (below(2) == 0) {
    const bool keeps = below(2) == 0;
    note((keeps ? "remove the name of " : "remove ") + p.ours);
    const auto removed =
        ours_.remove(p.ours, {.open = keeps ? if_open::keep_unnamed : if_open::fail});
    for (handle& h : handles_)
      if (removed && h.path == p.normal) h.path = "removed";
    return settle("remove", p, answer_of(removed), [&] { return theirs_.remove(p.theirs); });
  }
  const bool is_root = below(30) == 0;
  const std::string path = is_root ? "/" : p.ours;
  if (below(2) == 0) {
    note("remove_directory " + path);
    return settle("remove_directory", is_root ? path_pair{"/", "/", "/"} : p,
                  answer_of(ours_.remove_directory(path)),
                  [&] { return theirs_.remove_directory(p.theirs); });
  }
  note("remove_tree " + path);
  settle("remove_tree", is_root ? path_pair{"/", "/", "/"} : p, answer_of(ours_.remove_tree(path)),
         [&] { return theirs_.remove_tree(p.theirs); });
}

void comparison::rename() {
  const path_pair from = any_path(), to = any_path();
  const bool replaces = below(2) == 0;
  note("rename " + from.ours + " " + to.ours + (replaces ? " replace" : ""));
  const auto renamed =
      ours_.rename(from.ours, to.ours, replaces ? if_exists::replace : if_exists::fail);
  const path_pair& open = is_open_below(from.normal) ? from : to;
  settle("rename", open, answer_of(renamed),
         [&] { return theirs_.rename(from.theirs, to.theirs, replaces); });
}

// POSIX has no such operation: the parents are made, and then it is renamed.
void comparison::move() {
  const path_pair from = any_path(), to = any_path();
  note("move " + from.ours + " " + to.ours);
  const auto moved = ours_.move(from.ours, to.ours);
  if (!moved) return rules_.apply(rule::whole_moves);  // the comparison of trees shows that it is
  const std::string parent = to.normal.substr(0, to.normal.rfind('/'));
  if (!parent.empty()) theirs_.create_directories(parent);
  settle("move", to, answer_of(moved),
         [&] { return theirs_.rename(from.theirs, to.theirs, false); });
}

void comparison::copy() {
  const path_pair from = any_path(), to = any_path();
  const bool replaces = below(2) == 0;
  note("copy " + from.ours + " " + to.ours + (replaces ? " replace" : ""));
  const auto copied =
      ours_.copy(from.ours, to.ours, replaces ? if_exists::replace : if_exists::fail);
  if (from.normal == to.normal && error_of(copied) == errc::already_exists)
    return rules_.apply(rule::copy_onto_itself);
  const path_pair& open = is_open_below(from.normal) ? from : to;
  settle("copy", open, answer_of(copied),
         [&] { return theirs_.copy(from.theirs, to.theirs, replaces); });
}

void comparison::copy_tree() {
  const path_pair from = any_path(), to = any_path();
  note("copy_tree " + from.ours + " " + to.ours);
  const auto copied = ours_.copy_tree(from.ours, to.ours);
  if (error_of(copied) == errc::invalid_argument && is_at_or_below(to.normal, from.normal))
    return rules_.apply(rule::tree_into_itself);
  settle("copy_tree", from, answer_of(copied),
         [&] { return theirs_.copy_tree(from.theirs, to.theirs); });
}

void comparison::look() {
  const path_pair p = any_path();
  note("stat " + p.ours);
  settle("stat", p, answer_of(ours_.stat(p.ours)), [&] { return theirs_.look(p.theirs); });
  settle("file_size", p, answer_of(ours_.file_size(p.ours)),
         [&] { return theirs_.file_size(p.theirs); });
}

void comparison::list_or_glob() {
  static const std::array<std::string, 8> patterns{"/*",    "/a/*",    "/?/b", "/*/*",
                                                   "/[ab]", "/[!a]/*", "/*b*", "/*/*/[b-z]"};
  if (below(2) == 0) {
    const std::string pattern = patterns[below(patterns.size())];
    note("glob " + pattern);
    return settle("glob", {pattern, pattern, pattern}, answer_of(ours_.glob(pattern)),
                  [&] { return theirs_.glob(pattern); });
  }
  const path_pair p = any_path();
  note("list " + p.ours);
  settle("list", p, answer_of(ours_.list(p.ours)), [&] { return theirs_.list(p.theirs); });
}

void comparison::whole_file() {
  const path_pair p = any_path();
  if (below(2) == 0) {
    note("read_file " + p.ours);
    return settle("read_file", p, answer_of(ours_.read_file(p.ours)),
                  [&] { return theirs_.read_file(p.theirs); });
  }
  const std::string content = any_content();
  note("write_file " + p.ours + " " + told(content.size()));
  settle("write_file", p, answer_of(ours_.write_file(p.ours, buffer_of(content))),
         [&] { return theirs_.write_file(p.theirs, content); });
}

void comparison::settle(std::string_view what, const path_pair& p, const answer& ours,
                        const host_call& theirs) {
  if (is_not_asked(what, p, ours)) return;
  compare(what, ours, theirs());
}

bool comparison::is_not_asked(std::string_view what, const path_pair& p, const answer& ours) {
  const auto applies = [&](rule r, errc failure, bool holds) {
    if (ours.failure != make_error_code(failure) || !holds) return false;
    rules_.apply(r);
    return true;
  };
  const auto appends = std::any_of(handles_.begin(), handles_.end(), [&](const handle& h) {
    return h.ours.is_open() && h.path == p.normal && h.mode == open_mode::append;
  });
  return applies(rule::climbing, errc::invalid_path, true) ||
         applies(rule::locks, errc::would_block, is_open_below(p.normal)) ||
         applies(rule::busy, errc::busy, is_open_below(p.normal)) ||
         applies(rule::all_or_nothing, errc::name_too_long, what == "create_directories") ||
         applies(rule::root_stays, errc::invalid_argument,
                 what == "remove_tree" || what == "remove_directory") ||
         applies(rule::append_offset, errc::not_supported, what == "write_at" && appends) ||
         applies(rule::chain_holes, errc::not_supported, what == "punch_hole") ||
         applies(rule::no_gaps, errc::not_supported, layout_ == storage_layout::sequential);
}

void comparison::compare(std::string_view what, const answer& ours, const answer& theirs) {
  if (agree(ours, theirs)) return;
  if (const other_failure* const f = find_excuse(what, ours, theirs)) return rules_.apply(f->by);
  throw std::logic_error(std::string(what) + ": ours is " + shown(ours) + ", the host's is " +
                         shown(theirs));
}

path_pair comparison::any_path() {
  static const std::array<std::string, 4> names{"a", "b", "c", "long name \xC3\xA9"};
  const std::string first = "/" + names[below(names.size())];
  std::string rest;
  for (std::size_t depth = below(3); depth > 0; --depth) rest += "/" + names[below(names.size())];
  const std::string path = first + rest;
  const auto same = [](std::string told, std::string normal) {
    return path_pair{told, told, std::move(normal)};
  };
  const auto changed = [&](rule r, std::string ours) {
    rules_.apply(r);
    return path_pair{std::move(ours), path, path};
  };
  switch (below(60)) {
    case 0: return changed(rule::trailing_slash, path + "//");
    case 1: return changed(rule::text_dots, "/missing/.." + path);
    case 2: return changed(rule::backslash, with_backslashes(path));
    case 3: return {"/.." + path, "", ""};
    case 4: return same("//" + first + (rest.empty() ? "" : "/") + rest, path);
    case 5: return same(first + "/." + rest + "/a", path + "/a");
    case 6: return same(path + "/" + std::string(256, 'n'), "");
    default: return same(path, path);
  }
}

std::string comparison::any_content() {
  std::string content(any_number(), '\0');
  for (char& c : content) c = static_cast<char>('a' + below(26));
  return content;
}

// Mostly small; at times around the size of a block.
std::uint64_t comparison::any_number() {
  return below(40) == 0 ? 65'000 + below(3) * 65'536 : below(below(4) == 0 ? 300 : 10);
}

bool comparison::is_open_below(const std::string& path) const {
  return std::any_of(handles_.begin(), handles_.end(), [&](const handle& h) {
    return h.ours.is_open() && is_at_or_below(h.path, path);
  });
}

void comparison::note(const std::string& line) { log_.push_back(line.substr(0, 200)); }

}  // namespace coramfs::tests
