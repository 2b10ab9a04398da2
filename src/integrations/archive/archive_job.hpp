// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>
#include <coramfs/blocking_pool.hpp>
#include <coramfs/detail/arriving.hpp>
#include <coramfs/detail/blocking_job.hpp>
#include <coramfs/result.hpp>

#include "integrations/archive/decoder_budget.hpp"
#include "integrations/archive/entry_stream.hpp"
#include "integrations/archive/expansion.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace coramfs::detail {

using archive_pool_ptr = std::shared_ptr<pool_state>;

/// An archive that is read, with what is charged for that. It has nothing of a context in it, so it
/// may be used by a thread of a pool when the context has gone.
class opened_archive {
 public:
  /// The source is in memory, or on the host: then all of it may block. `name` is that of its file.
  opened_archive(volume of, archive_source source, std::string name, const expand_options& options)
      : source_(std::move(source)),
        name_(std::move(name)),
        options_(options),
        budget_(std::move(of), name_, options.max_decoder_memory) {}

  /// One whose bytes still arrive, for `open_arriving`.
  opened_archive(volume of, const expand_options& options)
      : opened_archive(std::move(of), archive_source(std::span<const std::byte>()), {}, options) {}

  /// Pays for the decoder, and opens the archive. Throws `std::bad_alloc`.
  result<void> open();
  /// Does so with what comes from a source, which must outlive this. What may have to be kept of it
  /// is paid for, too. Errors: also those of the source. Throws `std::bad_alloc`.
  result<void> open_arriving(arriving_bytes& from);

  entry_stream& stream() noexcept { return *stream_; }
  decoder_budget& budget() noexcept { return budget_; }

 private:
  const archive_source source_;
  const std::string name_;
  const expand_options options_;
  decoder_budget budget_;  // outlives the stream
  std::unique_ptr<entry_stream> stream_;
};

/// Checks what does not depend on the archive. Errors: `invalid_argument`.
result<void> require_valid(const expand_options& options) noexcept;

/// Whether a source is a file of the host's, and so is read on a pool.
bool is_on_host(const archive_source& source) noexcept;
/// What an adapter is told of its name.
std::string name_of(const archive_source& source);

/// The pool that the options name, or the library's for a file of the host's; null: none is wanted.
/// May throw `std::bad_alloc`.
archive_pool_ptr pool_of(const expand_options& options, const archive_source& source);

/// The library's own pool: two threads, which end with the program. May throw `std::bad_alloc`.
archive_pool_ptr archive_pool();

}  // namespace coramfs::detail
