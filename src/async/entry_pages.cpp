// SPDX-License-Identifier: BSL-1.0
#include <coramfs/entry_pages.hpp>

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/file_system.hpp>

namespace coramfs {

namespace {

constexpr std::size_t seen_in_turn = 2000;  // entries, and pages

// Gives others on the awaiting executor a turn. Errors: `canceled`.
asio::awaitable<result<void>> turn_for_others() {
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await asio::post(detail::suspend);
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (state.cancelled() != asio::cancellation_type::none) co_return errc::canceled;
  co_return success();
}

}  // namespace

template <class FileSystem>
asio::awaitable<result<std::vector<found_entry>>> entry_pages<FileSystem>::next() {
  while (!walk_.has_found()) {
    BOOST_OUTCOME_CO_TRY(const bool has_more, walk_.go_on());
    if (!has_more) break;
    if (walk_.has_found()) continue;
    if (seen_in_turn_ >= seen_in_turn) {
      seen_in_turn_ = 0;
      if (const auto goes_on = co_await turn_for_others(); !goes_on)
        co_return walk_.end_with(goes_on.error());
    }
    if (walk_.wants_status()) {
      const auto only = co_await fs_.stat(walk_.path());
      BOOST_OUTCOME_CO_TRY(walk_.take(only));
    } else {
      auto page = co_await fs_.list_some(walk_.path(), walk_.after(), walk_.page_size());
      BOOST_OUTCOME_CO_TRY(walk_.take(std::move(page)));
    }
    seen_in_turn_ += walk_.take_work();
  }
  co_return walk_.take_found();
}

// The only one that there is. It is a template because it has a file system, which returns it.
template class CORAMFS_EXPORT entry_pages<file_system>;

}  // namespace coramfs
