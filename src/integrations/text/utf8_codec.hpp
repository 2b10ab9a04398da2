// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/text/text_codec.hpp"

namespace coramfs::detail {

/// UTF-8, which has no state. iconv is not asked, because some versions let surrogates pass.
class utf8_codec final : public text_codec {
 public:
  explicit utf8_codec(decode_errors errors) noexcept : text_codec(errors) {}

  result<decoded> decode(std::string_view from, std::size_t limit, bool last,
                         std::string& to) override;
  result<std::size_t> encode_some(std::string_view& utf8, std::string& to) override;
  bool is_utf8() const noexcept override { return true; }
  std::size_t line_size(std::string_view from) const noexcept override;
  std::size_t newline_size(std::string_view from) const noexcept override;
};

}  // namespace coramfs::detail
