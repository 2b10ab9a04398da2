// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/leftovers.hpp"

#include <coramfs/open_options.hpp>
#include <coramfs/sync/file_system.hpp>

#include "integrations/testing/words.hpp"

#include <algorithm>
#include <new>
#include <tuple>

namespace coramfs::detail {

namespace {

std::string handle_line(const open_handle& h) {
  std::string text = "\n  " + (h.path.empty() ? "a file without a name" : in_quotes(h.path)) +
                     " is open (" + std::string(to_string(h.mode)) + ") by " +
                     (h.label.empty() ? "an unnamed handle" : in_quotes(h.label));
  return h.waiting > 0 ? text + ", and " + counted(h.waiting, "other waits", "others wait") : text;
}

template <class T>
T value_or_throw(result<T> r) {
  if (!r) throw std::bad_alloc();  // nothing else can go wrong
  return std::move(r).value();
}

std::string open_lines(const volume& v, const volume_stats& now) {
  auto handles = value_or_throw(v.open_handles());
  std::sort(handles.begin(), handles.end(), [](const open_handle& a, const open_handle& b) {
    return std::tie(a.path, a.since, a.label) < std::tie(b.path, b.since, b.label);
  });
  std::string text;
  for (const open_handle& h : handles) text += handle_line(h);
  if (now.open_handles > handles.size())
    text += "\n  " +
            counted(now.open_handles - handles.size(), "more handle is", "more handles are") +
            " open";
  return text;
}

std::uint64_t count_of_files(sync::file_system& fs) {
  std::uint64_t count = 0;
  for (const walk_entry& at : value_or_throw(fs.walk("/"))) count += at.files.size();
  return count;
}

std::uint64_t sum_of_sizes(sync::file_system& fs) {
  std::uint64_t sum = 0;
  for (const walk_entry& at : value_or_throw(fs.walk("/")))
    for (const std::string& name : at.files)
      if (const auto size = fs.file_size(at.path + '/' + name)) sum += size.value();
  return sum;
}

}  // namespace

std::string leftovers_of(const volume& v) {
  const volume_stats now = v.stats();
  std::string text = open_lines(v, now);
  if (now.waiting > 0)
    text += "\n  " + counted(now.waiting, "operation waits", "operations wait") +
            " for a lock or for space";
  if (now.pins > 0) text += "\n  " + counted(now.pins, "pin is", "pins are") + " held";
  if (v.options().accounting != accounting::payload) return text;
  sync::file_system fs(v);
  const std::uint64_t of_files = sum_of_sizes(fs);
  // What a file without a name is charged is told with its handle.
  const bool has_unnamed = now.file_count > count_of_files(fs);
  if (now.used_bytes > of_files && !has_unnamed)
    text += "\n  " + counted(now.used_bytes - of_files, "byte is", "bytes are") +
            " charged beyond the " + std::to_string(of_files) + " of the files";
  return text;
}

}  // namespace coramfs::detail
