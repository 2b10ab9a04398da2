// SPDX-License-Identifier: BSL-1.0
#include "core/error_note.hpp"
#include "core/path.hpp"
#include "operations/operations.hpp"

namespace coramfs::detail {

namespace {

// Looks a path up, and gives what is there, or the place if nothing is, to `answer`. A path that
// can not be looked up is answered by its error.
template <class Answer>
auto ask(volume_state& v, const path_argument& path, Answer answer) {
  using answered = decltype(answer(entry{}));
  path_buffer buffer;
  const auto normal = buffer.normalise(path);
  if (!normal) return answered(normal.error());
  const tree::shared_access access(v.tree);
  const auto at = v.tree.look_up(normal.value());
  return at ? answer(at.value()) : answered(at.error());
}

// The answer is no wherever the path leads to nothing, for whatever reason. Only a path that is not
// there, since it found no memory at the call, has none.
template <class Is>
result<bool> ask_kind(volume_state& v, const path_argument& path, Is is) noexcept {
  if (!path.valid()) return errc::out_of_memory;
  const auto answer = [is](const entry& at) -> result<bool> {
    return at.found != nullptr && is(*at.found);
  };
  const result<bool> answered = ask(v, path, answer);
  return answered.has_value() && answered.assume_value();
}

}  // namespace

result<bool> exists(volume_state& v, const path_argument& path) noexcept {
  return ask_kind(v, path, [](const node&) { return true; });
}

result<bool> is_file(volume_state& v, const path_argument& path) noexcept {
  return ask_kind(v, path, [](const node& n) { return !n.is_directory; });
}

result<bool> is_directory(volume_state& v, const path_argument& path) noexcept {
  return ask_kind(v, path, [](const node& n) { return n.is_directory; });
}

result<file_status> stat(volume_state& v, const path_argument& path) noexcept {
  const auto answer = [&v](const entry& at) -> result<file_status> {
    if (at.found == nullptr) return errc::not_found;
    return v.status_of(*at.found);
  };
  return noting(call::stat, path, [&] { return ask(v, path, answer); });
}

result<std::uint64_t> file_size(volume_state& v, const path_argument& path) noexcept {
  const auto answer = [](const entry& at) -> result<std::uint64_t> {
    BOOST_OUTCOME_TRY(const auto* file, at.require_file());
    return file->size();
  };
  return noting(call::file_size, path, [&] { return ask(v, path, answer); });
}

namespace {

// It takes no file's lock: the time is one word of what `stat` shows, and belongs to no other.
result<void> set_time(volume_state& v, const path_argument& path, time_point to) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::exclusive_access access(v.tree);
  BOOST_OUTCOME_TRY(const auto at, v.tree.look_up(normal));
  if (at.found == nullptr) return errc::not_found;
  if (at.found->is_directory) {
    static_cast<directory_node*>(at.found)->modified_at = to;
  } else {
    static_cast<file_node*>(at.found)->set_modified(to);
  }
  return boost::outcome_v2::success();
}

}  // namespace

result<void> set_modified(volume_state& v, const path_argument& path, time_point to) noexcept {
  return noting(call::set_modified, path, [&] { return set_time(v, path, to); });
}

}  // namespace coramfs::detail
