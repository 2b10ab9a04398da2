// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/open_options.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace coramfs::detail {

/// What an operation on text has to know of its file when it begins.
struct file_facts {
  bool is_open, readable, writable, appends;
  std::uint64_t size, cursor;
};

template <class File>
file_facts facts_of(const File& f) {
  const auto size = f.size();
  const auto cursor = f.tell();
  return {f.is_open(),
          f.readable(),
          f.writable(),
          appends(f.mode()),
          size ? size.value() : 0,
          cursor ? cursor.value() : 0};
}

/// What an operation on text asks the facade for.
///
/// The operations are not written for a facade: they say what they want done next and are told
/// the outcome, until they want nothing more. So the blocking facade and the asynchronous one
/// share them, and differ in how they do what is asked:
///
///     operation.begin(facts_of(file));
///     while (auto r = operation.next()) operation.done(/* what became of it */);
///     if (auto to = operation.new_cursor()) file.seek(*to);
///     return operation.take();
struct file_request {
  enum class kind {
    read_at,  ///< into `to`, from `offset`
    write,    ///< `from`, at the cursor
    pause,    ///< nothing: a good moment to let others run
  };
  kind what;
  std::uint64_t offset = 0;
  std::span<char> to = {};
  std::span<const char> from = {};
};

/// An operation pauses after so many bytes.
inline constexpr std::uint64_t bytes_between_pauses = 1024 * 1024;

}  // namespace coramfs::detail
