// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/flow_ref.hpp>
#include <coramfs/detail/joined_flow.hpp>
#include <coramfs/detail/piece_list.hpp>
#include <coramfs/detail/waiting.hpp>
#include <coramfs/error.hpp>
#include <coramfs/follow_options.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/result.hpp>

#include "core/lifetime.hpp"
#include "storage/piece.hpp"
#include "storage/storage.hpp"

#include <boost/intrusive/set.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

namespace coramfs::detail {

class file_node;
class open_file;

/// Who has a producer write a followable file, and ends it by the producer's word. It owns the file
/// that is destroyed while the producer runs, without having ended.
class flow_owner {
 public:
  /// Called with the flow's mutex held, by the destructor of the handle, which it moves away.
  virtual void take_over(open_file& orphan) noexcept = 0;

 protected:
  flow_owner() = default;
  ~flow_owner() = default;
};

/// What a writer and the followers of its file have in common: the bytes that are committed, who
/// waits for more, and how it ends.
///
/// The bytes are listed here, and pinned by this, so that followers never look at the content
/// itself, which the writer changes meanwhile: they read by the list, under a mutex that the writer
/// takes only to add to it. Of the last block in it the writer fills the rest, behind what is
/// pinned; it may also have another block in its place, with the same bytes. What is in front of
/// that stays as it is. The list outlives the file's content, so followers can read to the end of
/// what was abandoned, or of what others have changed since.
///
/// Invariants: the bytes from 0 to `committed_` are listed, without a gap; a block in the list has
/// a pin of this. The queue is in the order of the offsets that are waited for, and all of them are
/// above `committed_`. Nobody waits once it has ended.
///
/// Thread safety: what the writer calls is called by one thread at a time, with the file's lock
/// held exclusively. All else may be called by many at once. The mutex is a leaf, and who waits is
/// told when it is free.
class flow final : public boost::intrusive::set_base_hook<> {
 public:
  static constexpr std::uint32_t most_followers = 10000;
  /// In how many pieces bytes are given out at most.
  static constexpr std::size_t most_at_once = 32;

  struct standing {
    std::uint64_t committed;
    follow_state state;
    error why;  ///< of an abandoned one
  };

  /// Null: memory is refused.
  static flow_ref make(on_abandon then) noexcept;
  /// Another reference to it.
  flow_ref share() noexcept;
  flow(const flow&) = delete;
  flow& operator=(const flow&) = delete;

  // The writer's.
  /// Shows all bytes of a content that has just been opened. Precondition: none were shown before.
  /// Errors: `out_of_memory`.
  result<void> begin(const storage& content) noexcept;
  /// Makes sure that so many bytes more can be published, when room is made for them. Errors:
  /// `out_of_memory`.
  result<void> expect(std::uint64_t bytes) noexcept;
  /// Shows all bytes of the content, which has grown. Precondition: so many were expected.
  void publish(const storage& content) noexcept;
  void announce(std::uint64_t size) noexcept;
  bool has_ended() const noexcept { return state_ != follow_state::growing; }
  /// Ends it, once. `why` is for one that is abandoned.
  void end(follow_state how, const error& why) noexcept;
  on_abandon when_abandoned() const noexcept { return when_abandoned_; }

  // The followers'.
  standing look() const noexcept;
  std::optional<std::uint64_t> announced() const noexcept;
  /// Pins committed bytes from `from` on, at most so many, and none behind the last. Errors:
  /// `out_of_memory`.
  result<piece_list> pin(std::uint64_t from, std::uint64_t at_most, life_hold alive) noexcept;
  /// Copies committed bytes from `from` on, and returns how many.
  std::size_t read(std::uint64_t from, std::span<std::byte> to) noexcept;
  /// Counts the runs that a piece is given out in, and cuts a hole to those that are left of
  /// `most_at_once`. Returns whether there were any.
  static bool take_runs(piece& p, std::size_t& taken) noexcept;

  // A producer's.
  /// Has the producer's handle go to its owner where it is destroyed, until `end_flight`. The owner
  /// must live until then.
  void begin_flight(flow_owner& by) noexcept;
  void end_flight() noexcept;
  /// Gives a handle that is destroyed to the owner, if there is one, and goes on growing.
  void give_to_owner(open_file& orphan) noexcept;
  /// Whether a producer feeds it.
  bool is_in_flight() const noexcept;
  /// How many have ever joined it.
  std::uint64_t joins() const noexcept;
  /// Whether a producer feeds it, nobody follows it, and nobody has since so many had joined.
  bool is_alone_since(std::uint64_t joins) const noexcept;

