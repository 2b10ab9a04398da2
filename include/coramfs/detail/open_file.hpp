// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/detail/flow_ref.hpp>
#include <coramfs/detail/lock_kind.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/detail/piece_list.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace coramfs::detail {

class account;
class byte_source;
class file_node;
struct file_reserve;
class funding;
class growth_operation;
class preparation;
class promotion;
class grant;
class hold_mark;
class handle_record;
enum class call : std::uint8_t;
class lifetime;
class life_hold;
class open_operation;
class storage;
struct taken_file;
class volume_state;

/// A file's node held busy, and perhaps its lock: while one of these lives, the node stays where it
/// is in the tree, or it loses its name and is in no tree any more. The last one frees a node
/// without a name.
///
/// It is counted at the node, or it is a mark in the tree's `hold_table`, which may become a count
/// meanwhile.
///
/// Whoever lets it go has the volume, unless it is a handle's, and not the tree's lock.
class node_use {
 public:
  node_use() noexcept = default;
  /// A use that is counted, of a file of that volume. The tree's lock is held, shared or exclusive.
  node_use(file_node& node, lifetime& whole) noexcept;
  /// A use that is a mark, and has the file's lock.
  node_use(file_node& node, lock_kind k, hold_mark& mark, std::uint64_t ticket,
           lifetime& whole) noexcept
      : node_(&node), mark_(&mark), ticket_(ticket), whole_(&whole), is_locked_(true), kind_(k) {}
  node_use(node_use&& other) noexcept { swap(other); }
  node_use& operator=(node_use&& other) noexcept {
    swap(other);
    return *this;
  }
  ~node_use() { release(); }

  void release() noexcept {
    if (node_ != nullptr) let_go();
  }
  /// Takes over a hold of the node's lock, which the caller has.
  void hold(lock_kind k) noexcept {
    is_locked_ = true;
    kind_ = k;
  }
  /// Makes it the use of a handle, which keeps the volume alive, too: the release may end the
  /// volume.
  void make_handle() noexcept;
  /// Ends the only use of a file without a name, which is the caller's then. The use of a handle
  /// may not be the last that keeps the volume.
  std::unique_ptr<file_node> take_unnamed() noexcept;
  /// What the use of a handle keeps alive.
  lifetime& whole() const noexcept { return *whole_; }
  bool is_locked() const noexcept { return is_locked_; }

  file_node* operator->() const noexcept { return node_; }
  file_node& operator*() const noexcept { return *node_; }
  explicit operator bool() const noexcept { return node_ != nullptr; }

 private:
  void swap(node_use& other) noexcept {
    std::swap(node_, other.node_);
    std::swap(mark_, other.mark_);
    std::swap(ticket_, other.ticket_);
    std::swap(whole_, other.whole_);
    std::swap(is_locked_, other.is_locked_);
    std::swap(kind_, other.kind_);
  }
  void let_go() noexcept;

  file_node* node_ = nullptr;
  hold_mark* mark_ = nullptr;  // null: it is counted
  std::uint64_t ticket_ = 0;   // of the mark, or whether it is a handle's
  lifetime* whole_ = nullptr;  // the volume
  bool is_locked_ = false;
  lock_kind kind_ = lock_kind::shared;
};

/// What both facades' `file` is: one handle, its lock, its cursor. Nothing here waits.
///
/// Thread safety: one call at a time; different handles are independent.
class open_file {
 public:
  CORAMFS_EXPORT open_file() noexcept;
  /// Takes over what an opening has come to that has succeeded.
  explicit open_file(open_operation& done) noexcept;
  /// Makes a handle of what `find_free` has found.
  open_file(volume_state& v, node_use&& found, path_argument&& path, open_mode mode,
            const open_options& options) noexcept;
  /// Finds the file of an open that takes no more than this, since the file is there and free.
  /// Returns an empty use otherwise: then it takes an `open_operation`, which also says what is
  /// wrong.
  static node_use find_free(volume_state& v, const path_argument& path, open_mode mode,
                            const open_options& options) noexcept;
  CORAMFS_EXPORT open_file(open_file&& other) noexcept;
  CORAMFS_EXPORT open_file& operator=(open_file&& other) noexcept;
  CORAMFS_EXPORT ~open_file();

