// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>
#include <coramfs/detail/host_error.hpp>
#include <coramfs/detail/normal_text.hpp>
#include <coramfs/result.hpp>

#include "integrations/archive/decoder_budget.hpp"
#include "integrations/archive/entry_name.hpp"
#include "integrations/archive/entry_stream.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// Bytes that are decoded, or as much work as that, before others have a turn.
inline constexpr std::uint64_t expanded_in_turn = 64 * 1024;
/// What an entry counts as, beside its bytes.
inline constexpr std::uint64_t work_of_entry = 4 * 1024;
/// And what each directory above it does, beside its path, where it is not known yet.
inline constexpr std::uint64_t work_of_level = 256;

/// What an expansion is to do.
struct expansion_request {
  std::string dest;  ///< in its normal form
  expand_options options;
  entry_visitor visitor;  ///< or none
  host_call by;
  bool is_atomic;
};

/// An expansion, on either side. What is written here once for both runs in slices.
///
/// All of it may throw `std::bad_alloc`, and what the visitor throws.
template <class Side>
class expansion {
  template <class T>
  using task = typename Side::template task<T>;
  using file_type = typename Side::file_type;

 public:
  expansion(Side& side, const expansion_request& request, entry_stream& from,
            decoder_budget& budget)
      : side_(side), request_(request), from_(from), budget_(budget) {}

  /// A failure leaves nothing of what is not in the tree yet: such files go with their handles.
  task<expand_summary> run() {
    auto done = co_await expand_all();
    while (!files_.empty()) {
      for (std::size_t i = 0; i < dropped_at_once && !files_.empty(); ++i)
        files_.erase(files_.begin());
      auto others = co_await side_.turn_in_any_case();
      static_cast<void>(others);
    }
    if (!done) co_return done.error();
    co_return sum_;
  }

 private:
  // How many files are dropped, and closed if they are not, before others have a turn.
  static constexpr std::size_t dropped_at_once = 500;
  // What is remembered of a name until the end, beside its text.
  static constexpr std::uint64_t kept_for_name = 250;

  enum class verdict { take, leave_out };

  task<void> expand_all() {
    directories_.insert(request_.dest);
    auto root = co_await Side::of(side_.volume().stat(request_.dest));
    if (root && !root.value().is_directory) co_return errc::not_a_directory;
    if (!root && root.error() != errc::not_found) co_return root.error();
    for (;;) {
      BOOST_OUTCOME_CO_TRY(auto found, from_.next());
      if (!found) break;
      auto taken = co_await take(*found);
      if (!taken) co_return about_host_call(found->entry.name, taken.error(), request_.by);
      if (!taken.value()) co_return co_await link_all();
      if (from_.decodes_to_skip() && !found->is_encrypted) {
        auto passed = co_await pass_rest();
        if (!passed) co_return about_host_call(found->entry.name, passed.error(), request_.by);
      }
      if (is_turn_over(work_of_entry)) {
        BOOST_OUTCOME_CO_TRY(co_await side_.turn());
      }
    }
    for (bool is_done = false; !is_done;) {
      BOOST_OUTCOME_CO_TRY(is_done, from_.finish());
      if (is_turn_over(expanded_in_turn / 2)) {
        BOOST_OUTCOME_CO_TRY(co_await side_.turn());
      }
    }
    auto linked = co_await link_all();
    co_return linked;
  }

  // Notes work. Whether it is enough for others to have a turn; mostly it is not, and that is no
  // coroutine's business.
  bool is_turn_over(std::uint64_t work) noexcept {
    work_ += work;
    if (work_ < expanded_in_turn) return false;
    work_ = 0;
    return true;
  }

