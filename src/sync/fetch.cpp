// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sync/fetch.hpp>

#include <coramfs/detail/stream.hpp>

#include "core/made_by.hpp"
#include "handles/fetch_operation.hpp"
#include "handles/produced_file.hpp"
#include "sync/run.hpp"
#include "tree/volume_state.hpp"

#include <utility>

namespace coramfs::sync {

// A `fetch` that ends with a follower of this facade. The producer runs inside of it, while it
// follows the file itself.
class file_system::fetch_operation final : public detail::fetch_operation {
 public:
  fetch_operation(const std::shared_ptr<detail::volume_state>& v, path_argument path,
                  const detail::producer_ref& by, const fetch_options& options) noexcept
      : detail::fetch_operation(v, std::move(path), options.follow, options.max_followers,
                                detail::opened_to_fetch(options)),
        of_(*v),
        producer_(by),
        negative_(options.negative) {}

  result<follower> outcome() noexcept {
    const auto followed = detail::fetch_operation::outcome();
    if (!followed) return followed.error();
    return result<follower>(std::in_place_type<follower>,
                            detail::made_by([this] { return follower(*this); }));
  }

 private:
  result<void> begin(fresh_file made) noexcept override {
    detail::produced_file produced(of_, std::move(made.flow), {made.name, negative_});
    result<void> word = errc::abandoned;
    {
      file to(made.opened);
      try {
        word = producer_.call(producer_.producer, to);
      } catch (...) {
        word = errc::abandoned;
      }
    }
    if (!word) word = detail::told_to_followers(word.error());
    produced.end(word, true);
    return boost::outcome_v2::success();
  }

  detail::volume_state& of_;
  const detail::producer_ref producer_;
  const std::chrono::milliseconds negative_;
};

result<follower> file_system::run_fetch(path_argument path, const detail::producer_ref& by,
                                        const fetch_options& options) const {
  return detail::run_blocking(
      fetch_operation(detail::volume_access::state(volume_), std::move(path), by, options));
}

}  // namespace coramfs::sync
