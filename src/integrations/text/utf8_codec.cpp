// SPDX-License-Identifier: BSL-1.0
#include "integrations/text/utf8_codec.hpp"

#include "integrations/text/utf8.hpp"

#include <algorithm>

namespace coramfs::detail {

result<decoded> utf8_codec::decode(std::string_view from, std::size_t limit, bool last,
                                   std::string& to) {
  decoded d;
  while (true) {
    std::string_view rest = from.substr(d.bytes);
    const utf8_run run = well_formed(rest, limit - d.characters);
    to += rest.substr(0, run.bytes);
    d.bytes += run.bytes;
    d.characters += run.characters;
    rest.remove_prefix(run.bytes);
    if (d.characters == limit || rest.empty() || (!last && is_cut_off(rest))) return d;
    BOOST_OUTCOME_TRY(const std::size_t stand_ins, put_malformed(to, d.bytes));
    d.characters += stand_ins;
    d.bytes += malformed_size(rest);
  }
}

result<std::size_t> utf8_codec::encode_some(std::string_view& utf8, std::string& to) {
  const utf8_run run = well_formed(utf8, encoding_slice);
  to += utf8.substr(0, run.bytes);
  utf8.remove_prefix(run.bytes);
  if (utf8.empty() || run.characters == encoding_slice) return run.characters;
  BOOST_OUTCOME_TRY(const std::size_t stand_ins, put_malformed(to, run.bytes));
  utf8.remove_prefix(malformed_size(utf8));
  return run.characters + stand_ins;
}

std::size_t utf8_codec::line_size(std::string_view from) const noexcept {
  const auto end = std::ranges::find_if(from, [](char c) { return c == '\n' || c == '\r'; });
  return static_cast<std::size_t>(end - from.begin()) + (end == from.end() ? 0 : 1);
}

std::size_t utf8_codec::newline_size(std::string_view from) const noexcept {
  return from.starts_with('\n') ? 1 : 0;
}

}  // namespace coramfs::detail
