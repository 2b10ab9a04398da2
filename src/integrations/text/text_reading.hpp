// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/text/text_operation.hpp"
#include "integrations/text/text_state.hpp"

namespace coramfs::detail {

/// One `read` or `read_line`.
class text_reading {
 public:
  using value_type = std::string;
  enum class extent { characters, line };

  /// `state` is null if memory for it was refused.
  text_reading(text_state* state, extent what, std::optional<std::size_t> limit) noexcept;

  void begin(const file_facts& facts) noexcept;
  std::optional<file_request> next() noexcept;
  void done(const result<std::size_t>& outcome) noexcept;
  std::optional<std::uint64_t> new_cursor() const noexcept;
  result<std::string> take() noexcept;

 private:
  enum class phase {
    head,     // learns the order of bytes
    rebuild,  // finds the codec's state again
    text,
    finished,
  };

  template <class Step>
  void attempt(Step step) noexcept;
  result<void> start(const file_facts& facts);
  result<void> find_state();
  result<void> start_text();
  result<void> open_window();

  result<void> look_at(std::string_view bytes);
  result<void> look_at_head(std::string_view head);
  result<void> look_at_known(std::string_view bytes);
  result<void> look_at_text(std::string_view bytes);

  result<void> take_characters(std::string_view bytes, bool last);
  result<void> take_line(std::string_view bytes, bool last);
  result<decoded> take_piece_of_line(std::string_view bytes, bool last);
  result<void> take_newline(std::string_view bytes, bool last);
  result<decoded> decode(std::string_view bytes, std::size_t limit, bool last);
  void finish() noexcept;

  text_state* state_;
  std::size_t limit_;  // characters
  extent what_;

  phase phase_ = phase::finished;
  std::optional<error> error_;
  std::uint64_t size_ = 0;       // of the file
  std::uint64_t begun_at_ = 0;   // the cursor
  std::uint64_t position_ = 0;   // where the next bytes to look at are
  std::size_t window_size_ = 0;  // how many bytes to look at, if there are as many
  std::uint64_t offset_ = 0;     // of the window, in the file
  std::span<char> window_;
  std::uint64_t since_pause_ = 0;  // bytes
  bool pauses_ = false;

  std::string text_;
  std::size_t characters_ = 0;
  bool after_return_ = false;  // a "\n" would belong to the line
};

}  // namespace coramfs::detail