  // Returns whether more is wanted.
  task<bool> take(const stream_entry& found) {
    const archive_entry& e = found.entry;
    if (request_.visitor) {
      const entry_action action = request_.visitor(e);
      if (action == entry_action::stop) co_return false;
      if (action != entry_action::extract && action != entry_action::skip)
        co_return errc::invalid_argument;
      if (action == entry_action::skip) {
        ++sum_.skipped;
        co_return true;
      }
    }
    const unsafe_entries how = request_.options.unsafe;
    const bool is_plain = e.kind == entry_kind::file || e.kind == entry_kind::directory;
    if (!is_plain && how == unsafe_entries::refuse) co_return error(errc::unsafe_archive_entry);
    std::optional<safe_name> name;
    if (is_plain) {
      BOOST_OUTCOME_CO_TRY(name, safe_name_of(e.name, how));
    }
    if (!name) {
      ++sum_.skipped;
      co_return true;
    }
    std::string path = below(name->path);
    if (path.size() > max_path_size) co_return errc::name_too_long;
    const bool is_directory = e.kind == entry_kind::directory;
    // Mostly it is in the directory of the one before, and new: then there is nothing to wait for.
    std::optional<result<verdict>> judged;
    if (request_.is_atomic && above(path) == last_directory_)
      judged = judge_by_archive(path, is_directory);
    if (!judged) judged.emplace(co_await judge(path, is_directory));
    BOOST_OUTCOME_CO_TRY(const verdict v, *judged);
    if (v == verdict::leave_out) {
      ++sum_.skipped;
      co_return true;
    }
    if (found.is_encrypted) co_return error(errc::unsupported_archive);
    if (is_directory) {
      BOOST_OUTCOME_CO_TRY(co_await take_directory(path));
    } else {
      BOOST_OUTCOME_CO_TRY(co_await take_file(std::move(path), found));
    }
    if (name->is_stripped) ++sum_.stripped;
    co_return true;
  }

  std::string below(const std::string& path) const {
    std::string all = request_.dest;
    if (path.empty()) return all;
    all.reserve(all.size() + 1 + path.size());
    if (all.back() != '/') all += '/';
    return all += path;
  }
  static std::string_view above(std::string_view path) noexcept {
    return path.substr(0, path.rfind('/'));
  }

  // What a file that is there means for another.
  result<verdict> conflict() const noexcept {
    if (request_.options.conflict == on_conflict::fail) return errc::already_exists;
    return request_.options.conflict == on_conflict::skip ? verdict::leave_out : verdict::take;
  }

  // What of the archive itself is there already decides about an entry of an atomic expansion, if
  // anything is, of which the directories are known; and so does that the tree has no such
  // directory.
  std::optional<result<verdict>> judge_by_archive(const std::string& path, bool is_directory) {
    if (find_place(path)) return is_directory ? errc::not_a_directory : conflict();
    if (directories_.find(path) != directories_.end())
      return is_directory ? result<verdict>(verdict::take) : errc::is_a_directory;
    if (above(path) == missing_directory_) return verdict::take;
    return std::nullopt;
  }

  // What is there already, of the archive itself or in the tree, decides about an entry.
  task<verdict> judge(const std::string& path, bool is_directory) {
    if (request_.is_atomic) {
      for (std::string_view up = above(path); up.size() > request_.dest.size(); up = above(up)) {
        if (up == last_directory_ || directories_.find(up) != directories_.end()) break;
        if (files_.find(std::string(up)) != files_.end()) co_return errc::not_a_directory;
        if (is_turn_over(up.size() + work_of_level)) {
          BOOST_OUTCOME_CO_TRY(co_await side_.turn());
        }
      }
      if (const auto known = judge_by_archive(path, is_directory)) co_return *known;
    } else if (path == request_.dest && !is_directory) {
      co_return errc::is_a_directory;
    }
    auto there = co_await Side::of(side_.volume().stat(path));
    if (!there && there.error() != errc::not_found) co_return there.error();
    if (!there) {
      if (!request_.is_atomic || above(path) == present_directory_) co_return verdict::take;
      std::string up(above(path));
      // The root's name is the slash.
      const std::string looked_at = up + '/';
      const auto in = co_await Side::of(side_.volume().stat(looked_at));
      const bool is_missing = !in && in.error() == errc::not_found;
      (is_missing ? missing_directory_ : present_directory_) = std::move(up);
      co_return verdict::take;
    }
    if (there.value().is_directory != is_directory)
      co_return is_directory ? error(errc::not_a_directory) : error(errc::is_a_directory);
    if (is_directory) co_return verdict::take;
    co_return conflict();
  }

