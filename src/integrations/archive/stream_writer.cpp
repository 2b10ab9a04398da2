// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/archive_writer.hpp"
#include "integrations/archive/compressor.hpp"

#include <optional>
#include <string>
#include <utility>

namespace coramfs::detail {

namespace {

constexpr std::size_t large_slice = 32 * 1024, small_slice = 4 * 1024;
constexpr int file_mode = 0644, directory_mode = 0755, most_level = 9, most_zstd_level = 19;

/// What libarchive writes as a stream: zip, and tar with a filter or none.
class stream_writer final : public archive_writer {
 public:
  stream_writer(archive_format format, bool reproducible)
      : format_(format), reproducible_(reproducible) {}

  result<void> open(int level) {
    ::archive* const a = to_.get();
    const bool is_zip = format_ == archive_format::zip;
    BOOST_OUTCOME_TRY(to_.outcome(is_zip ? ::archive_write_set_format_zip(a)
                                         : ::archive_write_set_format_pax_restricted(a)));
    if (!is_zip) to_.stops_short();
    const std::string text = std::to_string(level);
    if (level >= 0 && is_zip) {
      BOOST_OUTCOME_TRY(to_.outcome(
          ::archive_write_set_format_option(a, "zip", "compression-level", text.c_str())));
    }
    BOOST_OUTCOME_TRY(to_.open());
    if (!is_zip && format_ != archive_format::tar) {
      BOOST_OUTCOME_TRY(open_filter(level, text));
    }
    entry_ = new_entry(a);
    return success();
  }

  // A handle of its own: so it can be closed, and freed, in the middle of an entry.
  result<void> open_filter(int level, const std::string& text) {
    ::archive* const a = filter_.emplace().get();
    BOOST_OUTCOME_TRY(filter_->outcome(::archive_write_set_format_raw(a)));
    const char* name = nullptr;
    int added = ARCHIVE_FATAL;
    if (format_ == archive_format::tar_gz) {
      name = "gzip";
      added = ::archive_write_add_filter_gzip(a);
      if (reproducible_) ::archive_write_set_filter_option(a, name, "timestamp", nullptr);
    } else if (format_ == archive_format::tar_xz) {
      name = "xz";
      added = ::archive_write_add_filter_xz(a);
    } else if (format_ == archive_format::tar_zst) {
      name = "zstd";
      added = ::archive_write_add_filter_zstd(a);
    }
    // With a warning it would be a program that compresses.
    if (added != ARCHIVE_OK) return error(errc::unsupported_archive);
    if (level >= 0) {
      BOOST_OUTCOME_TRY(filter_->outcome(
          ::archive_write_set_filter_option(a, name, "compression-level", text.c_str())));
    }
    BOOST_OUTCOME_TRY(filter_->open());
    const entry_handle entry = new_entry(a);
    ::archive_entry_set_filetype(entry.get(), AE_IFREG);
    return filter_->outcome(::archive_write_header(a, entry.get()));
  }

  result<void> begin(const written_entry& e) override {
    const utf8_scope names;
    ::archive_entry* const entry = ::archive_entry_clear(entry_.get());
    ::archive_entry_set_pathname(entry, (e.is_directory ? e.name + "/" : e.name).c_str());
    ::archive_entry_set_filetype(entry, e.is_directory ? AE_IFDIR : AE_IFREG);
    ::archive_entry_set_perm(entry, e.is_directory ? directory_mode : file_mode);
    ::archive_entry_set_uid(entry, 0);
    ::archive_entry_set_gid(entry, 0);
    ::archive_entry_set_size(entry, static_cast<la_int64_t>(e.size));
    const auto since =
        reproducible_ ? std::chrono::system_clock::duration(0) : e.modified_at.time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
    ::archive_entry_set_mtime(entry, static_cast<time_t>(seconds.count()), 0);
    return made(to_.outcome(::archive_write_header(to_.get(), entry)));
  }
  result<void> write(std::span<const std::byte> content) override {
    return made(to_.write(content));
  }
  result<void> finish() override {
    BOOST_OUTCOME_TRY(made(to_.finish()));
    if (!filter_) return success();
    BOOST_OUTCOME_TRY(filter_->finish());
    take_from(*filter_);
    return success();
  }
  std::size_t slice() const noexcept override {
    return format_ == archive_format::tar_xz ? small_slice : large_slice;
  }

 private:
  result<void> made(result<void> done) {
    if (done && filter_) {
      done = filter_->write(to_.made());
      to_.made().clear();
      take_from(*filter_);
    } else {
      take_from(to_);
    }
    return done;
  }
  void take_from(compressor& c) {
    made_.insert(made_.end(), c.made().begin(), c.made().end());
    c.made().clear();
  }

  const archive_format format_;
  const bool reproducible_;
  compressor to_;
  std::optional<compressor> filter_;
  entry_handle entry_;
};

}  // namespace

result<std::unique_ptr<archive_writer>> make_stream_writer(archive_format format,
                                                           const archive_options& options) {
  auto writer = std::make_unique<stream_writer>(format, options.reproducible);
  BOOST_OUTCOME_TRY(writer->open(options.level));
  return std::unique_ptr<archive_writer>(std::move(writer));
}

result<std::unique_ptr<archive_writer>> archive_writer::make(archive_format format,
                                                             const archive_options& options) {
  const int most = format == archive_format::tar_zst ? most_zstd_level : most_level;
  if (options.level < -1 || options.level > most) return errc::invalid_argument;
  switch (format) {
    case archive_format::zip:
    case archive_format::tar:
    case archive_format::tar_gz:
    case archive_format::tar_xz:
    case archive_format::tar_zst: return make_stream_writer(format, options);
    case archive_format::seven_zip: return make_seven_zip_writer(options);
  }
  return errc::invalid_argument;
}

}  // namespace coramfs::detail
