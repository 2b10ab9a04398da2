// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/fair_lock.hpp>
#include <coramfs/detail/flow_ref.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/result.hpp>

#include "core/error_note.hpp"
#include "core/funding.hpp"
#include "core/operation.hpp"
#include "core/path.hpp"
#include "handles/content_filler.hpp"
#include "handles/flow_end.hpp"
#include "storage/unsharer.hpp"
#include "tree/creation.hpp"
#include "tree/volume_state.hpp"

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <variant>

namespace coramfs::detail {

/// An `open`, as an operation: it finds or makes the file and holds it busy, waits for its lock,
/// does what the mode does to the content, and gives the handle. It waits for space where the
/// options say so, for a new node and for a preallocation.
///
/// A new file, with its content, is made outside of the tree's lock, and dropped if another was
/// faster. It is put into its place under the exclusive lock.
///
/// Guarded by whoever runs it: one thread at a time. It may be moved only before it has begun.
/// Locks: the tree's is taken and let go within a step. The file's lock is held between steps, and
/// only tried under the tree's.
class open_operation {
 public:
  /// `by` is the call that it is made for, for the text of its errors.
  open_operation(std::shared_ptr<volume_state> v, path_argument path, open_mode mode,
                 const open_options& options, call by = call::open) noexcept;

  /// An open with `open_mode::write` that makes `content` the file's content in the same step:
  /// nobody sees the file empty. `content` must live until it is done.
  static open_operation with_content(std::shared_ptr<volume_state> v, path_argument path,
                                     std::span<const std::byte> content) noexcept;

  /// An open with `open_mode::write_read` of a new file that has no name and no place in the tree.
  static open_operation unnamed(std::shared_ptr<volume_state> v,
                                const open_options& options) noexcept;

  /// An open with `open_mode::read`, by a path that the tree gave out.
  static open_operation for_reading(std::shared_ptr<volume_state> v, path_argument path,
                                    call by) noexcept;

  open_operation(open_operation&& other) noexcept
      : open_operation(std::move(other.volume_), std::move(other.path_), other.wanted_,
                       other.funds_.on_full(), other.patience()) {}
  open_operation& operator=(open_operation&& other) = delete;
  ~open_operation();

  progress advance() noexcept;
  claim& awaited() noexcept;
  lock_timeout patience() const noexcept { return funds_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return &volume_->waiting; }
  void refuse(const error& why) noexcept;
  error unmet() const noexcept;

  /// Whether the file was opened. After `done`.
  result<void> outcome() const noexcept;
  /// The file, if it was opened. It stays locked until `let_go`, or until a handle takes it over.
  const file_node& node() const noexcept { return *node_; }
  void let_go() noexcept { node_.release(); }
  /// Notes that an error is about this call and path.
  error noted(const error& e) const noexcept { return about(wanted_.by, path_.view(), e); }

 private:
  friend class open_file;
  friend class fetch_operation;
  friend class follow_operation;
  friend class open_follower;

  enum class stage : unsigned char { checks, finds, fills_new, locks, begins, owns, fills, ended };

  // What is wanted, and how far it is. All that is small stands together, since the frame of an
  // open's coroutine is just small enough for Asio to keep it.
  struct request {
    open_mode mode;
    call by;
    bool is_given_out;  // whether the path is one that the tree gave out
    stage reached;
    bool is_followable;
    on_abandon when_abandoned;
    bool owns;                 // whether the content is to have its blocks alone
    bool is_begun;             // whether it has made the file, or emptied it
    const std::byte* content;  // what the file is made of at once; null for zeros
    std::uint64_t size;        // bytes of that content, or bytes to preallocate
    const char* label;         // of the handle

    std::uint64_t preallocate() const noexcept { return content == nullptr ? size : 0; }
    bool is_unnamed() const noexcept { return by == call::open_unnamed; }
  };
  static constexpr std::uint64_t no_zeros = std::numeric_limits<std::uint64_t>::max();

  open_operation(std::shared_ptr<volume_state> v, path_argument path, const request& wanted,
                 when_full on_full, const std::optional<lock_timeout>& patience) noexcept;
  result<void> step() noexcept;
  result<void> check() noexcept;
  result<normal_path> path(path_buffer& buffer) const noexcept;
  result<void> find() noexcept;
  enum class found { taken, hot, missing };
  struct missing_file {
    vacancy place;
    totals begins_with;
    file_cost cost;
  };
  result<found> look(normal_path normal, missing_file& to_make) noexcept
      CORAMFS_REQUIRES_SHARED(volume_->tree);
  result<void> make_new(normal_path normal, const missing_file& to_make) noexcept;
  result<void> put_new(file_draft& draft, normal_path normal, const vacancy& place) noexcept;
  result<void> link_new(file_draft& draft, normal_path normal, const vacancy& place) noexcept;
  node_use take_node() noexcept;
  result<void> link_filled() noexcept;
  void take(file_node& file, opening how) noexcept CORAMFS_REQUIRES_SHARED(volume_->tree);
  void heat() noexcept;
  result<void> lock() noexcept;
  result<void> begin_content() noexcept;
  result<void> begin_owning(storage& content, const account& payer) noexcept;
  claim* wait() noexcept;
  content_filler& stored() noexcept { return *std::get_if<content_filler>(&now_); }
  void granted() noexcept;
  void fill(storage& content, std::uint64_t begin) noexcept;
  void publish() noexcept;
  result<void> make_flow() noexcept;
  void begin_flow() noexcept;
  void drop_flow() noexcept {
    end_flow(flow_, node_.operator->(), wanted_.is_begun, *volume_, errc::abandoned);
  }
  progress fail(const error& e) noexcept;
  void end_with(const error& e) noexcept;
  std::uint64_t own_charge() const noexcept;
  opening noted_as() const noexcept;
  fair_lock::kind kind() const noexcept;

  std::shared_ptr<volume_state> volume_;
  path_argument path_;
  request wanted_;

  funding funds_;
  // A new file whose content takes more than a slice, or one without a name, for a handle to take.
  std::unique_ptr<file_draft> draft_;
  node_use node_;
  // Of a followable file: among the tree's as soon as the file is locked, until a handle takes it.
  flow_ref flow_;
  // Where the zeros begin that it has stored for a preallocation.
  std::uint64_t zeros_from_ = no_zeros;
  // What it stores, what it copies, what it waits for, or what it has failed with.
  std::variant<content_filler, std::unique_ptr<unsharer>, lock_claim, space_claim, error> now_;
};

/// Whether the open of a file that was there before failed because the file has gone.
bool has_gone(const error& e) noexcept;

}  // namespace coramfs::detail
