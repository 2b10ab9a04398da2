// SPDX-License-Identifier: BSL-1.0
#include "core/error_note.hpp"

#include <coramfs/detail/host_error.hpp>
#include <coramfs/error_details.hpp>

#include "core/error_notes.hpp"
#include "core/thread_lane.hpp"

#include <algorithm>
#include <mutex>
#include <string>

namespace coramfs {

namespace detail {

std::string_view name_of(call c) noexcept {
  switch (c) {
    case call::unknown: return {};
    case call::open: return "open";
    case call::open_unnamed: return "open_unnamed";
    case call::give_name: return "give_name";
    case call::give_names: return "give_names";
    case call::create_directory: return "create_directory";
    case call::create_directories: return "create_directories";
    case call::remove: return "remove";
    case call::remove_directory: return "remove_directory";
    case call::remove_tree: return "remove_tree";
    case call::rename: return "rename";
    case call::move: return "move";
    case call::copy: return "copy";
    case call::copy_tree: return "copy_tree";
    case call::fork: return "fork";
    case call::list: return "list";
    case call::list_entries: return "list_entries";
    case call::list_some: return "list_some";
    case call::each: return "each";
    case call::each_below: return "each_below";
    case call::each_match: return "each_match";
    case call::walk: return "walk";
    case call::glob: return "glob";
    case call::stat: return "stat";
    case call::set_modified: return "set_modified";
    case call::file_size: return "file_size";
    case call::read_file: return "read_file";
    case call::read_text: return "read_text";
    case call::write_file: return "write_file";
    case call::export_tree: return "export_tree";
    case call::export_each: return "export_each";
    case call::import_tree: return "import_tree";
    case call::read: return "read";
    case call::write: return "write";
    case call::truncate: return "truncate";
    case call::seek: return "seek";
    case call::tell: return "tell";
    case call::size: return "size";
    case call::next_data: return "next_data";
    case call::next_hole: return "next_hole";
    case call::flush: return "flush";
    case call::reserve: return "reserve";
    case call::punch_hole: return "punch_hole";
    case call::pin: return "pin";
    case call::prepare: return "prepare";
    case call::commit: return "commit";
    case call::announce: return "announce";
    case call::finish: return "finish";
    case call::abandon: return "abandon";
    case call::follow: return "follow";
    case call::fetch: return "fetch";
    case call::next: return "next";
    case call::export_to_host: return "export_to_host";
    case call::import_from_host: return "import_from_host";
    case call::to_memfd: return "to_memfd";
    case call::from_memfd: return "from_memfd";
    case call::expand_archive: return "expand_archive";
    case call::expand_archive_streaming: return "expand_archive_streaming";
    case call::expand_each: return "expand_each";
    case call::expand_arriving: return "expand_arriving";
    case call::list_archive: return "list_archive";
    case call::create_archive: return "create_archive";
  }
  return {};
}

namespace {

// Room for the notes of each lane, and behind them for those of the threads that have none. Memory
// of lanes in which nothing has failed is never touched.
constinit std::array<note_lane, thread_lanes + 1> note_lanes;
constinit std::mutex shared_lane;  // guards who writes to the last one

// Whether a code may have a note. Of the system's category there is one for all copies of the
// library, so a note is also compared with what it is of.
bool may_be_noted(const std::error_code& c) noexcept {
  return &c.category() == &error_category() || c.category() == std::system_category();
}

}  // namespace

std::uint64_t error_notes::add(const error_note& n, std::uint64_t before) noexcept {
  const unsigned mine = thread_lane();
  std::unique_lock<std::mutex> lock;
  if (mine == no_lane) lock = std::unique_lock(shared_lane);
  return note_lanes[mine].add(n, mine, before);
}

bool error_notes::find(const error& e, error_note& to) noexcept {
  // An error of another copy of the library has a number of that copy's.
  if (e.note_ == 0 || !may_be_noted(e.code_)) return false;
  error_note found;
  if (!note_lanes[note_lane::lane_of(e.note_)].find(e.note_, found)) return false;
  if (found.code != e.code_.value()) return false;
  to = found;
  return true;
}

error error_notes::note(call by, std::string_view path, const error& e,
                        const lock_state* l) noexcept {
  if (!may_be_noted(e.code_)) return e;
  error_note n;
  if (find(e, n) && n.is_complete(l != nullptr)) return e;
  n.code = e.code_.value();
  if (n.by == call::unknown) n.by = by;
  if (n.path_size == 0) n.set_path(path);
  if (l != nullptr && !n.knows_lock) n.set_lock(*l);
  error noted = e;
  noted.note_ = add(n, e.note_);
  return noted;
}

error error_notes::rename(call by, const error& e) noexcept {
  error_note n;
  if (!find(e, n) || n.by == by) return e;
  n.by = by;
  error renamed = e;
  renamed.note_ = add(n, e.note_);
  return renamed;
}

void error_note::set_path(std::string_view text) noexcept {
  is_path_cut = text.size() > max_path;
  if (is_path_cut) text.remove_prefix(text.size() - max_path);
  // Not in the middle of a character.
  while (is_path_cut && !text.empty() && (text.front() & 0xc0) == 0x80) text.remove_prefix(1);
  path_size = static_cast<std::uint16_t>(text.size());
  std::copy(text.begin(), text.end(), path.begin());
}

void error_note::set_lock(const lock_state& l) noexcept {
  knows_lock = true;
  made = l.seen_at;
  holder_count = l.holder_count;
  waiting = l.waiting;
  holders = l.holders;
}

error about(call by, std::string_view path, const error& e) noexcept {
  return error_notes::note(by, path, e, nullptr);
}

error about(call by, std::string_view path, const error& e, const lock_state& l) noexcept {
  return error_notes::note(by, path, e, &l);
}

error about_instead(call by, std::string_view path, const error& e) noexcept {
  return error_notes::rename(by, about(by, path, e));
}

error about_host_call(std::string_view path, const error& e, host_call by) noexcept {
  switch (by) {
    case host_call::export_to_host: return about(call::export_to_host, path, e);
    case host_call::import_from_host: return about(call::import_from_host, path, e);
    case host_call::to_memfd: return about(call::to_memfd, path, e);
    case host_call::from_memfd: return about(call::from_memfd, path, e);
    case host_call::expand_archive: return about(call::expand_archive, path, e);
    case host_call::expand_archive_streaming: return about(call::expand_archive_streaming, path, e);
    case host_call::expand_each: return about(call::expand_each, path, e);
    case host_call::expand_arriving: return about(call::expand_arriving, path, e);
    case host_call::list_archive: return about(call::list_archive, path, e);
    case host_call::create_archive: return about(call::create_archive, path, e);
  }
  return e;
}

namespace {

std::string path_of(const error_note& n) {
  return std::string(n.is_path_cut ? "..." : "").append(n.path.data(), n.path_size);
}

// How many bytes the first character of a text has. 0: it is a control character, in ASCII or
// behind it (C1), or not a part of UTF-8, which a terminal may take for one.
std::size_t printed_size(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = at(0);
  if (lead < 0x80) return lead < 0x20 || lead == 0x7f ? 0 : 1;
  const std::size_t size = lead < 0xc2   ? 0
                           : lead < 0xe0 ? 2
                           : lead < 0xf0 ? 3
                           : lead < 0xf5 ? 4
                                         : 0;
  if (size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  return size == 2 && lead == 0xc2 && at(1) < 0xa0 ? 0 : size;
}

// Puts a text in quotes, and keeps what is not printed from doing anything to a terminal or a log.
void append_quoted(std::string& to, std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  to += '"';
  while (!text.empty()) {
    const std::size_t size = printed_size(text);
    if (size == 0) {
      const auto code = static_cast<unsigned char>(text.front());
      to += "\\x";
      to += digits[code / 16];
      to += digits[code % 16];
    } else {
      if (text.front() == '"' || text.front() == '\\') to += '\\';
      to += text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  to += '"';
}

// In milliseconds, or from a second on in seconds with one digit behind the point, in whatever
// locale.
std::string time_text(std::chrono::steady_clock::duration d) {
  using std::chrono::milliseconds;
  const auto all = std::max(std::chrono::duration_cast<milliseconds>(d), milliseconds()).count();
  if (all < 1000) return std::to_string(all) + " ms";
  return std::to_string(all / 1000) + '.' + std::to_string(all / 100 % 10) + " s";
}

void append_holder(std::string& to, const lock_holder& h, const error_note& n) {
  const std::string_view label = h.label.view();
  label.empty() ? static_cast<void>(to += "an unnamed handle") : append_quoted(to, label);
  to.append(" (").append(to_string(static_cast<open_mode>(h.mode))).append(") for ");
  to += time_text(n.made - h.since);
}

void append_lock(std::string& to, const error_note& n) {
  const std::size_t named = n.named_holders();
  to += named == 0 ? ": no handle is known to have it open" : ": held by ";
  for (std::size_t i = 0; i < named; ++i) {
    if (i != 0) to += " and ";
    append_holder(to, n.holders[i], n);
  }
  if (n.holder_count > named) to += " and " + std::to_string(n.holder_count - named) + " more";
  if (n.waiting == 0) {
    to += ", nobody else waits";
  } else {
    to += ", " + std::to_string(n.waiting) + (n.waiting == 1 ? " other waits" : " others wait");
  }
}

}  // namespace

}  // namespace detail

error_details error::details() const {
  detail::error_note n;
  if (!detail::error_notes::find(*this, n)) return {};
  error_details d{detail::name_of(n.by), detail::path_of(n), {}, n.holder_count, n.waiting};
  for (std::size_t i = 0; i < n.named_holders(); ++i) {
    const detail::lock_holder& h = n.holders[i];
    d.holders.push_back({d.path, static_cast<open_mode>(h.mode), std::string(h.label.view()),
                         std::chrono::steady_clock::time_point(h.since), n.waiting});
  }
  return d;
}

std::string error::message() const {
  std::string text = code_.message();
  detail::error_note n;
  const bool is_noted = detail::error_notes::find(*this, n);
  if (is_noted && n.by != detail::call::unknown) text.append(": ").append(detail::name_of(n.by));
  if (is_noted && n.path_size != 0) {
    text += n.by == detail::call::unknown ? ": " : " ";
    detail::append_quoted(text, detail::path_of(n));
  }
  const bool is_of_nodes = *this == errc::node_limit_exceeded,
             is_of_size = *this == errc::too_large,
             is_of_space = *this == errc::timed_out || *this == errc::quota_exceeded ||
                           *this == errc::memory_guard;
  // Nothing is refused that asks for nothing: then it was made of a code alone.
  if (requested_ != 0 && (is_of_nodes || is_of_size || is_of_space)) {
    text += ": requested " + std::to_string(requested_) + (is_of_nodes ? " nodes, " : " bytes, ") +
            std::to_string(available_) + (is_of_size ? " allowed" : " available");
  }
  if (*this == errc::invalid_encoding) text += ": at byte " + std::to_string(requested_);
  if (is_noted && n.knows_lock) detail::append_lock(text, n);
  return text;
}

}  // namespace coramfs
