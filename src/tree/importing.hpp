// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "core/operation.hpp"
#include "core/pace.hpp"
#include "core/quota.hpp"
#include "tree/import_draft.hpp"
#include "tree/import_plan.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// An `import_tree`, as an operation: looks at the keys, plans, pays for all files, makes them and
/// the new directories around them where nobody sees them, and puts all of that into the tree in
/// one step.
///
/// Each stage but that step is done in slices, and the step takes a look-up and a few moves of
/// pointers for each graft: each file that comes into a directory that is there, and the topmost
/// of new directories. What is found then decides. If others have changed the tree so that the
/// grafts do not fit, all is planned anew, which finds the error if there is one. After a few
/// times the tree is held from the plan to the end: otherwise those who change it again and again
/// would keep an import from ever ending.
class importing {
 public:
  importing(const std::shared_ptr<volume_state>& v, file_map files)
      : volume_(v), files_(std::move(files)), plan_(*v) {}
  importing(importing&& unbegun)
      : importing(std::move(unbegun.volume_), std::move(unbegun.files_)) {}

  progress advance() noexcept;
  /// A cancellation: nothing of it is in the tree yet, or all is.
  void refuse(const error& why) noexcept;
  result<void> outcome() noexcept { return status_; }

 private:
  enum class stage : unsigned char {
    reads_keys,
    checks_keys,
    plans,
    builds,
    links,
    takes_apart,
    plans_and_links,
    clears,
    ended
  };
  static constexpr int most_plans = 3;

  result<progress> step() noexcept;
  result<progress> go_on();
  result<progress> read_keys();
  result<progress> check_keys();
  result<void> check_key(const std::string& key);
  result<progress> plan();
  result<void> pay();
  result<progress> build();
  result<bool> make_slice(import_items::value_type& item);
  result<void> make_file(import_items::value_type& item);
  result<progress> link();
  result<progress> plan_and_link();
  result<bool> link(grafting& all);
  result<progress> take_apart();
  bool discard_drafts() noexcept;
  bool clear() noexcept;
  void begin(stage next);

  template <class Visit>
  result<progress> for_each_item(Visit visit);

  std::shared_ptr<volume_state> volume_;
  file_map files_;
  stage stage_ = stage::reads_keys;
  pace pace_;
  bool has_twins_ = false;                    // two keys name one file
  std::vector<std::string_view> beginnings_;  // keys that the key looked at last begins with, or is
  bool has_content_ = false;
  // In this order: what was paid is given back when all else is gone.
  reservation paid_;
  import_items items_;
  import_items::iterator next_item_ = items_.begin();
  std::size_t stored_ = 0;  // bytes of that item
  int plans_ = 0;
  import_plan plan_;
  std::optional<import_draft> draft_;
  disposal gone_;
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
