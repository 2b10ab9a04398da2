// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "core/error_note.hpp"
#include "core/steps.hpp"
#include "tree/volume_state.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

/// The operations that may have to wait, or to do much. Each is one function, in the source file of
/// its name, and a coroutine that both facades drive (`steps`). What they do is documented in
/// coramfs/file_system.hpp.
///
/// Locks: none is held between two steps but those of the files that the operation has open.
namespace coramfs::detail {

/// With `if_open::wait`; `remove_tree_in_use` also with `if_open::keep_unnamed`.
/// @{
steps<void> remove_tree_in_use(std::shared_ptr<volume_state> v, path_argument path,
                               remove_options options);
steps<void> rename_in_turn(std::shared_ptr<volume_state> v, path_argument from, path_argument to,
                           rename_options options);
steps<void> move_in_turn(std::shared_ptr<volume_state> v, path_argument from, path_argument to,
                         rename_options options);
/// @}

steps<void> copy(std::shared_ptr<volume_state> v, path_argument from, path_argument to,
                 copy_options options);
steps<void> copy_tree(std::shared_ptr<volume_state> v, path_argument from, path_argument to,
                      copy_options options);
/// `patience` is that with each file; without one it is the volume's default.
steps<volume> fork(std::shared_ptr<volume_state> v, fork_options options,
                   std::optional<lock_timeout> patience);

steps<std::vector<std::string>> list(std::shared_ptr<volume_state> v, path_argument path);
steps<std::vector<directory_entry>> list_entries(std::shared_ptr<volume_state> v,
                                                 path_argument path);
steps<std::vector<directory_entry>> list_some(std::shared_ptr<volume_state> v, path_argument path,
                                              path_argument after, std::size_t most);
steps<std::vector<walk_entry>> walk(std::shared_ptr<volume_state> v, path_argument path);
steps<std::vector<std::string>> glob(std::shared_ptr<volume_state> v, path_argument text);

/// The paths of the files at and below a path, sorted, for an export that is called `by` its name.
/// A path that names nothing has none.
steps<std::vector<std::string>> files_below(std::shared_ptr<volume_state> v, path_argument path,
                                            export_options options, call by);
steps<file_map> export_tree(std::shared_ptr<volume_state> v, path_argument prefix,
                            export_options options);
steps<void> import_tree(std::shared_ptr<volume_state> v, file_map files, import_options options);

/// The handle of a file without a name, which is to get that path.
struct unnamed_handle {
  std::string path;
  open_file* of;
};
/// Throws `std::bad_alloc`.
/// @{
template <class File>
std::vector<unnamed_handle> handles_of(std::map<std::string, File>& files) {
  std::vector<unnamed_handle> all;
  all.reserve(files.size());
  for (auto& [path, file] : files) all.push_back({path, &handle_access::of(file)});
  return all;
}
template <class File>
std::vector<unnamed_handle> handle_of(File& file, const path_argument& path) {
  if (!path.valid()) throw std::bad_alloc();
  return {{std::string(path.view()), &handle_access::of(file)}};
}
/// @}
/// The handles stay where they are meanwhile. `by` is the call that it is.
steps<void> give_names(std::shared_ptr<volume_state> v, std::vector<unnamed_handle> files,
                       std::vector<std::string> directories, naming_options options, call by);

}  // namespace coramfs::detail
