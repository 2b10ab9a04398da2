// SPDX-License-Identifier: BSL-1.0
#include "core/pace.hpp"
#include "core/path.hpp"
#include "core/quota.hpp"
#include "handles/open_operation.hpp"
#include "operations/copy_plan.hpp"
#include "operations/long_operations.hpp"
#include "operations/way_clearer.hpp"
#include "tree/creation.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

/// A copy of a tree while it is made, where nobody sees it.
class tree_copy {
 public:
  tree_copy(volume_state& v, bool shares_content) noexcept
      : volume(v), shares(shares_content), plan(v, shares_content) {}

  result<bool> look_on(const path_argument& from, const path_argument& to);
  result<void> pay(const path_argument& to);
  result<void> make_directory(copy_plan::directory& d) noexcept;
  result<std::unique_ptr<file_node>> make_file(copy_plan::directory& in,
                                               const storage& content) noexcept;
  result<void> put(std::unique_ptr<file_node> file, copy_plan::directory& in) noexcept;
  result<void> link(const path_argument& to) noexcept;
  bool drop_some() noexcept;

  volume_state& volume;
  const bool shares;
  pace done;
  copy_plan plan;

 private:
  charge total() const noexcept;

  bool has_begun_ = false;
  std::uint64_t entry_footprint_ = 0;  // of its entry in the directory that it goes to
  // Declared in this order so that what was paid is given back when all else is gone.
  reservation paid_;
  detached_node top_;
  disposal gone_;
};

result<void> check(const copy_options& o) noexcept {
  if (o.content != copy_options::content::own && o.content != copy_options::content::share)
    return errc::invalid_argument;
  if (!way_clearer::is_known(o.open)) return errc::invalid_argument;
  if (o.existing == if_exists::replace) return errc::not_supported;
  if (o.existing != if_exists::fail) return errc::invalid_argument;
  return boost::outcome_v2::success();
}

result<directory_node*> find_source_of_tree(const tree& names, normal_path from) noexcept
    CORAMFS_REQUIRES_SHARED(names) {
  const auto at = names.look_up(from);
  const auto found = at ? at.value().require_directory() : at.error();
  if (!found) return about(call::copy_tree, from.text(), found.error());
  return found;
}

result<directory_node*> find_target(const tree& names, normal_path to) noexcept
    CORAMFS_REQUIRES_SHARED(names) {
  BOOST_OUTCOME_TRY(const auto at, names.look_up(to));
  BOOST_OUTCOME_TRY(at.require_absent());
  return at.parent;
}

// Looks at a slice of the source, in one hold of the tree's lock; the first call checks the paths
// and begins at the top. Returns whether there is more.
result<bool> tree_copy::look_on(const path_argument& from_text, const path_argument& to_text) {
  path_buffer from_buffer, to_buffer;
  const auto normal = from_buffer.normalise(from_text);
  if (!normal) return about(call::copy_tree, from_text.view(), normal.error());
  const normal_path from = normal.value();
  BOOST_OUTCOME_TRY(const auto to, to_buffer.normalise(to_text));
  const tree::shared_access access(volume.tree, tree::in_turn);
  if (!std::exchange(has_begun_, true)) {
    BOOST_OUTCOME_TRY(const auto* const top, find_source_of_tree(volume.tree, from));
    // Any copy of the root would be below the root, or the root itself.
    if (from.is_root() || to.is_below(from)) return errc::invalid_argument;
    BOOST_OUTCOME_TRY(find_target(volume.tree, to));
    plan.begin(*top, std::string(from.text()), to.name());
  }
  if (plan.look_on(done)) return true;
  if (plan.is_empty()) return find_source_of_tree(volume.tree, from).error();
  BOOST_OUTCOME_TRY(const auto* const target, find_target(volume.tree, to));
  entry_footprint_ = entry_footprint(*target);
  return false;
}

// Reserves the charge of the whole copy as one request, and asks the guard. Outside of the lock, as
// the guard calls the user's functions.
result<void> tree_copy::pay(const path_argument& to) {
  const charge all = total();
  const fault_seam& faults = volume.faults;
  if (faults.has_policy()) {
    BOOST_OUTCOME_TRY(faults.reserving(to.view(), all));
  }
  BOOST_OUTCOME_TRY(paid_, volume.quota.reserve(all));
  if (plan.has_content()) {
    if (faults.has_policy()) {
      BOOST_OUTCOME_TRY(faults.guarding(to.view(), all.bytes));
    }
    BOOST_OUTCOME_TRY(volume.account.approve(all.bytes, 0));
  }
  return faults.has_policy() ? faults.allocating(to.view(), all.bytes)
                             : boost::outcome_v2::success();
}

charge tree_copy::total() const noexcept {
  charge all = plan.wanted();
  all.bytes += volume.account.of_metadata(entry_footprint_);
  return all;
}

result<void> tree_copy::make_directory(copy_plan::directory& d) noexcept {
  auto fresh = new_directory(volume.tree, d.name);
  if (fresh == nullptr) return errc::out_of_memory;
  d.copy = fresh.get();
  detached_node made(fresh.release());
  if (d.parent == nullptr) {
    top_ = std::move(made);
    return boost::outcome_v2::success();
  }
  directory_node& in = *d.parent->copy;
  if (!in.entries.reserve(in.entries.size() + 1)) return errc::out_of_memory;
  volume.tree.link({&in, d.copy->name.view(), nullptr}, std::move(made));
  return boost::outcome_v2::success();
}

