// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>
#include <coramfs/detail/host_error.hpp>
#include <coramfs/detail/normal_text.hpp>
#include <coramfs/result.hpp>

#include "integrations/archive/archive_job.hpp"
#include "integrations/archive/expansion.hpp"

#include <string>
#include <utility>

namespace coramfs::detail {

/// An expansion as work on an opened archive.
class expanding {
 public:
  using value_type = expand_summary;

  expanding(std::string dest, const expand_options& options, entry_visitor visitor, host_call by)
      : request_{std::move(dest), options, std::move(visitor), by,
                 by != host_call::expand_archive_streaming} {}

  const std::string& path() const noexcept { return request_.dest; }
  result<void> prepare() {
    BOOST_OUTCOME_TRY(request_.dest, normal_text(request_.dest));
    return success();
  }
  template <class Side>
  typename Side::template task<expand_summary> run(Side& side, opened_archive& from) {
    expansion<Side> all(side, request_, from.stream(), from.budget());
    auto done = co_await all.run();
    co_return done;
  }

 private:
  expansion_request request_;
};

}  // namespace coramfs::detail
