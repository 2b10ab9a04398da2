// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/archive_handle.hpp"

#include <cerrno>
#include <string_view>

namespace coramfs::detail {

namespace {

// Never freed: a thread may have it when the program ends.
::locale_t utf8_locale() noexcept {
  static const ::locale_t locale = [] {
    ::locale_t found = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", static_cast<::locale_t>(nullptr));
    if (found == nullptr)
      found = ::newlocale(LC_CTYPE_MASK, "en_US.UTF-8", static_cast<::locale_t>(nullptr));
    return found;
  }();
  return locale;
}

}  // namespace

error failure_of(::archive* a, const archive_feed* from) noexcept {
  if (from != nullptr && from->failure()) return *from->failure();
  if (::archive_errno(a) == ENOMEM) return errc::out_of_memory;
  // The one thing that libarchive says of it.
  const char* const text = ::archive_error_string(a);
  const std::string_view said = text != nullptr ? text : "";
  const bool is_unknown = said.find("upported") != said.npos || said.find("ncrypt") != said.npos ||
                          said.find("nrecognized") != said.npos;
  return is_unknown ? errc::unsupported_archive : errc::corrupt_archive;
}

entry_kind kind_of_entry(::archive_entry* e) noexcept {
  if (::archive_entry_hardlink(e) != nullptr) return entry_kind::hard_link;
  switch (::archive_entry_filetype(e)) {
    case AE_IFREG: return entry_kind::file;
    case AE_IFDIR: return entry_kind::directory;
    case AE_IFLNK: return entry_kind::symbolic_link;
    case AE_IFCHR:
    case AE_IFBLK: return entry_kind::device;
    default: return entry_kind::other;
  }
}

utf8_scope::utf8_scope() noexcept
    : before_(utf8_locale() != nullptr ? ::uselocale(utf8_locale())
                                       : static_cast<::locale_t>(nullptr)) {}

utf8_scope::~utf8_scope() {
  if (before_ != nullptr) ::uselocale(before_);
}

}  // namespace coramfs::detail