  task<void> take_directory(const std::string& path) {
    if (request_.is_atomic) {
      BOOST_OUTCOME_CO_TRY(co_await note_directory(path));
    } else {
      auto made = co_await Side::of(side_.volume().create_directories(path));
      if (!made) co_return made.error();
    }
    ++sum_.directories;
    co_return success();
  }

  // A directory with those above it, which will be there in the end.
  task<void> note_directory(std::string_view path) {
    if (path == last_directory_) co_return success();
    last_directory_ = path;
    for (; path.size() > request_.dest.size(); path = above(path)) {
      if (!directories_.emplace(path).second) break;
      BOOST_OUTCOME_CO_TRY(budget_.remember(path.size() + kept_for_name));
      if (is_turn_over(path.size() + work_of_level)) {
        BOOST_OUTCOME_CO_TRY(co_await side_.turn());
      }
    }
    co_return success();
  }

  // Finds where among the files one is, or belongs; returns whether it is there. Most archives are
  // sorted, or nearly so: then it is behind the one before.
  bool find_place(const std::string& path) {
    if (!files_.empty() && last_->first < path) {
      place_ = std::next(last_);
      if (place_ != files_.end() && place_->first < path) place_ = files_.lower_bound(path);
    } else {
      place_ = files_.lower_bound(path);
    }
    return has_place_ = place_ != files_.end() && place_->first == path;
  }

  // The bytes of a file that were brought, and the limits that they may not pass.
  result<void> require_size(std::uint64_t size) const noexcept {
    const auto& limits = request_.options;
    if (limits.max_file_bytes && size > *limits.max_file_bytes)
      return error(errc::too_large, size, *limits.max_file_bytes);
    const std::uint64_t others = sum_.bytes - replaced_bytes_;
    if (limits.max_bytes && size > *limits.max_bytes - std::min(*limits.max_bytes, others))
      return error(errc::too_large, others + size, *limits.max_bytes);
    return success();
  }

  task<void> take_file(std::string path, const stream_entry& found) {
    const auto& limits = request_.options;
    // What it takes the place of does not count beside it.
    replaced_bytes_ = has_place_ ? place_->second.size().value() : 0;
    const std::uint64_t files = sum_.files - (has_place_ ? 1 : 0);
    if (limits.max_files && files >= *limits.max_files)
      co_return error(errc::too_large, files + 1, *limits.max_files);
    const std::optional<std::uint64_t> declared = found.entry.size;
    BOOST_OUTCOME_CO_TRY(require_size(declared.value_or(0)));
    BOOST_OUTCOME_CO_TRY(auto to, co_await Side::of(side_.volume().open_unnamed()));
    std::uint64_t size = 0;
    for (;;) {
      BOOST_OUTCOME_CO_TRY(const auto block, from_.read());
      if (!block) break;
      const std::uint64_t end = block->offset + block->bytes.size();
      BOOST_OUTCOME_CO_TRY(require_size(end));
      if (block->bytes.empty()) {
        if (is_turn_over(block->work())) {
          BOOST_OUTCOME_CO_TRY(co_await side_.turn());
        }
        continue;
      }
      const asio::const_buffer content(block->bytes.data(), block->bytes.size());
      auto stored = co_await Side::of(to.write_at(block->offset, content));
      if (!stored) {
        if (block->offset == size || stored.error() != errc::not_supported)
          co_return stored.error();
        BOOST_OUTCOME_CO_TRY(co_await store_behind_zeros(to, *block));
      }
      size = end;
      if (is_turn_over(block->work())) {
        BOOST_OUTCOME_CO_TRY(co_await side_.turn());
      }
    }
    // The last thing of a sparse file may be a hole.
    const bool is_short = declared && size < *declared;
    if (declared && (size > *declared || (is_short && !found.is_sparse)))
      co_return errc::corrupt_archive;
    if (is_short) {
      size = *declared;
      BOOST_OUTCOME_CO_TRYV(co_await Side::of(to.truncate(size)));
    }
    if (!request_.is_atomic) {
      const naming_options how = naming();
      BOOST_OUTCOME_CO_TRY(co_await Side::of(side_.volume().give_name(to, path, how)));
      ++sum_.files;
      sum_.bytes += size;
      co_return success();
    }
    if (!has_place_ && above(path) != last_directory_) {
      BOOST_OUTCOME_CO_TRY(co_await note_directory(above(path)));
    }
    co_return keep(std::move(path), std::move(to), size);
  }