  /// The file, while it is in a `flow_table`, and whether it is. The table changes it under the
  /// tree's lock.
  /// @{
  file_node* file() const noexcept { return file_.load(std::memory_order_relaxed); }
  bool is_listed() const noexcept { return file() != nullptr; }
  /// @}

 private:
  friend class flow_claim;
  friend class flow_ref;
  friend class joined_flow;
  friend class flow_table;
  friend class followed_claim;
  struct part;
  struct entry {
    std::uint64_t begin;
    piece bytes;
  };

  explicit flow(on_abandon then) noexcept : when_abandoned_(then) {}
  ~flow();
  flow_ref join(std::uint32_t most, admission& told) noexcept;
  void leave() noexcept;
  void make_entries(std::size_t more);
  void show() noexcept;
  bool enqueue(waiter& w, std::uint64_t offset) noexcept;
  bool withdraw(waiter& w) noexcept;
  void serve(admission& served) noexcept;
  bool flies() const noexcept { return owner_ != nullptr && !has_ended(); }
  bool watch(waiter& w, bool until_alone) noexcept;
  bool stop_watching(waiter& w) noexcept;
  void serve_watchers(admission& served) noexcept;
  void take(std::uint64_t from, std::uint64_t at_most, part& to) noexcept;

  const on_abandon when_abandoned_;
  std::atomic<std::uint32_t> references_{1};
  std::atomic<file_node*> file_{nullptr};
  pieces fresh_;  // the writer's, for `show`

  // Guarded by mutex_, but for the writer, who alone changes them, and looks at them without it.
  std::vector<entry> entries_;
  std::uint64_t committed_ = 0;
  follow_state state_ = follow_state::growing;
  std::optional<std::uint64_t> announced_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  error why_{std::error_code()};
  std::uint32_t followers_ = 0;
  std::uint64_t joins_ = 0;
  wait_queue queue_;
  flow_owner* owner_ = nullptr;  // while a producer feeds it
  wait_queue watchers_;          // want 1: that nobody follows it; want 0: that somebody does
};

/// A claim for the bytes in front of an offset, or for the end, and a place among those who wait
/// for it. What is committed stays so: there is nothing to give back.
///
/// Thread safety: one operation's own.
class flow_claim final : public claim {
 public:
  flow_claim(flow& of, std::uint64_t offset) noexcept : flow_(of), offset_(offset) {}

  bool enqueue(waiter& w) noexcept override { return flow_.enqueue(w, offset_); }
  bool withdraw(waiter& w, admission&) noexcept override { return flow_.withdraw(w); }
  void give_back() noexcept override {}

 private:
  flow& flow_;
  const std::uint64_t offset_;
};

/// A claim for a flow that nobody follows, or that somebody does, and in any case for the end of
/// its flight. Either may have changed by the time that it is had.
///
/// Thread safety: one operation's own.
class followed_claim final : public claim {
 public:
  followed_claim(flow& of, bool until_alone) noexcept : flow_(of), until_alone_(until_alone) {}

  bool enqueue(waiter& w) noexcept override { return flow_.watch(w, until_alone_); }
  bool withdraw(waiter& w, admission&) noexcept override { return flow_.stop_watching(w); }
  void give_back() noexcept override {}

 private:
  flow& flow_;
  const bool until_alone_;
};

/// The flows of a volume by their files. A file in it has `is_followable` set, so that nobody has
/// to look here for any other.
///
/// Guarded by the tree's lock: exclusively for what changes it.
class flow_table {
 public:
  /// Precondition: the file has no flow in it, and is in use until it is removed.
  void add(flow& f, file_node& of) noexcept;
  void remove(flow& f) noexcept;
  /// Precondition: the file has one.
  flow& find(const file_node& of) noexcept;

 private:
  struct file_of {
    using type = const file_node*;
    type operator()(const flow& f) const noexcept { return f.file(); }
  };
  boost::intrusive::set<flow, boost::intrusive::key_of_value<file_of>,
                        boost::intrusive::compare<std::less<const file_node*>>>
      flows_;
};

}  // namespace coramfs::detail
