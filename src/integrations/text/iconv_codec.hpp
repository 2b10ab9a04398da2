// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/text/iconv_descriptor.hpp"
#include "integrations/text/text_codec.hpp"

#include <span>
#include <utility>

namespace coramfs::detail {

/// Any encoding that iconv has, but UTF-8.
///
/// What has to be known of an encoding is found out by encoding some samples.
class iconv_codec final : public text_codec {
 public:
  static result<std::unique_ptr<text_codec>> make(const std::string& name, decode_errors errors);

  result<decoded> decode(std::string_view from, std::size_t limit, bool last,
                         std::string& to) override;
  void reset() noexcept override;
  std::u32string held() const override { return held_; }
  void hold(const std::u32string& characters) override { held_ = characters; }

  void begin_encoding() override { encoder_.reset(); }
  result<std::size_t> encode_some(std::string_view& utf8, std::string& to) override;
  void end_encoding(std::string& to) override;

  std::string_view preamble() const noexcept override { return preamble_; }
  bool is_stateful() const noexcept override { return stateful_; }
  std::size_t line_size(std::string_view from) const noexcept override;
  std::size_t newline_size(std::string_view from) const noexcept override;

 private:
  using outcome = iconv_descriptor::outcome;

  iconv_codec(iconv_descriptor decoder, iconv_descriptor encoder, decode_errors errors) noexcept
      : text_codec(errors), decoder_(std::move(decoder)), encoder_(std::move(encoder)) {}

  void learn();
  std::string sample(std::string_view utf8);
  bool returns_from_shift(std::string_view utf8);

  static constexpr std::size_t room_size = 1024;  // code points that are made at once

  result<outcome> decode_piece(std::string_view piece, std::size_t limit, decoded& d,
                               std::string& to);
  result<void> put(std::u32string_view characters, std::size_t begin, std::size_t limit, decoded& d,
                   std::string& to);
  bool keeps_back();
  result<outcome> decode_cluster(std::string_view from, bool last, std::size_t limit, decoded& d,
                                 std::string& to);
  // What bytes mean when they are decoded by themselves.
  struct alone {
    std::size_t bytes;
    std::u32string_view characters;
  };
  alone decode_alone(std::string_view from, std::span<char32_t> room);
  std::u32string_view flush(std::span<char32_t> room);

  outcome encode(std::string_view& utf8, std::string& to);
  result<std::size_t> encode_well_formed(std::string_view utf8, std::size_t characters,
                                         std::string& to);
  result<std::size_t> encode_plain(std::string_view utf8, std::size_t characters, std::string& to);
  result<std::size_t> put_lacking(std::string& to, std::size_t before);

  iconv_descriptor decoder_, encoder_;
  std::u32string held_;

  // Set by `learn`, and constant after that.
  std::size_t unit_ = 1;  // bytes of the shortest character
  std::string newline_, return_, preamble_;
  bool stateful_ = false;
  bool approximates_ = false;  // iconv stores something else for what the encoding lacks
};

}  // namespace coramfs::detail
