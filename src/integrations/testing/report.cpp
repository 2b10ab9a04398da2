// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/report.hpp"

#include <coramfs/open_options.hpp>

#include "integrations/testing/words.hpp"

#include <cstdint>

namespace coramfs::detail {

namespace {

std::string holders_of(const error_details& d, const circumstances& c) {
  std::string text;
  for (const open_handle& h : d.holders) {
    text += text.empty() ? ": held by " : " and ";
    text += h.label.empty() ? "an unnamed handle" : in_quotes(h.label);
    text += " (" + std::string(to_string(h.mode)) + ")";
    // The volume may go by another clock.
    if (h.since >= c.start) text += " since " + seconds(h.since - c.start);
  }
  if (d.holder_count > d.holders.size())
    text += " and " + std::to_string(d.holder_count - d.holders.size()) + " more";
  if (d.holders.empty() && !d.path.empty()) text += ": no handle is known to have it open";
  if (d.waiting > 0) text += "; " + counted(d.waiting, "other waits", "others wait");
  return text;
}

std::string name_of(const testing::pending_coroutine& p) {
  return "coroutine " + (p.name.empty() ? std::to_string(p.number) : in_quotes(p.name));
}

std::string line_of(const testing::pending_wait& w, const testing::outcome& o,
                    const circumstances& c) {
  const error_details& d = w.about;
  std::string text = "\n  ";
  text += w.lock != 0 ? "rw_lock " + std::to_string(w.lock) : std::string(d.operation);
  if (!d.path.empty()) text += ' ' + in_quotes(d.path);
  for (const testing::pending_coroutine& p : o.coroutines)
    if (p.number == w.coroutine) text += " of " + name_of(p);
  text += (w.is_blocking ? " would block since " : " waits since ") + seconds(w.since - c.start);
  if (w.wanted_bytes > 0) return text + " for " + counted(w.wanted_bytes, "byte", "bytes");
  return text + holders_of(d, c);
}

// Somebody may look while it still goes on.
std::string first_line_of(const circumstances& c) {
  const bool may_go_on =
      !c.is_blocked && (c.is_ready || c.next != std::chrono::steady_clock::time_point::max());
  const std::string text = (may_go_on ? "not ended at " : "stuck at ") + seconds(c.now - c.start) +
                           ", after " + counted(c.taken.size(), "step", "steps") + " of " +
                           to_string(c.how) + ": ";
  if (c.is_blocked) return text + "the step would block the thread, and so the simulation";
  if (c.is_ready) return text + "something is ready";
  if (may_go_on) return text + "the next timer is to come at " + seconds(c.next - c.start);
  return text + "nothing is ready, and no timer is to come";
}

}  // namespace

std::string report_of(const testing::outcome& o, const circumstances& c) {
  std::string text = first_line_of(c);
  for (const testing::pending_coroutine& p : o.coroutines)
    text += "\n  " + name_of(p) + " has not ended; it was spawned at " + seconds(p.since - c.start);
  for (const testing::pending_wait& w : o.waits) text += line_of(w, o, c);
  if (o.coroutines.empty() && o.waits.empty())
    text += "\n  something that counts as work, or a timer that never expires, is still there";
  const std::string taken = to_string(c.taken);
  return text + "\n  taken: " + (taken.empty() ? "as by fifo" : taken);
}

}  // namespace coramfs::detail
