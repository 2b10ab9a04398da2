// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/archive_writer.hpp"
#include "integrations/archive/bytes_of.hpp"
#include "integrations/archive/compressor.hpp"
#include "integrations/archive/crc32.hpp"
#include "integrations/archive/xz_watch.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace coramfs::detail {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t start_size = 32, xz_stream_header = 12, xz_stream_footer = 12,
                      xz_slice = 4096;
constexpr std::size_t most_kept = 64 * 1024;
constexpr std::int64_t windows_epoch = 11'644'473'600;  // seconds before 1970

/// The header of a 7z as it is put together.
class header_text {
 public:
  void byte(unsigned b) { text_.push_back(static_cast<std::byte>(b)); }
  void fixed(std::uint64_t n, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) byte(static_cast<unsigned>(n >> (8 * i) & 0xFF));
  }
  // As few bytes as it takes: the leading ones of the first say how many follow.
  void number(std::uint64_t n) {
    unsigned more = 0;
    while (more < 8 && n >> (7 * (more + 1)) != 0) ++more;
    const unsigned ones = more < 8 ? 0xFFu << (8 - more) & 0xFF : 0xFF;
    byte(more < 8 ? ones | static_cast<unsigned>(n >> (8 * more)) : ones);
    fixed(n, more);
  }
  void bits(const std::vector<bool>& all) {
    for (std::size_t i = 0; i < all.size(); i += 8) {
      unsigned b = 0;
      for (std::size_t j = 0; j < 8; ++j) b = b << 1 | (i + j < all.size() && all[i + j] ? 1u : 0u);
      byte(b);
    }
  }
  void add(const header_text& other) {
    text_.insert(text_.end(), other.text_.begin(), other.text_.end());
  }
  // A property of the files, with its size before it.
  void property(unsigned id, const header_text& value) {
    byte(id);
    number(value.text_.size());
    add(value);
  }
  const std::vector<std::byte>& text() const noexcept { return text_; }

 private:
  std::vector<std::byte> text_;
};

