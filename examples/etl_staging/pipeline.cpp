// SPDX-License-Identifier: BSL-1.0
#include "pipeline.hpp"

#include "gather.hpp"

#include <deque>
#include <utility>

namespace etl_staging {

namespace {

constexpr char staging_directory[] = "/staging";
constexpr char records_directory[] = "/staging/records";
constexpr char repeated_directory[] = "/staging/repeated";
constexpr char published_root[] = "/published";

}  // namespace

pipeline::pipeline(coramfs::file_system files, std::vector<std::filesystem::path> lists,
                   const settings& s)
    : settings_(s),
      files_(std::move(files)),
      blocking_files_(files_.get_volume()),
      lists_(std::move(lists)) {}

coramfs::result<void> pipeline::run() {
  const auto done = run_stages();
  if (!done && reason_.empty()) reason_ = done.error().message();
  return done;
}

// A directory takes the place of an empty one in one step: whoever looks sees nothing or all.
// Were a file below it still open, the rename would fail with `busy`.
coramfs::result<void> pipeline::run_stages() {
  for (const char* directory : {records_directory, repeated_directory, published_root}) {
    BOOST_OUTCOME_TRYV(blocking_files_.create_directories(directory));
  }
  BOOST_OUTCOME_TRY(stage());
  BOOST_OUTCOME_TRY(load());
  BOOST_OUTCOME_TRY(verify());
  if (!verified_) return boost::outcome_v2::success();
  return blocking_files_.rename(staging_directory, published_root, coramfs::if_exists::replace);
}

coramfs::result<void> pipeline::stage() {
  staging stage(files_, records_directory, lists_, settings_);
  std::vector<staging_tally> tallies(settings_.writers);
  std::vector<asio::awaitable<coramfs::result<void>>> writers;
  for (staging_tally& tally : tallies) writers.push_back(stage.write(tally));
  const auto done = gather(files_.get_executor(), std::move(writers), reason_);
  for (const staging_tally& tally : tallies) staged_.add(tally);
  return done;
}

// Two readers share each partition, and wait for each other no more than readers of different
// ones do.
coramfs::result<void> pipeline::load() {
  BOOST_OUTCOME_TRY(const auto partitions,
                    blocking_files_.glob(std::string(records_directory) + "/*"));
  std::deque<findings> found;
  std::vector<asio::awaitable<coramfs::result<void>>> readers;
  for (const std::string& partition : partitions) {
    const std::string to = repeated_directory + partition.substr(partition.rfind('/'));
    readers.push_back(check_blocks(files_, partition, found.emplace_back()));
    readers.push_back(find_repeated(files_, partition, to, found.emplace_back()));
  }
  const auto done = gather(files_.get_executor(), std::move(readers), reason_);
  for (findings& one : found) loaded_.add(std::move(one));
  return done;
}

coramfs::result<void> pipeline::verify() {
  BOOST_OUTCOME_TRY(const totals expected, count_directly(lists_));
  verified_ = loaded_.counted == expected;
  return boost::outcome_v2::success();
}

coramfs::result<std::vector<published_directory>> pipeline::published() {
  std::vector<published_directory> all;
  BOOST_OUTCOME_TRY(const auto entries, blocking_files_.walk(published_root));
  for (const coramfs::walk_entry& entry : entries) {
    published_directory d{entry.path, entry.files.size(), 0};
    for (const std::string& name : entry.files) {
      BOOST_OUTCOME_TRY(const auto size, blocking_files_.file_size(entry.path + '/' + name));
      d.bytes += size;
    }
    all.push_back(std::move(d));
  }
  return all;
}

coramfs::result<void> pipeline::remove_all() {
  for (const char* directory : {staging_directory, published_root}) {
    const auto removed = blocking_files_.remove_tree(directory);
    if (!removed && removed.error() != coramfs::errc::not_found) return removed.error();
  }
  return boost::outcome_v2::success();
}

}  // namespace etl_staging