  // The layout has no holes, or none behind so much: zeros take their place.
  task<void> store_behind_zeros(file_type& to, const data_block& block) {
    const asio::const_buffer content(block.bytes.data(), block.bytes.size());
    BOOST_OUTCOME_CO_TRYV(co_await Side::of(to.truncate(block.offset)));
    BOOST_OUTCOME_CO_TRYV(co_await Side::of(to.write_at(block.offset, content)));
    co_return success();
  }

  naming_options naming() const noexcept {
    const bool replaces = request_.options.conflict == on_conflict::overwrite;
    return {replaces ? if_exists::replace : if_exists::fail, true};
  }

  // A whole file, whose directory was noted, waits for the others.
  result<void> keep(std::string path, file_type to, std::uint64_t size) {
    if (has_place_) {
      sum_.bytes -= place_->second.size().value();
      place_->second = std::move(to);
    } else {
      BOOST_OUTCOME_TRY(budget_.remember(path.size() + kept_for_name));
      last_ = files_.emplace_hint(place_, std::move(path), std::move(to));
      ++sum_.files;
    }
    sum_.bytes += size;
    return success();
  }

  // Reads what is left of an entry that is not taken, in slices.
  task<void> pass_rest() {
    for (;;) {
      BOOST_OUTCOME_CO_TRY(const auto block, from_.read());
      if (!block) break;
      if (is_turn_over(block->work())) {
        BOOST_OUTCOME_CO_TRY(co_await side_.turn());
      }
    }
    co_return success();
  }

  task<void> link_all() {
    if (!request_.is_atomic) {
      // What there is no file in.
      BOOST_OUTCOME_CO_TRYV(co_await Side::of(side_.volume().create_directories(request_.dest)));
      co_return success();
    }
    std::vector<std::string> directories;
    directories.reserve(directories_.size());
    while (!directories_.empty()) {
      directories.push_back(std::move(directories_.extract(directories_.begin()).value()));
      if (is_turn_over(work_of_level)) {
        BOOST_OUTCOME_CO_TRY(co_await side_.turn());
      }
    }
    const naming_options how = naming();
    auto named = co_await Side::of(side_.volume().give_names(files_, std::move(directories), how));
    co_return named;
  }

  Side& side_;
  const expansion_request& request_;
  entry_stream& from_;
  decoder_budget& budget_;
  expand_summary sum_;
  std::uint64_t work_ = 0;
  std::uint64_t replaced_bytes_ = 0;  // of the file of the archive that one replaces
  // Of an atomic expansion: what will be there, by absolute paths.
  using file_map = std::map<std::string, file_type>;
  file_map files_;
  std::set<std::string, std::less<>> directories_;
  // Where the file at hand is among these, or belongs, and the one that came before.
  typename file_map::iterator place_, last_;
  bool has_place_ = false;
  // The directory that was noted last; and two of which it is known whether they are in the tree,
  // so that it is asked about what is in them alone. What others make meanwhile is met at the end.
  // As `above` has them: the root is the empty path.
  std::string last_directory_;
  std::optional<std::string> missing_directory_, present_directory_;
};

}  // namespace coramfs::detail
