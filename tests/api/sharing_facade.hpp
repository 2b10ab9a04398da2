// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/volume.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace coramfs::tests {

/// How an operation is called: by coroutines, by completion tokens, or by threads.
enum class way { coroutines, tokens, threads };

/// A file that is open, of whichever facade.
class opened_file {
 public:
  virtual ~opened_file() = default;
  virtual result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) = 0;
};

/// What concerns sharing, through either facade of a volume. All else is the same whoever does it,
/// so tests do that with `sync::file_system`. One thread at a time.
class sharing_facade {
 public:
  virtual ~sharing_facade() = default;
  virtual result<void> copy(std::string_view from, std::string_view to, copy_options o) = 0;
  virtual result<void> copy_tree(std::string_view from, std::string_view to, copy_options o) = 0;
  virtual result<volume> fork(fork_options o = {}) = 0;
  virtual result<std::unique_ptr<opened_file>> open(std::string_view path, open_mode mode,
                                                    open_options o) = 0;
};

std::unique_ptr<sharing_facade> make_sharing_facade(way, const volume& over);

}  // namespace coramfs::tests
