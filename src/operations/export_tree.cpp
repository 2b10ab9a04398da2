// SPDX-License-Identifier: BSL-1.0
#include "core/pace.hpp"
#include "handles/read_operations.hpp"
#include "operations/long_operations.hpp"

#include <utility>

namespace coramfs::detail {

// The set of files is fixed at the start, and each is read whole under its shared lock.
steps<file_map> export_tree(std::shared_ptr<volume_state> v, path_argument prefix,
                            export_options options) {
  auto search = files_below(v, std::move(prefix), options, call::export_tree);
  BOOST_OUTCOME_CO_TRY(const auto paths, co_await finished(search));
  file_map files;
  pace p;
  for (const std::string& path : paths) {
    given_out_reader file(v, path, call::export_tree);
    BOOST_OUTCOME_CO_TRY(auto content, co_await finished(file));
    const std::uint64_t size = content ? content->size() : 0;
    if (content) files.emplace_hint(files.end(), path, std::move(*content));
    if (p.has_done(size)) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  co_return files;
}

}  // namespace coramfs::detail
