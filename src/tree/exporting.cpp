// SPDX-License-Identifier: BSL-1.0
#include "tree/exporting.hpp"

#include <new>

namespace coramfs::detail {

result<std::optional<bytes>> given_out_reading::outcome() noexcept {
  auto content = file_.outcome();
  if (content) return std::optional<bytes>(std::move(content).value());
  if (has_gone(content.error())) return std::optional<bytes>();
  return content.error();
}

progress exporting::advance() noexcept {
  if (!status_) return progress::done;
  const auto gone_on = step();
  if (gone_on) return gone_on.value();
  refuse(gone_on.error());
  return progress::done;
}

void exporting::refuse(const error& why) noexcept {
  file_.reset();
  status_ = why;
}

result<file_map> exporting::outcome() noexcept {
  if (!status_) return status_.error();
  return std::move(files_);
}

result<progress> exporting::step() noexcept try {
  if (listing_) {
    if (const progress p = listing_->advance(); p != progress::done) return p;
    BOOST_OUTCOME_TRY(paths_, listing_->outcome());
    listing_.reset();
  }
  while (done_ < paths_.size()) {
    const std::string& path = paths_[done_];
    if (!file_) file_.emplace(volume_, path);
    if (const progress p = file_->advance(); p != progress::done) return p;
    BOOST_OUTCOME_TRY(auto content, file_->outcome());
    file_.reset();
    ++done_;
    const std::uint64_t size = content ? content->size() : 0;
    if (content) files_.emplace_hint(files_.end(), path, std::move(*content));
    if (pace_.has_done(size)) return progress::yields;
  }
  return progress::done;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

}  // namespace coramfs::detail
