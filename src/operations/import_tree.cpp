// SPDX-License-Identifier: BSL-1.0
#include "operations/long_operations.hpp"
#include "operations/tree_import.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

// Takes the first file that is left, and makes an item of it.
result<void> take_first(file_map& files, tree_import& all) {
  auto& [key, content] = *files.begin();
  BOOST_OUTCOME_TRY(auto* const item, all.add_item(key, import_item::kind::content));
  all.set_content(*item, std::move(content));
  files.erase(files.begin());
  return boost::outcome_v2::success();
}

steps<void> make(tree_import& all, file_map& files) {
  while (!files.empty()) {
    BOOST_OUTCOME_CO_TRY(take_first(files, all));
    if (all.done.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  BOOST_OUTCOME_CO_TRY(all.require_no_twins());
  auto putting = put_into_tree(all);
  co_return co_await finished(putting);
}

}  // namespace

// Makes the import, and frees in slices what is left of it.
steps<void> import_tree(std::shared_ptr<volume_state> v, file_map files, import_options options) {
  co_await concerns(call::import_tree);
  if (!way_clearer::is_known(options.open)) co_return errc::invalid_argument;
  tree_import all(*v, call::import_tree,
                  {if_exists::replace, false, options.open, options.timeout});
  auto making = make(all, files);
  auto made = co_await finished(making);
  all.end_attempts();
  while (all.drop_some()) co_await turn_in_any_case();
  while (!files.empty()) {
    files.erase(files.begin());
    if (all.done.has_done()) co_await turn_in_any_case();
  }
  co_return made;
}

}  // namespace coramfs::detail