// Makes the copy of the first file that is left in a directory, with room for its content, which
// may be another than was planned for.
result<std::unique_ptr<file_node>> tree_copy::make_file(copy_plan::directory& in,
                                                        const storage& content) noexcept {
  const totals estimate = in.files.front().estimate;
  const totals wanted = shares ? content.share_totals() : content.clone_totals();
  plan.adjust(in, wanted);
  if (volume.account.of(wanted).bytes > volume.account.of(estimate).bytes) {
    BOOST_OUTCOME_TRY(volume.quota.adjust(paid_, total(), {}));
  }
  auto file = new_file(volume, in.files.front().name);
  if (file == nullptr) return errc::out_of_memory;
  const account prepaid = volume.account.prepaid();
  BOOST_OUTCOME_TRY(shares ? file->content.share(prepaid, content)
                           : file->content.clone_room(prepaid, content));
  // A table may have fewer pages than the one that it was made from.
  plan.adjust(in, file->content.totals_now());
  return file;
}

result<void> tree_copy::put(std::unique_ptr<file_node> file, copy_plan::directory& in) noexcept {
  directory_index& entries = in.copy->entries;
  if (!entries.reserve(entries.size() + 1)) return errc::out_of_memory;
  file->publish_new(0);
  const std::string_view name = file->name.view();
  volume.tree.link({in.copy, name, nullptr}, detached_node(file.release()));
  in.files.pop_front();
  return boost::outcome_v2::success();
}

result<void> tree_copy::link(const path_argument& to_text) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto to, buffer.normalise(to_text));
  const tree::exclusive_access access(volume.tree);
  BOOST_OUTCOME_TRY(auto* const target, find_target(volume.tree, to));
  entry_footprint_ = entry_footprint(*target);
  BOOST_OUTCOME_TRY(volume.quota.adjust(paid_, total(), {}));
  if (!target->entries.reserve(target->entries.size() + 1)) return errc::out_of_memory;
  volume.tree.link({target, to.name(), nullptr}, std::move(top_));
  paid_.commit();
  return boost::outcome_v2::success();
}

// Frees a slice of what a failed copy has left; a copy that has succeeded leaves nothing. Returns
// whether there is more.
bool tree_copy::drop_some() noexcept {
  gone_.add(std::move(top_));
  gone_.step_uncharged();
  return !gone_.is_done() || plan.drop(done);
}

// Looks at the source, pays for all of it, makes the directories, copies each file under its
// shared lock, and puts the copy into its place.
steps<void> make(tree_copy& copy, std::shared_ptr<volume_state> v, const path_argument& from,
                 const path_argument& to) {
  for (bool has_more = true; has_more;) {
    BOOST_OUTCOME_CO_TRY(has_more, copy.look_on(from, to));
    if (has_more) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
    while (copy.plan.drop_seen_in_vain(copy.done)) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  BOOST_OUTCOME_CO_TRY(copy.pay(to));

  // A directory comes after the one that it is in.
  copy_plan::directories& rest = copy.plan.rest();
  for (copy_plan::directory& d : rest) {
    BOOST_OUTCOME_CO_TRY(copy.make_directory(d));
    if (copy.done.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }

  while (!rest.empty()) {
    copy_plan::directory& in = rest.front();
    while (!in.files.empty()) {
      bool is_slice = false;
      {
        open_operation source = open_operation::for_reading(
            v, path_argument(join(in.path, in.files.front().name)), call::copy_tree);
        const auto opened = co_await finished(source);
        if (!opened) {
          // One that has gone since it was seen is left out.
          if (!has_gone(opened.error())) co_return opened.error();
          copy.plan.leave_out(in);
          is_slice = copy.done.has_done();
        } else {
          const storage& content = source.node().content;
          BOOST_OUTCOME_CO_TRY(auto file, copy.make_file(in, content));
          if (copy.shares) copy.done.add_nodes(content.block_count());
          for (std::uint64_t copied = 0; !copy.shares;) {
            const std::uint64_t next = file->content.clone_bytes(content, copied, slice_size);
            is_slice = copy.done.has_done(next - std::exchange(copied, next));
            if (copied >= content.size()) break;
            BOOST_OUTCOME_CO_TRY(co_await turn());
          }
          BOOST_OUTCOME_CO_TRY(copy.put(std::move(file), in));
          if (copy.shares) is_slice = copy.done.has_done();
        }
      }
      if (is_slice) {
        BOOST_OUTCOME_CO_TRY(co_await turn());
      }
    }
    rest.pop_front();
    if (copy.done.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  co_return copy.link(to);
}

}  // namespace

// Makes the copy, and if that fails takes apart in slices what it has made.
steps<void> copy_tree(std::shared_ptr<volume_state> v, path_argument from, path_argument to,
                      copy_options options) {
  co_await concerns(call::copy_tree, to);
  BOOST_OUTCOME_CO_TRY(check(options));
  tree_copy copy(*v, options.content == copy_options::content::share);
  auto making = make(copy, v, from, to);
  auto made = co_await finished(making);
  while (copy.drop_some()) co_await turn_in_any_case();
  co_return made;
}

}  // namespace coramfs::detail
