// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/text/text_operation.hpp"
#include "integrations/text/text_state.hpp"

#include <array>

namespace coramfs::detail {

/// One `write`. All of the text is encoded before anything is stored.
class text_writing {
 public:
  using value_type = std::size_t;

  /// `state` is null if memory for it was refused. `utf8` must live as long as this does.
  text_writing(text_state* state, std::string_view utf8) noexcept : state_(state), utf8_(utf8) {}

  void begin(const file_facts& facts) noexcept;
  std::optional<file_request> next() noexcept;
  void done(const result<std::size_t>& outcome) noexcept;
  /// Nothing: the write itself has moved the cursor.
  std::optional<std::uint64_t> new_cursor() const noexcept { return std::nullopt; }
  result<std::size_t> take() noexcept;

 private:
  enum class phase {
    head,  // learns the order of bytes
    encode,
    write,
    finished,
  };

  template <class Step>
  void attempt(Step step) noexcept;
  result<void> start(const file_facts& facts);
  result<void> start_encoding();
  result<void> encode();
  result<void> encode_piece();
  void end_encoding();
  result<void> look_at_head(std::size_t size);
  std::string_view content() const noexcept;

  text_state* state_;
  std::string_view utf8_;

  phase phase_ = phase::finished;
  std::optional<error> error_;
  std::uint64_t offset_ = 0;  // where the text goes
  std::array<char, 4> head_{};

  std::string_view rest_;  // of utf8_
  bool verbatim_ = false;  // what is to be stored is utf8_ itself
  std::string encoded_;
  std::size_t characters_ = 0;
};

}  // namespace coramfs::detail
