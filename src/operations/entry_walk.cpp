// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/entry_walk.hpp>

#include "core/error_note.hpp"
#include "core/path.hpp"
#include "tree/pattern.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

std::string below(const std::string& directory, std::string_view name) {
  std::string path = directory == "/" ? std::string() : directory;
  path += '/';
  path += name;
  return path;
}

// Whether there may be something of that name: it is no part of a path that means anything else.
bool may_be_a_name(std::string_view name) noexcept {
  return !name.empty() && name != "." && name != ".." && name.size() <= max_name_size &&
         name.find('\0') == std::string_view::npos;
}

call call_of(entry_walk::depth d) noexcept {
  if (d == entry_walk::depth::matching) return call::each_match;
  return d == entry_walk::depth::all_below ? call::each_below : call::each;
}

}  // namespace

void entry_walk::pattern_end::operator()(pattern* p) const noexcept { delete p; }

entry_walk::entry_walk(path_argument top, depth d) noexcept : top_(std::move(top)), depth_(d) {}
entry_walk::entry_walk(entry_walk&& other) noexcept = default;
entry_walk& entry_walk::operator=(entry_walk&& other) noexcept = default;
entry_walk::~entry_walk() = default;

bool entry_walk::wants_status() const noexcept { return levels_.back().wants_status; }

const std::string& entry_walk::path() const noexcept {
  return wants_status() ? levels_.back().after : levels_.back().path;
}

const std::string& entry_walk::after() const noexcept { return levels_.back().after; }

error entry_walk::end_with(const error& e) noexcept {
  levels_.clear();
  found_.clear();
  return about_instead(call_of(depth_), top_.view(), e);
}

bool entry_walk::has_found() const noexcept { return !found_.empty(); }

std::vector<found_entry> entry_walk::take_found() noexcept { return std::exchange(found_, {}); }

std::size_t entry_walk::take_work() noexcept { return std::exchange(work_, 0); }

result<bool> entry_walk::go_on() noexcept try {
  if (!std::exchange(has_begun_, true)) {
    if (depth_ == depth::matching) {
      if (!top_.valid()) return end_with(errc::out_of_memory);
      if (top_.view().size() > pattern::max_size) return end_with(errc::name_too_long);
      begin_pattern();
    } else {
      path_buffer buffer;
      const auto normal = buffer.normalise(top_);
      if (!normal) return end_with(normal.error());
      enter(std::string(normal.value().text()), {});
    }
  }
  while (!levels_.empty()) {
    level& last = levels_.back();
    if (!last.rest.empty()) {
      pending next = std::move(last.rest.back());
      last.rest.pop_back();
      const bool is_entered = next.name.back() == '/';
      if (is_entered) next.name.pop_back();
      std::string path = below(last.path, next.name);
      if (is_entered) {
        enter(std::move(path), std::move(next.at));
      } else {
        found_.push_back({std::move(path), next.status});
      }
    } else if (last.is_complete) {
      levels_.pop_back();
    } else {
      return true;
    }
  }
  return has_found();
} catch (const std::bad_alloc&) {
  return end_with(errc::out_of_memory);
}

// The longer the pattern, the longer it may take to look at a name: then a page has fewer.
void entry_walk::begin_pattern() {
  constexpr std::size_t is_short = 64, least = 16;
  wanted_.reset(new pattern(top_.view()));
  if (top_.view().size() > is_short)
    page_size_ = std::max(least, page_size_ * is_short / top_.view().size());
  if (places at = wanted_->start(); !at.empty()) enter("/", std::move(at));
}

// Where only one name can match, and there can be none, nothing is there.
void entry_walk::enter(std::string path, places at) {
  levels_.push_back({std::move(path), {}, std::move(at), false, false, {}});
  if (wanted_ == nullptr) return;
  level& entered = levels_.back();
  const auto only = wanted_->only_name(entered.at);
  if (!only) return;
  entered.wants_status = true;
  entered.is_complete = !may_be_a_name(*only);
  if (!entered.is_complete) entered.after = below(entered.path, *only);
}

result<void> entry_walk::take(result<std::vector<directory_entry>>&& page) noexcept try {
  if (!page) return leave_out(page.error());
  take_page(page.assume_value(), page.assume_value().size() < page_size_);
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return end_with(errc::out_of_memory);
}

result<void> entry_walk::take(const result<file_status>& only) noexcept try {
  if (!only) return leave_out(only.error());
  const std::string& path = levels_.back().after;
  std::vector<directory_entry> page(1);
  page.front() = {path.substr(path.rfind('/') + 1), only.value()};
  take_page(page, true);
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return end_with(errc::out_of_memory);
}

// Others may remove what is to be entered, and a pattern may name what never was there.
result<void> entry_walk::leave_out(const error& why) noexcept {
  const bool is_missing = why == errc::not_found || why == errc::not_a_directory;
  if (!is_missing || (levels_.size() == 1 && wanted_ == nullptr)) return end_with(why);
  levels_.pop_back();
  return boost::outcome_v2::success();
}

void entry_walk::take_page(std::vector<directory_entry>& page, bool is_complete) {
  level& last = levels_.back();
  work_ += page.size() + 1;
  last.is_complete = is_complete;
  if (!is_complete) last.after = page.back().name;
  for (directory_entry& e : page) add(last, e);
  if (wanted_ != nullptr) {
    // As paths are sorted: what is in a directory stands where its name with a slash does.
    std::sort(last.rest.begin(), last.rest.end(),
              [](const pending& a, const pending& b) { return a.name > b.name; });
  } else {
    std::reverse(last.rest.begin(), last.rest.end());
  }
}

void entry_walk::add(level& to, directory_entry& e) {
  constexpr std::size_t steps_as_an_entry = 64;
  if (wanted_ == nullptr) {
    found_.push_back({below(to.path, e.name), e.status});
    if (depth_ == depth::all_below && e.status.is_directory)
      to.rest.push_back({std::move(e.name) + '/', e.status, {}});
    return;
  }
  pattern::step s = wanted_->read(to.at, e.name);
  work_ += static_cast<std::size_t>(s.work) / steps_as_an_entry;
  if (s.matches) to.rest.push_back({e.name, e.status, {}});
  if (e.status.is_directory && !s.next.empty())
    to.rest.push_back({std::move(e.name) + '/', e.status, std::move(s.next)});
}

}  // namespace coramfs::detail
