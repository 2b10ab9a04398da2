// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/manifest.hpp"

#include <coramfs/open_options.hpp>

#include "integrations/testing/simulation_core.hpp"
#include "integrations/testing/words.hpp"

namespace coramfs::detail {

namespace {

std::string_view to_text(storage_layout l) noexcept {
  switch (l) {
    case storage_layout::sequential: return "sequential";
    case storage_layout::random_access: return "random_access";
    default: return "automatic";
  }
}

void add_line(std::string& to, std::string_view name, std::string_view value) {
  to.append(name).append(": ").append(value).append("\n");
}

void add_number(std::string& to, std::string_view name, std::uint64_t n) {
  add_line(to, name, std::to_string(n));
}

std::string holder_text(const open_handle& h) {
  std::string text = h.label.empty() ? "an unnamed handle" : in_quotes(h.label);
  text.append(" (").append(to_string(h.mode)).append(")");
  return h.waiting > 0 ? text + "; " + counted(h.waiting, "other waits", "others wait") : text;
}

std::string exported_text(const snapshot_entry& e) {
  if (!e.refused.empty()) return "no: " + e.refused;
  if (e.exported == e.status.size) return "as it is";
  if (e.exported == 0) return "cut: nothing of it";
  return "cut: " + counted(e.exported, "byte", "bytes") + " of it";
}

void add_entry(std::string& to, const snapshot_entry& e) {
  to += '\n';
  add_line(to, e.status.is_directory ? "directory" : "file", in_quotes(e.path));
  if (e.host != e.path.substr(1)) add_line(to, "  here", in_quotes(e.host));
  if (!e.status.is_directory) {
    add_number(to, "  size", e.status.size);
    add_number(to, "  generation", e.status.generation);
  }
  add_line(to, "  created", utc(e.status.created_at));
  add_line(to, "  modified", utc(e.status.modified_at));
  for (const open_handle& h : e.holders) add_line(to, "  held by", holder_text(h));
  std::string holes;
  for (const auto& [first, end] : e.holes) {
    if (!holes.empty()) holes += ", ";
    holes.append(std::to_string(first)).append(" to ").append(std::to_string(end - 1));
  }
  if (!holes.empty()) add_line(to, "  holes", holes);
  if (!e.status.is_directory) add_line(to, "  written", exported_text(e));
}

}  // namespace

std::string manifest_of(const tree_snapshot& s, const std::string& test) {
  std::string text(manifest_mark);
  add_line(text, "test", in_quotes(test));
  std::uint64_t files = 0, directories = 0, bytes = 0, cut = 0;
  for (const snapshot_entry& e : s.entries) {
    ++(e.status.is_directory ? directories : files);
    if (e.status.is_directory) continue;
    bytes += e.status.size;
    if (!e.refused.empty() || e.exported < e.status.size) ++cut;
  }
  add_line(text, "tree",
           counted(files, "file", "files") + ", " +
               counted(directories, "directory", "directories") + ", " +
               counted(bytes, "byte", "bytes"));
  if (cut > 0) add_line(text, "not written as they are", counted(cut, "file", "files"));
  for (const snapshot_entry& e : s.entries) add_entry(text, e);
  return text;
}

std::string stats_text(const tree_snapshot& s) {
  std::string text;
  add_line(text, "layout", to_text(s.options.default_storage));
  add_line(text, "accounting", s.options.accounting == accounting::payload ? "payload" : "memory");
  add_number(text, "quota_bytes", s.stats.quota_bytes);
  add_number(text, "used_bytes", s.stats.used_bytes);
  add_number(text, "free_bytes", s.stats.free_bytes);
  add_number(text, "peak_bytes", s.stats.peak_bytes);
  add_number(text, "recycled_bytes", s.stats.recycled_bytes);
  add_number(text, "file_count", s.stats.file_count);
  add_number(text, "directory_count", s.stats.directory_count);
  add_number(text, "chunk_count", s.stats.chunk_count);
  add_number(text, "open_handles", s.stats.open_handles);
  add_number(text, "waiting", s.stats.waiting);
  add_number(text, "pins", s.stats.pins);
  return text;
}

std::string seed_text(const simulation_core& core) {
  std::string text;
  add_line(text, "schedule", "schedule::" + to_string(core.how()));
  add_number(text, "steps", core.taken.size());
  add_number(text, "fingerprint", core.fingerprint);
  const std::string taken = to_string(core.taken);
  add_line(text, "taken", taken.empty() ? "as by fifo" : taken);
  const testing::outcome o = core.look();
  return o.is_stuck ? text + '\n' + o.report + '\n' : text;
}

}  // namespace coramfs::detail
