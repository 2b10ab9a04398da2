// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/archive_job.hpp"

#include "integrations/archive/adapter_stream.hpp"
#include "integrations/archive/arriving_input.hpp"
#include "integrations/archive/libarchive_stream.hpp"

#include <filesystem>
#include <utility>
#include <variant>

namespace coramfs::detail {

result<void> opened_archive::open() {
  BOOST_OUTCOME_TRY(budget_.begin());
  BOOST_OUTCOME_TRY(auto in, open_input(source_));
  if (in->size() == 0 && options_.adapters.empty()) return error(errc::unsupported_archive);
  BOOST_OUTCOME_TRY(stream_, adapter_stream::open(options_.adapters, source_, name_, *in));
  if (!stream_) {
    BOOST_OUTCOME_TRY(stream_, libarchive_stream::open(std::move(in), options_.formats, budget_));
  }
  return success();
}

result<void> opened_archive::open_arriving(arriving_bytes& from) {
  BOOST_OUTCOME_TRY(budget_.begin());
  BOOST_OUTCOME_TRY(budget_.remember(arriving_input::memory));
  BOOST_OUTCOME_TRY(stream_, libarchive_stream::open(std::make_unique<arriving_input>(from),
                                                     archive_formats::common, budget_));
  return success();
}

result<void> require_valid(const expand_options& o) noexcept {
  const bool is_known = (o.conflict == on_conflict::fail || o.conflict == on_conflict::skip ||
                         o.conflict == on_conflict::overwrite) &&
                        (o.unsafe == unsafe_entries::refuse || o.unsafe == unsafe_entries::skip ||
                         o.unsafe == unsafe_entries::strip) &&
                        (o.formats == archive_formats::common || o.formats == archive_formats::all);
  if (!is_known) return errc::invalid_argument;
  return success();
}

bool is_on_host(const archive_source& source) noexcept {
  return std::holds_alternative<std::filesystem::path>(source.where());
}

std::string name_of(const archive_source& source) {
  if (const auto* on = std::get_if<std::filesystem::path>(&source.where())) return on->native();
  if (const auto* in = std::get_if<archive_source::volume_file>(&source.where())) return in->path;
  return {};
}

archive_pool_ptr pool_of(const expand_options& options, const archive_source& source) {
  if (options.pool != nullptr) return pool_access::state(*options.pool);
  return is_on_host(source) ? archive_pool() : nullptr;
}

archive_pool_ptr archive_pool() {
  static const blocking_pool pool(2);
  return pool_access::state(pool);
}

}  // namespace coramfs::detail
