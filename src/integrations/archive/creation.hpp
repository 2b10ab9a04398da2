// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>
#include <coramfs/asio.hpp>
#include <coramfs/detail/host_error.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "integrations/archive/archive_writer.hpp"
#include "integrations/archive/entry_name.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// What is to be put into an archive, found at the start.
struct creation_item {
  std::string path;  ///< absolute
  std::string name;  ///< in the archive
  bool is_directory;
};

/// The writing of an archive, on either side, in slices. All of it may throw `std::bad_alloc`.
template <class Side>
class creation {
  template <class T>
  using task = typename Side::template task<T>;
  using file_type = typename Side::file_type;

 public:
  /// Paths are in their normal form.
  creation(Side& side, std::string prefix, std::string to)
      : side_(side), prefix_(std::move(prefix)), archive_(std::move(to)) {}

  /// Returns how many files the archive has.
  task<std::uint64_t> run(archive_writer& writer) {
    auto there = co_await Side::of(side_.volume().stat(archive_));
    if (there) co_return there.value().is_directory ? errc::is_a_directory : errc::already_exists;
    if (there.error() != errc::not_found) co_return there.error();
    BOOST_OUTCOME_CO_TRY(co_await find_items());
    BOOST_OUTCOME_CO_TRY(to_, co_await Side::of(side_.volume().open_unnamed()));
    std::uint64_t files = 0;
    for (const creation_item& item : items_) {
      BOOST_OUTCOME_CO_TRY(const bool is_taken, co_await add(writer, item));
      files += is_taken && !item.is_directory ? 1 : 0;
    }
    BOOST_OUTCOME_CO_TRY(writer.finish());
    BOOST_OUTCOME_CO_TRY(co_await pass_on(writer));
    const auto start = writer.start();
    if (!start.empty()) {
      const asio::const_buffer content(start.data(), start.size());
      BOOST_OUTCOME_CO_TRYV(co_await Side::of(to_.write_at(0, content)));
    }
    naming_options naming;
    naming.as_unchanged = true;
    BOOST_OUTCOME_CO_TRY(co_await Side::of(side_.volume().give_name(to_, archive_, naming)));
    co_return files;
  }

 private:
  // Directories, too, since a walk takes names only: each item is looked at when its turn has come.
  task<void> find_items() {
    auto walk = co_await Side::of(side_.volume().walk(prefix_));
    if (!walk && walk.error() != errc::not_a_directory) co_return walk.error();
    if (!walk) {
      co_return note({prefix_, prefix_.substr(prefix_.rfind('/') + 1), false});
    }
    const std::size_t cut = prefix_.size() + (prefix_.back() == '/' ? 0 : 1);
    std::size_t found = 0;
    for (const walk_entry& e : walk.value()) {
      const std::string in = e.path.back() == '/' ? e.path : e.path + '/';
      for (const std::string& name : e.directories) {
        BOOST_OUTCOME_CO_TRY(note({in + name, (in + name).substr(cut), true}));
      }
      for (const std::string& name : e.files) {
        BOOST_OUTCOME_CO_TRY(note({in + name, (in + name).substr(cut), false}));
      }
      found += e.directories.size() + e.files.size() + 1;
      if (found < found_in_turn) continue;
      found = 0;
      BOOST_OUTCOME_CO_TRY(co_await side_.turn());
    }
    std::sort(items_.begin(), items_.end(),
              [](const creation_item& a, const creation_item& b) { return a.path < b.path; });
    co_return success();
  }

  // What would be expanded by another name, or not at all, is not put into an archive.
  result<void> note(creation_item item) {
    const auto taken = safe_name_of(item.name, unsafe_entries::refuse);
    if (!taken || taken.value()->path != item.name)
      return about_host_call(item.path, errc::unsafe_archive_entry, host_call::create_archive);
    items_.push_back(std::move(item));
    return success();
  }

  // Returns whether it was still there.
  task<bool> add(archive_writer& writer, const creation_item& item) {
    auto status = co_await Side::of(side_.volume().stat(item.path));
    if (is_gone(status)) co_return false;
    if (!status) co_return status.error();
    if (status.value().is_directory != item.is_directory) co_return false;
    written_entry e{item.name, item.is_directory, 0, status.value().modified_at};
    if (item.is_directory) {
      BOOST_OUTCOME_CO_TRY(writer.begin(e));
      BOOST_OUTCOME_CO_TRY(co_await pass_on(writer));
      co_return true;
    }
    auto from = co_await Side::of(side_.volume().open(item.path, open_mode::read));
    if (is_gone(from) || (!from && from.error() == errc::is_a_directory)) co_return false;
    if (!from) co_return from.error();
    BOOST_OUTCOME_CO_TRY(auto content,
                         from.value().pin(0, std::numeric_limits<std::size_t>::max()));
    e.size = content.size();
    BOOST_OUTCOME_CO_TRY(writer.begin(e));
    BOOST_OUTCOME_CO_TRY(co_await pass_on(writer));
    for (const asio::const_buffer b : content) {
      std::span<const std::byte> left(static_cast<const std::byte*>(b.data()), b.size());
      while (!left.empty()) {
        const std::size_t count = std::min(left.size(), writer.slice());
        BOOST_OUTCOME_CO_TRY(writer.write(left.first(count)));
        left = left.subspan(count);
        BOOST_OUTCOME_CO_TRY(co_await pass_on(writer));
      }
    }
    co_return true;
  }

  template <class T>
  static bool is_gone(const result<T>& r) noexcept {
    return !r && (r.error() == errc::not_found || r.error() == errc::not_a_directory);
  }

  // Stores what was made, and gives others a turn.
  task<void> pass_on(archive_writer& writer) {
    const std::vector<std::byte> made = writer.take();
    if (!made.empty()) {
      const asio::const_buffer content(made.data(), made.size());
      BOOST_OUTCOME_CO_TRYV(co_await Side::of(to_.write(content)));
    }
    BOOST_OUTCOME_CO_TRY(co_await side_.turn());
    co_return success();
  }

  static constexpr std::size_t found_in_turn = 2000;

  Side& side_;
  const std::string prefix_, archive_;
  std::vector<creation_item> items_;
  file_type to_;  // without a name until the end
};

}  // namespace coramfs::detail
