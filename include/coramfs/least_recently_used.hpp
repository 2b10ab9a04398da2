// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/reclaim.hpp>

namespace coramfs {

/// A callback for `volume_options::reclaim` that makes a volume a cache: where it is full it
/// removes the files that nobody has opened for the longest time, until what is missing is free.
///
/// It is SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi, "SIEVE is Simpler than LRU", NSDI 2024): an
/// open marks a file, and that is all that it does. Files stand in the order in which they were
/// made. A hand goes from the oldest on to the newest, and then begins anew; it takes the mark of a
/// file that has one, removes one that has none, and stays where it was for the next time. So a
/// file that was read again stays, and one that nobody came back to goes soon. Files that are in
/// use, or that somebody waits for, are passed. An open for writing marks a file that it keeps the
/// content of. Where all files that are not in use would make too little room for anybody to go on,
/// nothing is removed (`shortage::least_bytes`).
///
/// Directories stay, also empty ones, and ask for no room: a cache with a directory for each key
/// comes to its limit of nodes by them, and should flatten the keys or remove directories itself.
/// Copies and forks ask for no room either (`reclaim_callback`).
///
/// It works in the call that is short of space, in both facades, and gives others the tree's lock
/// after each slice, but not its thread: on an executor, `least_recently_used_on`
/// (`coramfs/reclaim_on.hpp`) does. It remembers up to 4,096 paths at a time, or as many as a
/// sixteenth of the files, uncharged, and looks at all files to find as many.
///
/// A volume and its forks may have the same callback: each has its own hand. Where
/// `least_recently_used_options::below` leads to no directory, or is no path, there are no files,
/// and nothing is ever removed. Throws `std::bad_alloc`.
///
///     coramfs::volume_options options;
///     options.reclaim = coramfs::least_recently_used();
CORAMFS_EXPORT reclaim_callback least_recently_used(least_recently_used_options options = {});

}  // namespace coramfs
