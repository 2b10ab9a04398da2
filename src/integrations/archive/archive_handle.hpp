// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "integrations/archive/archive_feed.hpp"

#include <memory>
#include <new>

#include <archive.h>
#include <archive_entry.h>

#include <locale.h>

namespace coramfs::detail {

struct archive_closing {
  void operator()(::archive* a) const noexcept { ::archive_free(a); }
  void operator()(::archive_entry* e) const noexcept { ::archive_entry_free(e); }
};
/// A handle of libarchive's. After a fatal error it may only be freed.
using archive_handle = std::unique_ptr<::archive, archive_closing>;
using entry_handle = std::unique_ptr<::archive_entry, archive_closing>;

/// New ones. They throw `std::bad_alloc`.
/// @{
inline archive_handle new_reader() {
  archive_handle a(::archive_read_new());
  if (!a) throw std::bad_alloc();
  return a;
}
inline entry_handle new_entry(::archive* of) {
  entry_handle e(::archive_entry_new2(of));
  if (!e) throw std::bad_alloc();
  return e;
}
/// @}

/// What a call of libarchive's has failed with: what its source has, if that is why.
error failure_of(::archive* a, const archive_feed* from) noexcept;

/// What an entry is, as libarchive has it.
entry_kind kind_of_entry(::archive_entry* e) noexcept;

/// Has the calling thread a locale in which names are UTF-8, whatever the program has set: then
/// what libarchive converts stays as it is.
class utf8_scope {
 public:
  utf8_scope() noexcept;
  utf8_scope(const utf8_scope&) = delete;
  utf8_scope& operator=(const utf8_scope&) = delete;
  ~utf8_scope();

 private:
  ::locale_t before_;
};

}  // namespace coramfs::detail
