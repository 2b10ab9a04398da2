// SPDX-License-Identifier: BSL-1.0
#include <coramfs/archive.hpp>

#include "integrations/archive/expansion.hpp"
#include "integrations/archive/reading.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace coramfs {

namespace detail {

namespace {

/// The entries of an opened archive.
class listing {
 public:
  using value_type = std::vector<archive_entry>;

  listing(std::string path, const expand_options& options)
      : path_(std::move(path)), most_files_(options.max_files) {}

  const std::string& path() const noexcept { return path_; }
  static result<void> prepare() noexcept { return success(); }
  template <class Side>
  typename Side::template task<value_type> run(Side& side, opened_archive& from) {
    value_type all;
    std::uint64_t files = 0, work = 0;
    entry_stream& entries = from.stream();
    for (;;) {
      BOOST_OUTCOME_CO_TRY(auto found, entries.next());
      if (!found) break;
      files += found->entry.kind == entry_kind::file ? 1 : 0;
      if (most_files_ && files > *most_files_)
        co_return error(errc::too_large, files, *most_files_);
      BOOST_OUTCOME_CO_TRY(
          from.budget().remember(found->entry.name.size() + sizeof(archive_entry)));
      const bool is_read = entries.decodes_to_skip() && !found->is_encrypted;
      all.push_back(std::move(found->entry));
      work += work_of_entry;
      for (bool is_left = true; is_left;) {
        if (work >= expanded_in_turn) {
          work = 0;
          BOOST_OUTCOME_CO_TRY(co_await side.turn());
        }
        if (!is_read) break;
        BOOST_OUTCOME_CO_TRY(const auto block, entries.read());
        is_left = block.has_value();
        if (block) work += block->work();
      }
    }
    for (bool is_done = false; !is_done;) {
      BOOST_OUTCOME_CO_TRY(is_done, entries.finish());
      BOOST_OUTCOME_CO_TRY(co_await side.turn());
    }
    co_return all;
  }

 private:
  std::string path_;
  std::optional<std::uint64_t> most_files_;
};

}  // namespace

}  // namespace detail

asio::awaitable<result<std::vector<archive_entry>>> list_archive(const file_system& fs,
                                                                 archive_source source,
                                                                 expand_options options) {
  detail::listing work(detail::name_of(source), options);
  detail::archive_pool_ptr pool = detail::pool_of(options, source);
  return detail::read_for_coroutine(fs, std::move(source), std::move(options), std::move(work),
                                    detail::host_call::list_archive, std::move(pool));
}

result<std::vector<archive_entry>> list_archive(const sync::file_system& fs, archive_source source,
                                                expand_options options) try {
  detail::listing work(detail::name_of(source), options);
  return detail::read_for_thread(fs, std::move(source), options, std::move(work),
                                 detail::host_call::list_archive);
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

}  // namespace coramfs