// Writes a name in UTF-16, with its end. Returns false where it is no UTF-8.
bool put_name(header_text& to, std::string_view name) {
  for (std::size_t i = 0; i < name.size();) {
    const auto at = [&](std::size_t j) { return static_cast<unsigned char>(name[j]); };
    const unsigned lead = at(i);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
    if (size == 0 || i + size > name.size()) return false;
    std::uint32_t c = size == 1 ? lead : lead & (0x7Fu >> size);
    for (std::size_t j = 1; j < size; ++j) {
      if ((at(i + j) & 0xC0) != 0x80) return false;
      c = c << 6 | (at(i + j) & 0x3Fu);
    }
    const bool is_too_long = (size == 3 && c < 0x800) || (size == 4 && c < 0x10000);
    if (is_too_long || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return false;
    if (c >= 0x10000) {
      to.fixed(0xD800 + ((c - 0x10000) >> 10), 2);
      to.fixed(0xDC00 + ((c - 0x10000) & 0x3FF), 2);
    } else {
      to.fixed(c, 2);
    }
    i += size;
  }
  to.fixed(0, 2);
  return true;
}

/// A 7z with one solid block of LZMA2. What compresses is xz: of its stream only the block is
/// taken, whose place its header and its index tell.
class seven_zip_writer final : public archive_writer {
 public:
  explicit seven_zip_writer(bool reproducible) : reproducible_(reproducible) {
    made_.resize(start_size);
  }

  result<void> open(int level) {
    ::archive* const a = to_.get();
    BOOST_OUTCOME_TRY(to_.outcome(::archive_write_set_format_raw(a)));
    if (::archive_write_add_filter_xz(a) != ARCHIVE_OK) return error(errc::unsupported_archive);
    if (level >= 0) {
      BOOST_OUTCOME_TRY(to_.outcome(::archive_write_set_filter_option(
          a, "xz", "compression-level", std::to_string(level).c_str())));
    }
    BOOST_OUTCOME_TRY(to_.open());
    const entry_handle entry = new_entry(a);
    ::archive_entry_set_filetype(entry.get(), AE_IFREG);
    return to_.outcome(::archive_write_header(a, entry.get()));
  }

  result<void> begin(const written_entry& e) override {
    end_file();
    if (!put_name(names_, e.name)) return errc::invalid_encoding;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
                             reproducible_ ? std::chrono::system_clock::duration(0)
                                           : e.modified_at.time_since_epoch())
                             .count();
    times_.fixed(static_cast<std::uint64_t>(seconds + windows_epoch) * 10'000'000, 8);
    // What Windows calls a directory, and an archived file; and the mode that others have behind
    // it.
    attributes_.fixed(e.is_directory ? 0x41ED8010 : 0x81A48020, 4);
    is_empty_.push_back(e.is_directory || e.size == 0);
    if (is_empty_.back()) is_empty_file_.push_back(!e.is_directory);
    has_file_ = !is_empty_.back();
    if (has_file_) sizes_.push_back(e.size);
    sum_ = 0;
    return success();
  }

  result<void> write(std::span<const std::byte> content) override {
    sum_ = crc32(sum_, content);
    total_ += content.size();
    BOOST_OUTCOME_TRY(to_.write(content));
    pass();
    return success();
  }

  result<void> finish() override {
    end_file();
    header_text header;
    // Of nothing there is no header.
    if (!is_empty_.empty()) header.byte(1);
    if (total_ > 0) {
      BOOST_OUTCOME_TRY(to_.finish());
      pass();
      BOOST_OUTCOME_TRY(const std::uint64_t packed, end_of_block());
      put_streams(header, packed);
    }
    put_files(header);
    if (!is_empty_.empty()) header.byte(0);
    header_text start;
    const std::uint64_t at = given_;
    const std::uint32_t sum = crc32(0, header.text());
    header_text numbers;
    numbers.fixed(at, 8);
    numbers.fixed(header.text().size(), 8);
    numbers.fixed(sum, 4);
    for (const char c : "7z\xBC\xAF\x27\x1C\0\4"sv) start.byte(static_cast<unsigned char>(c));
    start.fixed(crc32(0, numbers.text()), 4);
    start.add(numbers);
    start_ = start.text();
    made_.insert(made_.end(), header.text().begin(), header.text().end());
    return success();
  }

  std::span<const std::byte> start() const noexcept override { return start_; }
  std::size_t slice() const noexcept override { return xz_slice; }

 private:
  void end_file() {
    if (has_file_) sums_.fixed(sum_, 4);
    has_file_ = false;
  }

  // Takes over what xz has made but its headers, and its last bytes, in which its end is.
  void pass() {
    auto& more = to_.made();
    kept_.insert(kept_.end(), more.begin(), more.end());
    more.clear();
    if (header_size_ == 0 && kept_.size() > xz_stream_header) {
      const std::size_t block = (byte_at(kept_, xz_stream_header) + 1u) * 4;
      if (kept_.size() < xz_stream_header + block) return;
      properties_ = xz_block_of(std::span<const std::byte>(kept_).subspan(xz_stream_header, block));
      header_size_ = block;
      // Of the block's header the last but its padding and its checksum: the code of LZMA2.
      code_ = byte_at(kept_, xz_stream_header + 4);
      kept_.erase(kept_.begin(),
                  kept_.begin() + static_cast<std::ptrdiff_t>(xz_stream_header + block));
    }
    if (header_size_ == 0 || kept_.size() <= most_kept) return;
    give(kept_.size() - most_kept);
  }
  void give(std::size_t count) {
    const auto end = kept_.begin() + static_cast<std::ptrdiff_t>(count);
    made_.insert(made_.end(), kept_.begin(), end);
    kept_.erase(kept_.begin(), end);
    given_ += count;
  }

  // Gives on the last of the block, whose size the index has, and returns that size.
  result<std::uint64_t> end_of_block() {
    const std::span<const std::byte> all = kept_;
    if (header_size_ == 0 || !properties_ || all.size() < xz_stream_footer)
      return error(errc::unsupported_archive);
    const std::size_t index = (long_at(all, all.size() - 8) + std::size_t{1}) * 4;
    if (index + xz_stream_footer > all.size()) return error(errc::unsupported_archive);
    auto record = all.subspan(all.size() - xz_stream_footer - index).subspan(2);
    std::uint64_t size = 0;
    for (unsigned shift = 0; !record.empty() && shift < 63; shift += 7) {
      const unsigned b = byte_at(record, 0);
      record = record.subspan(1);
      size |= std::uint64_t{b & 0x7Fu} << shift;
      if ((b & 0x80) == 0) break;
    }
    static constexpr std::uint8_t check_sizes[] = {0,  4,  4,  4,  8,  8,  8,  16,
                                                   16, 16, 32, 32, 32, 64, 64, 64};
    const std::size_t check = check_sizes[byte_at(all, all.size() - 3) & 0x0F];
    size -= header_size_ + check;
    if (size < given_ || size - given_ > kept_.size()) return error(errc::unsupported_archive);
    give(static_cast<std::size_t>(size - given_));
    return size;
  }

  void put_streams(header_text& to, std::uint64_t packed) const {
    to.byte(4);
    // The one packed stream: where it is, and its size.
    for (const unsigned b : {6u, 0u, 1u, 9u}) to.byte(b);
    to.number(packed);
    // One folder in this header, with one coder, LZMA2, that has one property.
    for (const unsigned b : {0u, 7u, 11u, 1u, 0u, 1u, 0x21u, 0x21u, 1u}) to.byte(b);
    to.byte(code_);
    to.byte(12);
    to.number(total_);
    // How many files are in it, the sizes of all but the last, and their checksums.
    for (const unsigned b : {0u, 8u, 13u}) to.byte(b);
    to.number(sizes_.size());
    if (sizes_.size() > 1) to.byte(9);
    for (std::size_t i = 0; i + 1 < sizes_.size(); ++i) to.number(sizes_[i]);
    for (const unsigned b : {10u, 1u}) to.byte(b);
    to.add(sums_);
    for (const unsigned b : {0u, 0u}) to.byte(b);
  }

  void put_files(header_text& to) const {
    if (is_empty_.empty()) return;
    to.byte(5);
    to.number(is_empty_.size());
    if (!is_empty_file_.empty()) {
      header_text which;
      which.bits(is_empty_);
      to.property(14, which);
      header_text files;
      files.bits(is_empty_file_);
      to.property(15, files);
    }
    // Before each: it stands here, and for times and attributes, all have one.
    const auto put = [&](unsigned id, const header_text& values, bool has_bits) {
      header_text all;
      if (has_bits) all.byte(1);
      all.byte(0);
      all.add(values);
      to.property(id, all);
    };
    put(17, names_, false);
    put(20, times_, true);
    put(21, attributes_, true);
    to.byte(0);
  }

  const bool reproducible_;
  compressor to_;
  std::vector<std::byte> kept_;  // of xz, and not given on yet
  std::size_t header_size_ = 0;  // of its block; 0: it has not come yet
  std::optional<xz_block> properties_;
  unsigned code_ = 0;
  std::uint64_t given_ = 0, total_ = 0;
  header_text names_, times_, attributes_, sums_;
  std::vector<bool> is_empty_, is_empty_file_;
  std::vector<std::uint64_t> sizes_;
  std::uint32_t sum_ = 0;
  bool has_file_ = false;
  std::vector<std::byte> start_;
};

}  // namespace

result<std::unique_ptr<archive_writer>> make_seven_zip_writer(const archive_options& options) {
  auto writer = std::make_unique<seven_zip_writer>(options.reproducible);
  BOOST_OUTCOME_TRY(writer->open(options.level));
  return std::unique_ptr<archive_writer>(std::move(writer));
}

}  // namespace coramfs::detail
