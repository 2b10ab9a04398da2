// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace coramfs::detail {

class block;
class life_hold;

/// Bytes of a file that stand together in memory, or a hole.
struct piece {
  std::byte* data;  ///< of a hole: null, or `zeros_at_once` zeros
  std::uint64_t size;
  block* owner;  ///< null: a hole, or bytes that are not pinned
  bool is_hole = false;
};

/// Runs of bytes in their order: what both kinds of buffer sequence are made of. It never
/// changes, and a copy is a counted reference: it allocates nothing.
///
/// Thread safety: distinct objects, safe, also where they are copies of each other.
class piece_list {
 public:
  class position;

  piece_list() noexcept = default;
  CORAMFS_EXPORT piece_list(const piece_list& other) noexcept;
  piece_list(piece_list&& other) noexcept : shared_(other.shared_) { other.shared_ = nullptr; }
  piece_list& operator=(piece_list other) noexcept {
    const shared* const mine = shared_;
    shared_ = other.shared_;
    other.shared_ = mine;
    return *this;
  }
  CORAMFS_EXPORT ~piece_list();

  /// Lists pieces and pins those that have an owner. The pins, and `alive`, are kept until the last
  /// copy of the list goes. Errors: `out_of_memory`.
  static result<piece_list> pin(std::span<const piece> of, life_hold alive) noexcept;
  /// Makes an empty list, to `fill` with up to `count` pieces. Errors: `out_of_memory`.
  static result<piece_list> with_room(std::size_t count) noexcept;
  /// Lists pieces, and pins none. Precondition: this is the only copy, made by `with_room`.
  void fill(std::span<const piece> of) noexcept;

  /// The bytes of all pieces.
  std::uint64_t size() const noexcept { return shared_ != nullptr ? shared_->size : 0; }
  position begin() const noexcept;
  position end() const noexcept;

  /// A hole shows as runs of at most so many bytes.
  static constexpr std::size_t zeros_at_once = 64 * 1024;

 private:
  struct shared {
    std::uint64_t size = 0;
    const piece* first = nullptr;
    const piece* last = nullptr;
  };
  struct counted;
  counted& own() const noexcept;
  void add(const piece& p) noexcept;

  const shared* shared_ = nullptr;
};

/// One run of bytes in a list. Valid while a copy of the list lives.
class piece_list::position {
 public:
  position() noexcept = default;

  std::byte* data() const noexcept { return at_->data; }
  std::size_t size() const noexcept {
    const std::uint64_t rest = at_->size - offset_;
    return static_cast<std::size_t>(at_->is_hole && rest > zeros_at_once ? zeros_at_once : rest);
  }
  bool is_hole() const noexcept { return at_->is_hole; }
  void advance() noexcept {
    offset_ += size();
    if (offset_ == at_->size) {
      ++at_;
      offset_ = 0;
    }
  }
  void retreat() noexcept {
    if (offset_ == 0) {
      --at_;
      offset_ = at_->size;
    }
    offset_ = at_->is_hole ? (offset_ - 1) / zeros_at_once * zeros_at_once : 0;
  }
  friend bool operator==(const position&, const position&) noexcept = default;

 private:
  friend class piece_list;
  explicit position(const piece* at) noexcept : at_(at) {}

  const piece* at_ = nullptr;
  std::uint64_t offset_ = 0;  // in a hole
};

inline piece_list::position piece_list::begin() const noexcept {
  return position(shared_ != nullptr ? shared_->first : nullptr);
}
inline piece_list::position piece_list::end() const noexcept {
  return position(shared_ != nullptr ? shared_->last : nullptr);
}

}  // namespace coramfs::detail