  CORAMFS_EXPORT result<std::size_t> read(std::span<std::byte> to) noexcept;
  result<bytes> read_all() noexcept;
  CORAMFS_EXPORT result<std::size_t> read_at(std::uint64_t offset,
                                             std::span<std::byte> to) noexcept;
  result<std::size_t> write(std::span<const std::byte> from) noexcept;
  result<std::size_t> write_at(std::uint64_t offset, std::span<const std::byte> from) noexcept;
  /// `write`, or `write_at`, of bytes from several places.
  CORAMFS_EXPORT result<std::size_t> write_all(std::optional<std::uint64_t> offset,
                                               const byte_source& from) noexcept;
  result<std::uint64_t> truncate(std::optional<std::uint64_t> size) noexcept;
  result<void> punch_hole(std::uint64_t offset, std::uint64_t size) noexcept;
  result<piece_list> pin(std::uint64_t offset, std::size_t size) noexcept;
  CORAMFS_EXPORT result<void> commit(std::size_t size) noexcept;

  // The steps of operations that wait for space, or go on in slices. They change nothing that can
  // be seen until `changed`.
  /// Whether its writes are operations: they wait for space, or for an answer of the volume's
  /// callback, or others follow what they write.
  bool writes_in_steps() const noexcept { return writes_in_steps_ && may_write(); }
  /// How its operations come by their bytes.
  funding funds() const noexcept;
  /// Bytes that the file is charged, those paid for ahead included. Precondition: is open.
  std::uint64_t own_charge() const noexcept;
  std::atomic<std::uint64_t>* waiting() const noexcept;
  /// Asks the volume's policy of faults, if it has one, before a wait for so many bytes. Errors:
  /// `timed_out`, `canceled`. Precondition: is open.
  result<void> ask_waiting_for_space(std::uint64_t bytes) const noexcept;
  /// Precondition: is open.
  storage& content() const noexcept;
  CORAMFS_EXPORT result<void> require_readable() const noexcept;
  result<void> require_writable() const noexcept;
  /// The same, for a call by another name.
  result<void> require_readable(call by) const noexcept;
  result<void> require_writable(call by) const noexcept;
  /// Notes that an error is about a call on this handle.
  error noted(call by, const error& e) const noexcept;
  /// Where `read` begins.
  std::uint64_t cursor() const noexcept { return cursor_; }
  void set_cursor(std::uint64_t to) noexcept { cursor_ = to; }
  /// Makes room for a write at `offset`, or where `write` would begin, and returns where that is.
  /// `rest` is as for `storage::make_room`.
  result<std::uint64_t> make_room(std::optional<std::uint64_t> offset, std::uint64_t size,
                                  grant& granted, std::unique_ptr<promotion>& rest) noexcept;
  /// Returns whether such a write would make a `rest`, and so take long however short it is.
  CORAMFS_EXPORT bool promotes_long(std::optional<std::uint64_t> offset) const noexcept;
  /// Stores bytes at `at`, for which room was made, and shows them.
  void store_all(std::optional<std::uint64_t> offset, std::uint64_t at,
                 const byte_source& from) noexcept;
  /// Writes `from` by taking it over. Returns whether it did; if not, it has to be copied.
  result<bool> adopt(bytes& from, grant& granted) noexcept;
  /// Pays for growth to `size` bytes ahead.
  result<void> reserve(std::uint64_t size, grant& granted) noexcept;
  /// Makes room that somebody else fills. It is complete once `rest` is done and `prepared` was
  /// called.
  result<std::unique_ptr<preparation>> prepare(std::size_t size, grant& granted,
                                               std::unique_ptr<promotion>& rest) noexcept;
  /// Takes over a preparation, until `commit`, or until it is given back. Returns its room.
  piece_list prepared(std::unique_ptr<preparation> made) noexcept;
  /// As `truncate`, but the zeros from where it returns up to `size` are yet to be stored.
  result<std::uint64_t> make_length(std::uint64_t size, grant& granted) noexcept;
  // For a buffer over the file: room behind the end of the file, which is held and paid for, and
  // which nobody sees until it is published. Whatever ends a preparation ends it, too.
  /// Makes sure that there is room of `wanted` bytes, or of as many as there can be, and returns
  /// its size. Room that is there already stays as it is if it is large enough or can not be
  /// larger, or if it is `in_use`.
  std::size_t hold_room(std::size_t wanted, bool in_use) noexcept;
  /// Returns whether there is room, but less than was wanted.
  bool is_room_short() const noexcept { return room_number() != 0 && is_room_short_; }
  /// Makes sure that there is room of `size` bytes at least. Errors: as a write; there is no room
  /// then.
  result<void> require_room(std::size_t size) noexcept;
  /// Returns a number that tells one room from another, or 0 if there is none.
  std::uint64_t room_number() const noexcept {
    return prepared_ != nullptr && is_room_ ? rooms_made_ : 0;
  }
  /// Returns whether memory runs short, so that the file may have to be moved to grow. Pins of it
  /// would hinder that.
  bool is_cramped() const noexcept;
  /// Makes the first `size` bytes of the room the file's, and gives back the rest.
  void publish(std::size_t size) noexcept;
  /// Returns where bytes of the file or the room are, for others to put them there. What is pinned
  /// of them is copied before, and holes are filled. Precondition: there are as many.
  result<piece_list> places(std::uint64_t offset, std::size_t size) noexcept;
  /// Returns about as many bytes as the file may yet grow by, and hardly less; 0 on a closed
  /// handle.
  std::uint64_t bytes_left() const noexcept;

