// SPDX-License-Identifier: BSL-1.0
#include "operations/long_operations.hpp"
#include "operations/tree_import.hpp"
#include "tree/unnamed.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

/// The files, on their way from their handles into the tree.
class name_giver {
 public:
  name_giver(volume_state& v, call by, const naming_options& options) noexcept
      : volume_(v), by_(by), options_(options), all(v, by, options) {}

  result<void> check_options() const noexcept {
    const bool is_known =
        options_.existing == if_exists::fail || options_.existing == if_exists::replace;
    return is_known && way_clearer::is_known(options_.open)
               ? result<void>(boost::outcome_v2::success())
               : errc::invalid_argument;
  }

  // Checks a handle, and makes an item of its file, which stays where it is.
  result<void> add(const unnamed_handle& h) {
    if (!h.of->is_open()) return about(by_, h.path, errc::not_open);
    if (!h.of->is_unnamed() || !h.of->is_of(volume_))
      return about(by_, h.path, errc::invalid_argument);
    if (const auto alone = h.of->require_alone(); !alone) return about(by_, h.path, alone.error());
    BOOST_OUTCOME_TRY(auto* const item, all.add_item(h.path, import_item::kind::unnamed));
    files_.push_back({h.of, item, {}, {}, {}, false});
    return boost::outcome_v2::success();
  }

  // Where it is dropped with files that it has taken, they go.
  ~name_giver() {
    for (const named& n : files_)
      if (n.is_taken && !is_done) volume_.quota.release({.bytes = n.item->second.old_name});
  }
  name_giver(const name_giver&) = delete;
  name_giver& operator=(const name_giver&) = delete;

  std::size_t size() const noexcept { return files_.size(); }

  void take(std::size_t index) noexcept {
    named& n = files_[index];
    n.taken = n.from->take_unnamed();
    std::unique_ptr<file_node>& file = n.item->second.file;
    file = std::move(n.taken.file);
    n.was = file->status();
    n.item->second.old_name = volume_.account.of_metadata(node_name::footprint(file->name.size()));
    n.old_name = std::move(file->name);
    n.old_name.drop_owner();
    n.is_taken = true;
  }

  // Nobody looks at the file any more.
  void begin(std::size_t index) noexcept {
    if (options_.as_unchanged) files_[index].item->second.file->publish_new(0);
  }

  // Gives a file back, as it was, to the handle that it was taken from.
  void give_back(std::size_t index) noexcept {
    named& n = files_[index];
    if (!std::exchange(n.is_taken, false)) return;
    all.take_back(*n.item);
    std::unique_ptr<file_node> file = std::move(n.item->second.file);
    file->name = std::move(n.old_name);
    file->name.set_owner(*file);
    file->publish_again(n.was);
    n.taken.file = std::move(file);
    n.from->give_back(volume_, std::move(n.taken));
  }

 private:
  struct named {
    open_file* from;
    import_items::value_type* item;
    taken_file taken;  // but for the file
    file_status was;   // before this operation
    node_name old_name;
    bool is_taken;
  };

  volume_state& volume_;
  const call by_;
  const naming_options options_;
  std::vector<named> files_;

 public:
  bool is_done = false;
  tree_import all;
};

steps<void> make(name_giver& n, const std::vector<unnamed_handle>& files,
                 const std::vector<std::string>& directories, volume_state& v) {
  BOOST_OUTCOME_CO_TRY(n.check_options());
  pace& done = n.all.done;
  for (const unnamed_handle& h : files) {
    BOOST_OUTCOME_CO_TRY(n.add(h));
    if (done.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  for (const std::string& path : directories) {
    BOOST_OUTCOME_CO_TRY(n.all.add_item(path, import_item::kind::directory));
    if (done.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  BOOST_OUTCOME_CO_TRY(n.all.require_no_twins());
  for (std::size_t i = 0; i < n.size(); ++i) {
    n.take(i);
    if (done.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  forget_records(v);
  for (std::size_t i = 0; i < n.size(); ++i) {
    n.begin(i);
    if (done.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  auto putting = put_into_tree(n.all);
  auto put = co_await finished(putting);
  n.is_done = put.has_value();
  co_return put;
}

}  // namespace

// What fails gives the files back to their handles. If it is dropped in the middle it can not, for
// they may be gone; then the files go.
steps<void> give_names(std::shared_ptr<volume_state> v, std::vector<unnamed_handle> files,
                       std::vector<std::string> directories, naming_options options, call by) {
  co_await concerns(by);
  name_giver n(*v, by, options);
  auto making = make(n, files, directories, *v);
  auto made = co_await finished(making);
  n.all.end_attempts();
  for (std::size_t i = 0; !made && i < n.size(); ++i) {
    n.give_back(i);
    if (n.all.done.has_done()) co_await turn_in_any_case();
  }
  while (n.all.drop_some()) co_await turn_in_any_case();
  co_return made;
}

}  // namespace coramfs::detail
