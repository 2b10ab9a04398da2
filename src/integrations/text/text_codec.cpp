// SPDX-License-Identifier: BSL-1.0
#include "integrations/text/text_codec.hpp"

#include "integrations/text/encoding_name.hpp"
#include "integrations/text/iconv_codec.hpp"
#include "integrations/text/utf8.hpp"
#include "integrations/text/utf8_codec.hpp"

namespace coramfs::detail {

result<std::unique_ptr<text_codec>> text_codec::make(const std::string& name,
                                                     decode_errors errors) {
  if (is_same_name(name, "utf-8") || is_same_name(name, "utf8"))
    return std::make_unique<utf8_codec>(errors);
  return iconv_codec::make(name, errors);
}

std::string text_codec::encode_whole(std::string_view utf8) {
  std::string encoded;
  begin_encoding();
  while (!utf8.empty())
    if (!encode_some(utf8, encoded)) return {};
  end_encoding(encoded);
  return encoded;
}

result<std::size_t> text_codec::put_malformed(std::string& to, std::size_t before) const {
  switch (errors_) {
    case decode_errors::strict: break;
    case decode_errors::replace: to += replacement_character; return 1;
    case decode_errors::ignore: return 0;
  }
  return error(errc::invalid_encoding, before);
}

}  // namespace coramfs::detail
