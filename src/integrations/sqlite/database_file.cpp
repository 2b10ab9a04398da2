// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/database_file.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

namespace coramfs::sqlite::detail {

namespace {

// What is left of a patience, which ends then. One that was there at all never becomes none.
lock_timeout rest_of(lock_timeout patience, const coramfs::detail::deadline& until) {
  if (patience.is_immediate() || !until) return patience;
  return std::max(*until - std::chrono::steady_clock::now(), lock_timeout::duration(1));
}

}  // namespace

result<void> database_file::open(const file_request& how) {
  using coramfs::detail::fair_lock;
  const auto until = how.patience.deadline(std::chrono::steady_clock::now());
  // Whoever is opening it now has it in a moment, or waits by a patience of its own.
  const auto others = how.patience.is_immediate() ? std::nullopt : until;
  if (!opening_.lock(fair_lock::kind::exclusive, others)) return errc::timed_out;
  const coramfs::detail::lock_hold opening(opening_, fair_lock::kind::exclusive);
  bool is_open = false;
  bool writes = false;
  {
    const std::shared_lock lock(io_);
    is_open = file_.is_open();
    writes = file_.writable();
  }
  if (is_open && how.must_create && !is_gone_) return errc::already_exists;
  if (is_open && how.may_write && !writes) return make_writable(how, until);
  if (is_open) return boost::outcome_v2::success();
  return id_ == 0 ? open_first(how, until) : open_again(how, until);
}

result<void> database_file::open_first(const file_request& how, coramfs::detail::deadline until) {
  BOOST_OUTCOME_TRY(auto fresh, open_handle(how, until));
  if (how.is_database && !path_.empty()) {
    BOOST_OUTCOME_TRY(const file_status status, fs_.stat(path_));
    id_ = status.id;
  }
  const std::lock_guard lock(io_);
  file_ = std::move(fresh);
  has_handle_ = true;
  return boost::outcome_v2::success();
}

// What connections have in their caches is of this very file, whatever else is at its path now.
result<void> database_file::open_again(file_request how, coramfs::detail::deadline until) {
  if (is_lost_) return errc::not_found;
  how.may_create = how.must_create = false;
  auto fresh = open_handle(how, until);
  if (!fresh) {
    if (fresh.error() == errc::not_found) is_lost_ = true;
    return fresh.error();
  }
  BOOST_OUTCOME_TRY(const file_status status, fs_.stat(path_));
  if (status.id != id_) {
    is_lost_ = true;
    return errc::not_found;
  }
  const std::lock_guard lock(io_);
  file_ = std::move(fresh.value());
  has_handle_ = true;
  return boost::outcome_v2::success();
}

// One who has locked something must not wait for those who open the file: they wait for who reads.
// In between another one may let go of the handle again, which is tried no third time.
result<void> database_file::begin_to_read(lock_state::holder& by, const file_request& how) {
  for (const bool is_last : {false, true}) {
    if (!locks.raise(by, lock_level::shared, how.patience)) break;
    if (has_handle_) return boost::outcome_v2::success();
    locks.lower(by, lock_level::none);
    if (is_last) break;
    BOOST_OUTCOME_TRY(open(how));
  }
  return errc::busy;
}

// A mode that takes a file as it is, and makes one where there is none, writes only at its end. So
// whatever is less likely is tried second; in between others may make the file, or remove it.
result<coramfs::sync::file> database_file::open_handle(const file_request& how,
                                                       coramfs::detail::deadline until) {
  if (path_.empty()) return open_scratch(how);
  open_options options;
  options.timeout = rest_of(how.patience, until);
  options.on_full = how.on_full;
  options.label = "sqlite";
  if (how.must_create) return fs_.open(path_, open_mode::create_read, options);
  if (!how.may_write) return open_to_read(how, until);
  if (!how.may_create) return fs_.open(path_, open_mode::update, options);
  for (bool make = how.is_likely_new;; make = !make) {
    auto opened = fs_.open(path_, make ? open_mode::create_read : open_mode::update, options);
    if (opened || opened.error() != (make ? errc::already_exists : errc::not_found)) {
      if (opened && how.is_database && opened.value().size().value() == 0) {
        // As a table it takes pages in any order without a gap that had to be stored. It may be
        // refused that, and is right without.
        static_cast<void>(opened.value().truncate(1));
        static_cast<void>(opened.value().truncate(0));
      }
      return opened;
    }
  }
}

result<coramfs::sync::file> database_file::open_scratch(const file_request& how) {
  open_options options;
  options.timeout = how.patience;
  options.on_full = how.on_full;
  options.label = "sqlite";
  return fs_.open_unnamed(options);
}

// With a log a connection counts as reading from its first transaction until it is closed, so one
// that writes would never find a moment without a reader. There the lock is exclusive from the
// beginning.
result<coramfs::sync::file> database_file::open_to_read(const file_request& how,
                                                        coramfs::detail::deadline until) {
  open_options options;
  options.timeout = rest_of(how.patience, until);
  options.label = "sqlite";
  auto opened = fs_.open(path_, open_mode::read, options);
  if (!opened) return opened;
  BOOST_OUTCOME_TRY(const bool is_logged, has_log(opened.value()));
  if (!is_logged) return opened;
  BOOST_OUTCOME_TRY(opened.value().close());
  options.timeout = rest_of(how.patience, until);
  options.on_full = how.on_full;
  return fs_.open(path_, open_mode::update, options);
}

// By the mode that a database says it has, or by what lies beside it.
result<bool> database_file::has_log(coramfs::sync::file& database) {
  constexpr std::uint64_t offset_of_mode = 19;
  char mode = 0;
  BOOST_OUTCOME_TRY(const std::size_t count,
                    database.read_at(offset_of_mode, asio::buffer(&mode, 1)));
  if (count == 1 && mode == 2) return true;
  const auto size = fs_.file_size(path_ + "-wal");
  return size && size.value() > 0;
}

// The lock of a file is not raised from shared to exclusive either, so it is let go for a moment.
result<void> database_file::make_writable(const file_request& how,
                                          coramfs::detail::deadline until) {
  if (!locks.keep_out(until)) return errc::timed_out;
  close();
  auto done = open_again(how, until);
  if (!done && !is_lost_) {
    file_request wanted = how;
    wanted.may_write = false;
    // If that fails, too, the next one who begins to read tries it.
    static_cast<void>(open_again(wanted, how.patience.deadline(std::chrono::steady_clock::now())));
  }
  locks.let_in();
  return done;
}

bool database_file::is_empty() {
  const std::shared_lock lock(io_);
  const auto size = file_.size();
  return size && size.value() == 0;
}

void database_file::close() noexcept {
  const std::lock_guard lock(io_);
  has_handle_ = false;
  static_cast<void>(file_.close());
}

result<void> database_file::discard() {
  const std::lock_guard lock(io_);
  BOOST_OUTCOME_TRY(file_.truncate(0));
  is_gone_ = true;
  return boost::outcome_v2::success();
}

result<std::size_t> database_file::read_at(std::uint64_t offset, asio::mutable_buffer to) {
  const std::shared_lock lock(io_);
  return file_.read_at(offset, to);
}

result<std::size_t> database_file::write_at(std::uint64_t offset, asio::const_buffer from) {
  const std::lock_guard lock(io_);
  auto written = file_.write_at(offset, from);
  if (!written && written.error() == errc::not_supported) {
    // A chain that takes no gap: the zeros are stored.
    BOOST_OUTCOME_TRY(const std::uint64_t size, file_.size());
    BOOST_OUTCOME_TRY(file_.truncate(offset));
    written = file_.write_at(offset, from);
    if (!written) static_cast<void>(file_.truncate(size));
  }
  if (written) is_gone_ = false;
  return written;
}

result<void> database_file::truncate(std::uint64_t size) {
  const std::lock_guard lock(io_);
  BOOST_OUTCOME_TRY(file_.truncate(size));
  return boost::outcome_v2::success();
}

result<std::uint64_t> database_file::size() {
  const std::shared_lock lock(io_);
  return file_.size();
}

// Not beside others: a pin is no read.
result<pinned> database_file::pin() {
  const std::lock_guard lock(io_);
  return file_.pin(0, std::numeric_limits<std::size_t>::max());
}

}  // namespace coramfs::sqlite::detail
