// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/schedule.hpp>

#include <charconv>
#include <cstddef>

namespace coramfs::testing {

bool operator==(const schedule& a, const schedule& b) noexcept {
  const auto same_trace = [&] {
    return a.taken_ == b.taken_ || (a.taken_ && b.taken_ && *a.taken_ == *b.taken_);
  };
  return a.kind_ == b.kind_ && a.seed_ == b.seed_ && a.limit_ == b.limit_ && a.depth_ == b.depth_ &&
         a.steps_ == b.steps_ && a.coroutine_ == b.coroutine_ && a.is_first_ == b.is_first_ &&
         a.time_pressure == b.time_pressure && same_trace();
}

std::string to_string(const schedule& s) {
  using kind = schedule::kind;
  const std::string seed = std::to_string(s.seed_);
  std::string text;
  switch (s.kind_) {
    case kind::fifo: text = "fifo()"; break;
    case kind::uniform: text = "uniform(" + seed + ')'; break;
    case kind::pct:
      text = "pct(" + seed + ", " + std::to_string(s.depth_);
      if (s.steps_ != 0) text += ", " + std::to_string(s.steps_);
      text += ')';
      break;
    case kind::replay:
      text = "replay(trace of " + std::to_string(s.taken_->size()) + " steps, " + seed + ')';
      break;
    case kind::one_apart: text = "fifo() with one apart"; break;
    case kind::all: text = "all(" + std::to_string(s.limit_) + ')'; break;
  }
  if (s.time_pressure > 0) {
    char digits[32];
    char* const end = std::to_chars(digits, digits + sizeof digits, s.time_pressure).ptr;
    text += ".with_time_pressure(" + std::string(digits, end) + ')';
  }
  return text;
}

std::string to_string(const trace& t, std::size_t most) {
  std::string text;
  std::size_t named = 0, more = 0;
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (t[i].taken == 0 && !t[i].has_jumped) continue;
    if (named == most) {
      ++more;
      continue;
    }
    ++named;
    if (!text.empty()) text += ", ";
    text += "step " + std::to_string(i + 1) + " took " + std::to_string(t[i].taken + 1) + " of " +
            std::to_string(t[i].ready);
    if (t[i].has_jumped) text += " after a jump";
  }
  if (more > 0) text += (text.empty() ? "" : " and ") + std::to_string(more) + " more";
  return text;
}

}  // namespace coramfs::testing
