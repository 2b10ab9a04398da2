// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "tree/pattern_states.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace coramfs::detail {

/// A glob pattern, as a machine that reads a path name by name: `*`, `?`, `[a-z]`, `[!a-z]`,
/// `{a,b}`, and `**` as a whole component. It is in several places at once, so each name is read
/// once however many ways there are to match it, and a name takes time of at most the product of
/// its size and the pattern's.
///
/// Braces stand for each of the patterns that they can be written out to, separators in them
/// included. But whether something is a `**`, or a class, is decided by the text as it stands.
///
/// Invariant: between calls the sets are empty, so what the machine has read is in the `places`
/// that it has given out alone, and it may go on from any of them.
///
/// Guarded by its operation: one thread at a time.
class pattern {
 public:
  static constexpr std::size_t max_size = pattern_states::max_text_size;

  /// Where the machine is: the numbers of the states that it goes on from, in order.
  using places = std::vector<pattern_states::number>;

  /// Throws `std::bad_alloc`. Precondition: `text`, which must live as long, is no longer than
  /// `max_size`.
  explicit pattern(std::string_view text);

  /// The places at the root. Throws `std::bad_alloc`.
  places start();

  /// The only name that can match at these places, or nothing if there may be others.
  std::optional<std::string_view> only_name(const places& at) const noexcept;

  /// What a name has led to.
  struct step {
    places next;         ///< the places below the name; if empty, nothing below it matches
    bool matches;        ///< whether the path up to the name is a match
    std::uint64_t work;  ///< how many states and words of states were looked at
  };
  /// Reads a name at these places. Throws `std::bad_alloc`.
  step read(const places& from, std::string_view name);

 private:
  using number = pattern_states::number;

  /// A set of states.
  class state_set {
   public:
    explicit state_set(std::size_t states) : words_((states + 63) / 64) {}

    void add(std::size_t i) noexcept { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
    std::size_t words() const noexcept { return words_.size(); }
    void swap(state_set& other) noexcept { words_.swap(other.words_); }
    /// Takes all states out, in order, with those that `visit` adds behind the one it is shown.
    template <class Visit>
    void take_all(Visit visit);

   private:
    std::vector<std::uint64_t> words_;
  };

  /// How a state is reached between two names.
  enum role : unsigned char {
    begins = 1,     ///< the next name begins there
    is_behind = 2,  ///< a `**` has ended: only a separator may follow
    ends_name = 4,  ///< the last name has ended there
    ends_path = 8   ///< all names have ended: only separators may follow
  };

  void read_character(std::uint32_t c);
  bool ends_a_name(std::size_t state) const noexcept;
  void add(std::size_t state, unsigned roles) noexcept;
  bool settle(places& next);
  void settle_state(std::size_t i, unsigned roles, places& next, bool& matches);

  std::string_view text_;
  pattern_states states_;
  // Empty between calls, each with room for all states.
  state_set here_, behind_character_, reached_;
  std::vector<unsigned char> roles_;  // of the states in reached_, by their numbers
  bool has_places_ = false;           // whether anything is in here_
  std::uint64_t work_ = 0;
};

}  // namespace coramfs::detail
