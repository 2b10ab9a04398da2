// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace coramfs::detail {

struct hash_key {
  std::uint64_t low, high;

  friend bool operator==(const hash_key&, const hash_key&) = default;
};

/// SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012). Whoever
/// does not know the key can not tell its values from random ones, however many he has seen, so he
/// can not choose texts that collide either. The paper has 2 and 4 rounds; its authors hold 1 and 3
/// to be enough for tables, and other libraries take these for theirs.
template <int word_rounds, int last_rounds>
class sip_hash {
 public:
  static std::uint64_t of(std::string_view text, const hash_key& key) noexcept {
    sip_hash h(key);
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left >= 8; left -= 8, at += 8) h.add(load<std::uint64_t>(at));
    h.add(std::uint64_t{text.size()} << 56 | rest(at, left, text.size()));
    return h.end();
  }

 private:
  explicit sip_hash(const hash_key& key) noexcept
      : v0_(key.low ^ 0x736f6d6570736575),
        v1_(key.high ^ 0x646f72616e646f6d),
        v2_(key.low ^ 0x6c7967656e657261),
        v3_(key.high ^ 0x7465646279746573) {}

  template <class Word>
  static std::uint64_t load(const char* from) noexcept {
    Word w;
    std::memcpy(&w, from, sizeof w);
    return w;
  }

  // Returns the last `left` characters, fewer than eight, of a text that has `in_all`: without a
  // loop, and without reading beyond the text.
  static std::uint64_t rest(const char* at, std::size_t left, std::size_t in_all) noexcept {
    if constexpr (std::endian::native != std::endian::little) {
      std::uint64_t word = 0;
      for (std::size_t i = left; i-- > 0;) word = word << 8 | static_cast<unsigned char>(at[i]);
      return word;
    }
    if (left == 0) return 0;
    if (in_all >= 8) return load<std::uint64_t>(at + left - 8) >> (64 - 8 * left);
    if (left >= 4)
      return load<std::uint32_t>(at) | load<std::uint32_t>(at + left - 4) << (8 * left - 32);
    const std::size_t middle = left / 2, last = left - 1;
    return load<std::uint8_t>(at) | load<std::uint8_t>(at + middle) << (8 * middle) |
           load<std::uint8_t>(at + last) << (8 * last);
  }

  void add(std::uint64_t word) noexcept {
    v3_ ^= word;
    mix<word_rounds>();
    v0_ ^= word;
  }
  std::uint64_t end() noexcept {
    v2_ ^= 0xff;
    mix<last_rounds>();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

  template <int rounds>
  void mix() noexcept {
    for (int i = 0; i < rounds; ++i) {
      v0_ += v1_;
      v2_ += v3_;
      v1_ = std::rotl(v1_, 13) ^ v0_;
      v3_ = std::rotl(v3_, 16) ^ v2_;
      v0_ = std::rotl(v0_, 32);
      v2_ += v1_;
      v0_ += v3_;
      v1_ = std::rotl(v1_, 17) ^ v2_;
      v3_ = std::rotl(v3_, 21) ^ v0_;
      v2_ = std::rotl(v2_, 32);
    }
  }

  std::uint64_t v0_, v1_, v2_, v3_;
};

}  // namespace coramfs::detail
