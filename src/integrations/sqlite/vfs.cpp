// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sqlite_vfs.hpp>

#include "integrations/sqlite/connection_file.hpp"
#include "integrations/sqlite/registration.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <sqlite3.h>

namespace coramfs::sqlite {

result<vfs> vfs::create(volume over, vfs_options options) {
  BOOST_OUTCOME_TRY(auto made, detail::registration::make(over, options));
  return vfs(std::move(made));
}

const std::string& vfs::name() const noexcept { return made_->name(); }

// What is no letter, digit or slash may have a meaning, so all of it is escaped. SQLite would leave
// out what comes after a NUL, and open another file: such a path climbs above the root instead.
std::string vfs::uri(std::string_view path, std::string_view parameters) const {
  constexpr std::string_view plain =
      "/-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr std::string_view digits = "0123456789abcdef";
  if (path.find('\0') != std::string_view::npos) path = "..";
  // Behind two slashes there would be the name of a host.
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  std::string text = "file:/";
  for (const char c : path) {
    if (plain.find(c) != std::string_view::npos) {
      text += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text += {'%', digits[byte / 16], digits[byte % 16]};
    }
  }
  text += "?vfs=";
  text += name();
  if (!parameters.empty()) {
    text += '&';
    text += parameters;
  }
  return text;
}

error last_error(sqlite3* connection, const char* schema) noexcept {
  error found{std::error_code()};
  const int code = sqlite3_file_control(connection, schema, detail::last_error_opcode, &found);
  // Neither ours, which would have an answer, nor of another VFS: it could not be opened.
  return code == SQLITE_OK || code == SQLITE_NOTFOUND ? found : detail::last_failure();
}

}  // namespace coramfs::sqlite