  // What is for a file without a name (tree/unnamed.hpp).
  /// Precondition: is open.
  bool is_unnamed() const noexcept;
  /// Errors: `busy` if others have the file, too, which then have not let go of it since it lost
  /// its name. Precondition: `is_unnamed()`.
  result<void> require_alone() const noexcept;
  /// Returns whether it is a file of that volume. Precondition: is open.
  bool is_of(const volume_state& v) const noexcept;
  /// Takes the file away from the handle, which is closed then: what was prepared and paid for
  /// ahead is given back, and the rest of the handle stays as it is. Whoever calls it holds the
  /// volume. Precondition: `is_unnamed()`, and nobody else has it.
  taken_file take_unnamed() noexcept;
  /// Makes it the handle of the file again that was taken from it.
  void give_back(volume_state& v, taken_file taken) noexcept;

  /// Gives up room that was made and that nobody has seen, after bytes were stored from `begin` to
  /// `end`. Those of them stay that have taken the place of others.
  void drop_room(std::uint64_t begin, std::uint64_t end) noexcept;
  /// Has `op`, which is paused, told before the handle lets go of its file. Null: nobody is told.
  void set_under_way(growth_operation* op) noexcept { under_way_.op = op; }
  /// Returns a hold that keeps the volume alive.
  life_hold keep_volume() const noexcept;

  /// Shows a length that was made.
  void length_made(std::uint64_t size) noexcept;
  /// Shows what was written.
  void changed() noexcept;

  // What is for a file that others follow.
  /// Checks that it is followable and has not ended. Errors: `not_supported`.
  result<void> require_growing(call by) const noexcept;
  /// Tells followers how large the file is going to be. Errors: `too_large`; `invalid_argument` if
  /// it is larger already. Precondition: `require_growing`.
  result<void> announce(std::uint64_t size) noexcept;
  CORAMFS_EXPORT result<void> finish() noexcept;
  CORAMFS_EXPORT result<void> abandon(const error& why) noexcept;

  CORAMFS_EXPORT result<std::uint64_t> seek(std::int64_t offset, seek_from from) noexcept;
  CORAMFS_EXPORT result<std::uint64_t> tell() const noexcept;
  CORAMFS_EXPORT result<std::uint64_t> size() const noexcept;
  CORAMFS_EXPORT result<std::uint64_t> next_data(std::uint64_t offset) const noexcept;
  CORAMFS_EXPORT result<std::uint64_t> next_hole(std::uint64_t offset) const noexcept;
  CORAMFS_EXPORT result<void> flush() const noexcept;
  CORAMFS_EXPORT void close() noexcept;

