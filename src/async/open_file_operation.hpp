// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/open_file.hpp>
#include <coramfs/file.hpp>

#include "async/turns.hpp"
#include "core/made_by.hpp"
#include "handles/open_operation.hpp"
#include "storage/backlog.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>

namespace coramfs::detail {

/// An `open` that ends with a file of the asynchronous facade. If the file is there and free, one
/// look at the tree is all of it; else it becomes an `open_operation`.
///
/// The executor and the volume are kept alive by one shared pointer, which the file takes over.
///
/// Guarded by whoever runs it: one thread at a time.
class open_file_operation {
 public:
  using executor_ptr = std::shared_ptr<const file::executor_type>;

  open_file_operation(volume_state& v, path_argument path, open_mode mode,
                      const open_options& options, executor_ptr executor) noexcept
      : executor_(std::move(executor)),
        now_(std::in_place_type<request>, v, std::move(path), mode, options) {}

  /// For an open that `unbegun` is.
  open_file_operation(open_operation unbegun, executor_ptr executor) noexcept
      : executor_(std::move(executor)),
        now_(std::in_place_type<open_operation>, std::move(unbegun)) {}
  /// For a file without a name.
  static open_file_operation unnamed(volume_state& v, const open_options& options,
                                     executor_ptr executor) noexcept {
    return open_file_operation(open_operation::unnamed(lent(v), options), std::move(executor));
  }

  progress advance() noexcept {
    if (auto* const wanted = std::get_if<request>(&now_)) {
      wanted->found =
          open_file::find_free(*wanted->of, wanted->path, wanted->mode, wanted->options);
      if (wanted->found) return progress::done;
      request all(std::move(*wanted));
      now_.emplace<open_operation>(lent(*all.of), std::move(all.path), all.mode, all.options);
    }
    return open_in_steps();
  }
  claim& awaited() noexcept { return in_steps().awaited(); }
  lock_timeout patience() const noexcept { return std::get_if<open_operation>(&now_)->patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept {
    return std::get_if<open_operation>(&now_)->waiting();
  }
  void refuse(const error& why) noexcept { in_steps().refuse(why); }
  error unmet() const noexcept { return std::get_if<open_operation>(&now_)->unmet(); }

  result<file> outcome() noexcept {
    auto* const wanted = std::get_if<request>(&now_);
    if (wanted == nullptr && !in_steps().outcome()) return in_steps().outcome().error();
    return result<file>(std::in_place_type<file>, made_by([&] {
                          const std::uint64_t done = done_in_turn(executor_.get());
                          if (wanted == nullptr)
                            return file(in_steps(), std::move(executor_), done);
                          return file(*wanted->of, std::move(wanted->found),
                                      std::move(wanted->path), wanted->mode, wanted->options,
                                      std::move(executor_), done);
                        }));
  }

 private:
  struct request {
    request(volume_state& v, path_argument p, open_mode m, const open_options& o) noexcept
        : of(&v), path(std::move(p)), mode(m), options(o) {}

    volume_state* of;
    path_argument path;
    open_mode mode;
    open_options options;
    node_use found;
  };

  // The executor's pointer keeps the volume alive.
  static std::shared_ptr<volume_state> lent(volume_state& v) noexcept {
    return {std::shared_ptr<void>(), &v};
  }

  // An `open_mode::write` gives up the old content of the file. It is collected and not freed here:
  // its memory stays in the volume, and is used for what is written next.
  progress open_in_steps() noexcept {
    backlog given_up;
    const backlog::collecting collected(given_up);
    return in_steps().advance();
  }
  open_operation& in_steps() noexcept { return *std::get_if<open_operation>(&now_); }

  executor_ptr executor_;
  std::variant<request, open_operation> now_;
};

}  // namespace coramfs::detail
