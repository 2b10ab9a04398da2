// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/tar_header.hpp"

#include "integrations/archive/archive_kind.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>

namespace coramfs::detail {

namespace {

// The size that a block says, in octal digits behind blanks, or binary behind a bit. What is too
// large for a header is not told apart from what is larger.
std::uint64_t size_of(std::string_view block) noexcept {
  const std::string_view field = block.substr(124, 12);
  std::uint64_t n = 0;
  if ((static_cast<unsigned char>(field[0]) & 0x80) != 0) {
    for (const char c : field.substr(4)) n = n << 8 | static_cast<unsigned char>(c);
    return n;
  }
  std::size_t i = 0;
  while (i < field.size() && (field[i] == ' ' || field[i] == '\t')) ++i;
  for (; i < field.size() && field[i] >= '0' && field[i] <= '7'; ++i)
    n = n * 8 + static_cast<std::uint64_t>(field[i] - '0');
  return n;
}

// The name in records of pax; that of a sparse file counts more. An empty one is none.
std::optional<std::string> name_in_records(std::string_view left) {
  std::string name, of_sparse;
  while (!left.empty()) {
    std::size_t size = 0;
    const auto got = std::from_chars(left.data(), left.data() + left.size(), size);
    const auto digits = static_cast<std::size_t>(got.ptr - left.data());
    if (got.ec != std::errc() || size <= digits + 1 || size > left.size()) break;
    const std::string_view record = left.substr(digits + 1, size - digits - 2);
    left.remove_prefix(size);
    const std::size_t equals = record.find('=');
    if (equals == record.npos) break;
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key == "path") name = value;
    if (key == "GNU.sparse.name") of_sparse = value;
  }
  if (!of_sparse.empty()) return of_sparse;
  if (!name.empty()) return name;
  return std::nullopt;
}

}  // namespace

result<std::optional<std::string>> name_in_header(std::string_view header) {
  std::optional<std::string> of_pax, of_gnu;
  bool has_pax = false, is_gnu_first = false;
  for (;;) {
    if (header.size() < tar_block) return errc::corrupt_archive;
    const char type = header[156];
    const bool is_pax = type == 'x' || type == 'X', is_gnu = type == 'L';
    // A volume has a name, and no content.
    const bool is_other = type == 'g' || type == 'K' || type == 'A' || type == 'V';
    if (!is_pax && !is_gnu && !is_other) break;
    const std::uint64_t size = type == 'V' ? 0 : size_of(header);
    header.remove_prefix(tar_block);
    if (size > header.size()) return errc::corrupt_archive;
    std::string_view body = header.substr(0, static_cast<std::size_t>(size));
    const std::size_t padded = (body.size() + tar_block - 1) / tar_block * tar_block;
    if (padded > header.size()) return errc::corrupt_archive;
    header.remove_prefix(padded);
    if (is_pax) {
      has_pax = true;
      of_pax = name_in_records(body);
    } else if (is_gnu) {
      is_gnu_first = is_gnu_first || !has_pax;
      while (!body.empty() && body.back() == '\0') body.remove_suffix(1);
      of_gnu = body;
    }
  }
  // Of two of a kind the last counts, but of the kinds the one that is there first.
  if (of_gnu && (is_gnu_first || !of_pax)) return of_gnu;
  return of_pax;
}

}  // namespace coramfs::detail