  bool is_open() const noexcept { return static_cast<bool>(node_); }
  bool readable() const noexcept { return is_open() && may_read(); }
  bool writable() const noexcept { return is_open() && may_write(); }
  bool seekable() const noexcept { return is_open(); }
  open_mode mode() const noexcept { return opened_with_; }
  /// Made at the first call. Empty if memory for it is refused.
  CORAMFS_EXPORT const std::string& path() const noexcept;

  /// Keeps why a stream operation has failed, whose own error code has no room for that.
  /// Nothing is kept where memory for it is refused.
  CORAMFS_EXPORT void stream_failed(const error& why) noexcept;
  /// What was kept last; an error with the code 0 if nothing was.
  CORAMFS_EXPORT error stream_failure() const noexcept;

 private:
  bool may_read() const noexcept { return detail::may_read(mode_); }
  bool may_write() const noexcept { return detail::may_write(mode_); }
  result<std::uint64_t> make_room(std::optional<std::uint64_t> offset, std::uint64_t size,
                                  const account& payer, std::unique_ptr<promotion>* rest) noexcept;
  result<void> expect_growth(std::uint64_t bytes) noexcept;
  result<void> require_changeable(call by) const noexcept;
  std::uint64_t write_offset() const noexcept;
  std::uint64_t size_now() const noexcept;
  std::size_t read_from(std::uint64_t offset, std::span<std::byte> to) const noexcept;
  bool overwrite(std::uint64_t offset, std::span<const std::byte> from) noexcept;
  void show_change() noexcept;
  result<void> make_room_behind(std::size_t size) noexcept;
  void drop_prepared() noexcept;
  void drop_reserve() noexcept;
  account payer() const noexcept;
  std::uint64_t paid_ahead() const noexcept;
  void give_to_owner() noexcept;
  void end_zeros_at(std::uint64_t end) noexcept {
    if (zeros_from_ < end) zeros_from_ = end;
  }
  void give_up_rest() noexcept;
  /// Precondition: is open.
  volume_state& volume() const noexcept;
  void let_go() noexcept;

  // Does not move with the handle, since an operation knows its handle by the address.
  struct under_way {
    under_way() noexcept = default;
    under_way(under_way&&) noexcept {}
    under_way& operator=(under_way&&) noexcept { return *this; }
    growth_operation* op = nullptr;
  };

  under_way under_way_;
  node_use node_;  // of an open file: locked, and holds the volume
  std::uint64_t cursor_ = 0;
  handle_record* record_ = nullptr;  // of an open file: its entry among the handles, if it has one
  lock_timeout patience_ = lock_timeout::immediate();
  path_text path_;  // as it was opened with: a node that is in use stays there, or has no name
  struct told;
  mutable std::unique_ptr<told> told_;     // null until something of it was needed
  std::unique_ptr<file_reserve> reserve_;  // null until something is paid for ahead
  // The bytes from here to the end are zeros that the open has stored for a preallocation.
  std::uint64_t zeros_from_ = std::numeric_limits<std::uint64_t>::max();
  std::unique_ptr<preparation> prepared_;
  flow_ref flow_;                     // of a handle that is followable
  open_mode mode_ = open_mode::read;  // what it may do: of one that is followable, to append
  open_mode opened_with_ = open_mode::read;
  bool writes_in_steps_ = false;
  when_full on_full_ = when_full::reject;
  bool is_room_ = false;  // what is prepared is room for a buffer, not for `commit`
  bool is_room_short_ = false;
  std::uint32_t rooms_made_ = 0;
};

/// The way from a file of either facade to its handle.
struct handle_access {
  template <class File>
  static open_file& of(File& f) noexcept {
    return f.file_;
  }
};

}  // namespace coramfs::detail
