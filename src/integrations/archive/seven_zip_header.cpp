// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/seven_zip_header.hpp"

#include "integrations/archive/archive_handle.hpp"
#include "integrations/archive/bytes_of.hpp"
#include "integrations/archive/crc32.hpp"
#include "integrations/archive/xz_watch.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::detail {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view signature = "7z\xBC\xAF\x27\x1C"sv;
constexpr std::size_t start_header = 32;
// Where libarchive looks for the signature behind a program.
constexpr std::uint64_t first_behind_program = 0x27000, last_behind_program = 0x60000;
// For each file and stream that a header names: what libarchive keeps of it. Of a folder it keeps
// more.
constexpr std::uint64_t kept_for_each = 128, items_of_folder = 3;
// A header is read, and kept, and its names are kept twice.
constexpr std::uint64_t copies_of_header = 4;

constexpr unsigned most_coders = 32, most_streams = 64;

enum property : unsigned {
  end = 0,
  header = 1,
  archive_properties = 2,
  additional_streams = 3,
  main_streams = 4,
  files = 5,
  pack_info = 6,
  unpack_info = 7,
  substreams_info = 8,
  sizes = 9,
  checksums = 10,
  folders = 11,
  unpack_sizes = 12,
  stream_counts = 13,
  names = 17,
  encoded_header = 23,
};

// A coder as the header has it. The bytes are in the header.
struct coder {
  std::span<const std::byte> id, properties;
};

// What is of interest in the description of streams.
struct streams {
  std::uint64_t pack_offset = 0;
  std::vector<std::uint64_t> pack_sizes;
  std::vector<coder> first;  // coders of the first folder
  std::uint64_t first_size = 0;
  std::uint64_t memory = 0;        // what the coders want at most
  std::uint64_t items = 0;         // streams, and folders as several of them
  std::vector<bool> has_checksum;  // of each folder
};

// Reads a header. Each number of things is checked against what is left of it, since each of them
// takes a byte at least.
class header_parser {
 public:
  explicit header_parser(std::span<const std::byte> all) noexcept : left_(all) {}

  std::size_t left() const noexcept { return left_.size(); }

  result<std::span<const std::byte>> take(std::uint64_t count) {
    if (count > left_.size()) return errc::corrupt_archive;
    const auto taken = left_.first(static_cast<std::size_t>(count));
    left_ = left_.subspan(taken.size());
    return taken;
  }
  result<unsigned> byte() {
    BOOST_OUTCOME_TRY(const auto b, take(1));
    return byte_at(b, 0);
  }
  // The first byte says by its leading ones how many follow, and has the highest bits.
  result<std::uint64_t> number() {
    BOOST_OUTCOME_TRY(const unsigned first, byte());
    unsigned more = 0;
    while (more < 8 && (first & (0x80u >> more)) != 0) ++more;
    BOOST_OUTCOME_TRY(const auto rest, take(more));
    const std::uint64_t high = more < 8 ? first & (0x7Fu >> more) : 0;
    return number_at(rest, 0, more) | (more < 8 ? high << (8 * more) : 0);
  }
  // How many things there are.
  result<std::uint64_t> count() {
    BOOST_OUTCOME_TRY(const std::uint64_t n, number());
    if (n > left_.size()) return errc::corrupt_archive;
    return n;
  }

  result<streams> streams_info() {
    streams s;
    BOOST_OUTCOME_TRY(std::uint64_t type, number());
    if (type == pack_info) {
      BOOST_OUTCOME_TRYV(packs(s));
      BOOST_OUTCOME_TRY(type, number());
    }
    if (type == unpack_info) {
      BOOST_OUTCOME_TRYV(coders(s));
      BOOST_OUTCOME_TRY(type, number());
    }
    if (type == substreams_info) {
      BOOST_OUTCOME_TRYV(substreams(s));
      BOOST_OUTCOME_TRY(type, number());
    }
    if (type != end) return errc::corrupt_archive;
    return s;
  }

  // Passes the properties of files, and returns their names.
  result<std::span<const std::byte>> names_of_files() {
    std::span<const std::byte> found;
    for (;;) {
      BOOST_OUTCOME_TRY(const std::uint64_t type, number());
      if (type == end) return found;
      BOOST_OUTCOME_TRY(const std::uint64_t size, number());
      BOOST_OUTCOME_TRY(const auto value, take(size));
      if (type != names) continue;
      // They are never elsewhere.
      if (value.empty() || byte_at(value, 0) != 0) return errc::corrupt_archive;
      found = value.subspan(1);
    }
  }

 private:
  result<void> packs(streams& s) {
    BOOST_OUTCOME_TRY(s.pack_offset, number());
    BOOST_OUTCOME_TRY(const std::uint64_t n, count());
    s.items += n;
    BOOST_OUTCOME_TRY(std::uint64_t type, number());
    if (type == sizes) {
      for (std::uint64_t i = 0; i < n; ++i) {
        BOOST_OUTCOME_TRY(const std::uint64_t size, number());
        s.pack_sizes.push_back(size);
      }
      BOOST_OUTCOME_TRY(type, number());
    }
    BOOST_OUTCOME_TRYV(checked(type, n));
    return success();
  }

  // Passes checksums, where they come next, and the end. Returns which things have one.
  result<std::vector<bool>> checked(std::uint64_t type, std::uint64_t n) {
    std::vector<bool> defined(static_cast<std::size_t>(n), false);
    if (type == checksums) {
      BOOST_OUTCOME_TRY(const unsigned are_all, byte());
      std::uint64_t count = n;
      if (are_all != 0) {
        defined.assign(defined.size(), true);
      } else {
        count = 0;
        BOOST_OUTCOME_TRY(const auto bits, take((n + 7) / 8));
        for (std::size_t i = 0; i < defined.size(); ++i) {
          defined[i] = (byte_at(bits, i / 8) >> (7 - i % 8) & 1) != 0;
          count += defined[i] ? 1 : 0;
        }
      }
      BOOST_OUTCOME_TRYV(take(4 * count));
      BOOST_OUTCOME_TRY(type, number());
    }
    if (type != end) return errc::corrupt_archive;
    return defined;
  }

  result<void> coders(streams& s) {
    BOOST_OUTCOME_TRY(const std::uint64_t type, number());
    if (type != folders) return errc::corrupt_archive;
    BOOST_OUTCOME_TRY(const std::uint64_t n, count());
    s.items += items_of_folder * n;
    BOOST_OUTCOME_TRY(const unsigned is_external, byte());
    if (is_external != 0) return error(errc::unsupported_archive);
    struct shape {
      std::uint64_t outs;
      bool has_side_streams;
    };
    std::vector<shape> all;
    for (std::uint64_t i = 0; i < n; ++i) {
      shape f{0, false};
      BOOST_OUTCOME_TRY(folder(s, i == 0, f.outs, f.has_side_streams));
      all.push_back(f);
    }
    BOOST_OUTCOME_TRY(std::uint64_t next, number());
    if (next != unpack_sizes) return errc::corrupt_archive;
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::uint64_t side = 0;
      for (std::uint64_t j = 0; j < all[i].outs; ++j) {
        BOOST_OUTCOME_TRY(const std::uint64_t size, number());
        if (i == 0) s.first_size = size;
        // BCJ2 has these two whole in memory, beside what is as long as the archive has it.
        if (all[i].has_side_streams && j < 2) side += std::min(size, most_side - side);
      }
      s.memory = std::max(s.memory, s.memory + side < s.memory ? side : s.memory + side);
    }
    BOOST_OUTCOME_TRY(next, number());
    BOOST_OUTCOME_TRY(s.has_checksum, checked(next, n));
    return success();
  }

  result<void> folder(streams& s, bool is_first, std::uint64_t& outs, bool& has_side_streams) {
    BOOST_OUTCOME_TRY(const std::uint64_t n, number());
    if (n == 0 || n > most_coders) return errc::corrupt_archive;
    std::uint64_t ins = 0, memory = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      BOOST_OUTCOME_TRY(const unsigned flags, byte());
      coder c;
      BOOST_OUTCOME_TRY(c.id, take(flags & 0x0F));
      std::uint64_t in = 1, out = 1;
      if ((flags & 0x10) != 0) {
        BOOST_OUTCOME_TRY(in, number());
        BOOST_OUTCOME_TRY(out, number());
        if (in > most_streams || out > most_streams) return errc::corrupt_archive;
      }
      if ((flags & 0x20) != 0) {
        BOOST_OUTCOME_TRY(const std::uint64_t size, number());
        BOOST_OUTCOME_TRY(c.properties, take(size));
      }
      ins += in;
      outs += out;
      if (is_first) s.first.push_back(c);
      const auto wanted = seven_zip_coder_memory(c.id, c.properties);
      if (!wanted) return error(errc::unsupported_archive);
      memory += *wanted;
      has_side_streams = has_side_streams || text_of(c.id) == "\x03\x03\x01\x1B"sv;
    }
    if (outs == 0 || ins + 1 < outs) return errc::corrupt_archive;
    for (std::uint64_t i = 0; i + 1 < outs; ++i) {
      BOOST_OUTCOME_TRYV(number());
      BOOST_OUTCOME_TRYV(number());
    }
    const std::uint64_t packed = ins + 1 - outs;
    for (std::uint64_t i = 0; packed > 1 && i < packed; ++i) {
      BOOST_OUTCOME_TRYV(number());
    }
    s.memory = std::max(s.memory, memory);
    return success();
  }

  // Of the streams of a folder all but the first have a size here.
  result<void> substreams(streams& s) {
    std::vector<std::uint64_t> counts(s.has_checksum.size(), 1);
    BOOST_OUTCOME_TRY(std::uint64_t type, number());
    if (type == stream_counts) {
      for (std::uint64_t& n : counts) {
        BOOST_OUTCOME_TRY(n, count());
      }
      BOOST_OUTCOME_TRY(type, number());
    }
    std::uint64_t unchecked = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      for (std::uint64_t j = 1; j < counts[i]; ++j) {
        if (type != sizes) return errc::corrupt_archive;
        BOOST_OUTCOME_TRYV(number());
      }
      s.items += counts[i];
      if (counts[i] != 1 || !s.has_checksum[i]) unchecked += counts[i];
    }
    if (type == sizes) {
      BOOST_OUTCOME_TRY(type, number());
    }
    if (type != checksums) unchecked = 0;
    BOOST_OUTCOME_TRYV(checked(type, unchecked));
    return success();
  }

  static constexpr std::uint64_t most_side = std::numeric_limits<std::uint64_t>::max() / 4;

  std::span<const std::byte> left_;
};

void put(std::vector<std::byte>& to, std::uint64_t n, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to.push_back(static_cast<std::byte>(n >> (8 * i)));
}
void put(std::vector<std::byte>& to, std::string_view text) {
  for (const char c : text) to.push_back(static_cast<std::byte>(c));
}

// The beginning of a stream that libarchive decodes, for what the coder has written.
result<std::pair<int, std::vector<std::byte>>> stream_head(const coder& c, std::uint64_t size) {
  std::vector<std::byte> head;
  if (text_of(c.id) == "\0"sv) return std::pair(ARCHIVE_FILTER_NONE, head);
  if (text_of(c.id) == "\x03\x01\x01"sv && c.properties.size() == 5) {
    put(head, text_of(c.properties));
    put(head, size, 8);
    return std::pair(ARCHIVE_FILTER_LZMA, head);
  }
  if (text_of(c.id) != "\x21"sv || c.properties.size() != 1)
    return error(errc::unsupported_archive);
  put(head,
      "\xFD"
      "7zXZ\0\0\0"sv);
  put(head, crc32(0, std::span(head).subspan(6, 2)), 4);
  std::vector<std::byte> block;
  // Twelve bytes, one filter, and its one property.
  put(block, "\x02\0\x21\x01"sv);
  block.push_back(c.properties[0]);
  put(block, "\0\0\0"sv);
  put(block, crc32(0, block), 4);
  head.insert(head.end(), block.begin(), block.end());
  return std::pair(ARCHIVE_FILTER_XZ, head);
}

// A head, and behind it a part of the archive.
class joined_feed final : public archive_feed {
 public:
  joined_feed(std::span<const std::byte> head, archive_input& in, std::uint64_t at,
              std::uint64_t size) noexcept
      : head_(head), in_(in), at_(at), left_(size) {}

 private:
  result<std::span<const std::byte>> next_piece() override {
    if (!head_.empty()) return std::exchange(head_, {});
    if (left_ == 0) return std::span<const std::byte>();
    BOOST_OUTCOME_TRY(auto piece, in_.at(at_));
    piece = piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), left_)));
    at_ += piece.size();
    left_ -= piece.size();
    return piece;
  }

  std::span<const std::byte> head_;
  archive_input& in_;
  std::uint64_t at_, left_;
};

result<std::vector<std::byte>> decoded(archive_input& in, std::uint64_t at, std::uint64_t pack_size,
                                       const coder& c, std::uint64_t size) {
  BOOST_OUTCOME_TRY(const auto head, stream_head(c, size));
  std::vector<std::byte> all;
  if (head.first == ARCHIVE_FILTER_NONE) {
    if (size != pack_size) return errc::corrupt_archive;
    all.resize(static_cast<std::size_t>(size));
    BOOST_OUTCOME_TRY(const std::size_t count, in.copy(at, all));
    if (count < all.size()) return errc::corrupt_archive;
    return all;
  }
  joined_feed feed(head.second, in, at, pack_size);
  const archive_handle handle = new_reader();
  ::archive_read_support_format_raw(handle.get());
  ::archive_entry* entry;
  if (::archive_read_append_filter(handle.get(), head.first) != ARCHIVE_OK ||
      feed.open(handle.get()) != ARCHIVE_OK ||
      ::archive_read_next_header(handle.get(), &entry) != ARCHIVE_OK)
    return failure_of(handle.get(), &feed);
  while (all.size() < size) {
    const void* data = nullptr;
    std::size_t count = 0;
    la_int64_t offset = 0;
    const int got = ::archive_read_data_block(handle.get(), &data, &count, &offset);
    if (got == ARCHIVE_EOF) return errc::corrupt_archive;
    if (got != ARCHIVE_OK) return failure_of(handle.get(), &feed);
    const auto* const from = static_cast<const std::byte*>(data);
    count = static_cast<std::size_t>(std::min<std::uint64_t>(count, size - all.size()));
    all.insert(all.end(), from, from + count);
  }
  return all;
}

}  // namespace

std::optional<std::uint64_t> lzma_dictionary(std::span<const std::byte> properties) noexcept {
  // Its first byte has three numbers: of 9, 5 and 5 values.
  if (properties.size() < 5 || byte_at(properties, 0) >= 9 * 5 * 5) return std::nullopt;
  return long_at(properties, 1);
}

std::optional<std::uint64_t> seven_zip_coder_memory(
    std::span<const std::byte> id, std::span<const std::byte> properties) noexcept {
  const std::string_view name = text_of(id);
  if (name == "\x03\x01\x01"sv) return lzma_dictionary(properties);
  if (name == "\x21"sv) {
    if (properties.size() != 1) return std::nullopt;
    return lzma2_dictionary(byte_at(properties, 0));
  }
  if (name == "\x03\x04\x01"sv) {  // PPMd: an order, and the memory of its model
    if (properties.size() != 5) return std::nullopt;
    return long_at(properties, 1);
  }
  if (name == "\x04\x02\x02"sv) return std::uint64_t{4'500'000};  // bzip2, as in `watch_over`
  // Copies, deflate, filters of machine code and of differences; and those of encryption, which
  // take nothing: libarchive refuses them when the member is reached.
  static constexpr std::string_view small[] = {
      "\0"sv,
      "\x04\x01\x08"sv,
      "\x03"sv,
      "\x04"sv,
      "\x05"sv,
      "\x06"sv,
      "\x07"sv,
      "\x08"sv,
      "\x09"sv,
      "\x0A"sv,
      "\x03\x03\x01\x03"sv,
      "\x03\x03\x01\x1B"sv,
      "\x03\x03\x02\x05"sv,
      "\x03\x03\x04\x01"sv,
      "\x03\x03\x05\x01"sv,
      "\x03\x03\x07\x01"sv,
      "\x03\x03\x08\x05"sv,
      "\x06\xF1\x07\x01"sv,
      "\x06\xF1\x01\x01"sv,
      "\x06\xF1\x03\x03"sv,
  };
  for (const std::string_view s : small)
    if (s == name) return 0;
  return std::nullopt;
}

result<std::optional<std::uint64_t>> find_seven_zip(archive_input& in) {
  std::array<std::byte, 4> magic;
  BOOST_OUTCOME_TRY(const std::size_t had, in.copy(0, magic));
  const auto head = std::span<const std::byte>(magic).first(had);
  if (!begins_with(head, "MZ"sv) && !begins_with(head,
                                                 "\x7F"
                                                 "ELF"sv))
    return std::nullopt;
  std::vector<std::byte> part(static_cast<std::size_t>(last_behind_program - first_behind_program) +
                              start_header);
  BOOST_OUTCOME_TRY(const std::size_t count, in.copy(first_behind_program, part));
  const auto all = std::span<const std::byte>(part).first(count);
  const std::string_view text = text_of(all);
  for (std::size_t i = text.find(signature); i != text.npos; i = text.find(signature, i + 1)) {
    const auto start = all.subspan(i);
    if (start.size() >= start_header && long_at(start, 8) == crc32(0, start.subspan(12, 20)))
      return first_behind_program + i;
  }
  return std::nullopt;
}

result<seven_zip_names> require_seven_zip(archive_input& in, std::uint64_t begin,
                                          decoder_budget& budget) {
  std::array<std::byte, start_header> start;
  BOOST_OUTCOME_TRY(const std::size_t count, in.copy(begin, start));
  if (count < start.size()) return errc::corrupt_archive;
  const std::uint64_t base = begin + start_header, room = in.size() - base;
  const std::uint64_t at = number_at(start, 12, 8), size = number_at(start, 20, 8);
  if (at > room || size > room - at) return errc::corrupt_archive;
  if (size == 0) return seven_zip_names();
  BOOST_OUTCOME_TRY(budget.require(copies_of_header * size));
  std::vector<std::byte> text(static_cast<std::size_t>(size));
  BOOST_OUTCOME_TRY(const std::size_t had, in.copy(base + at, text));
  if (had < text.size()) return errc::corrupt_archive;
  std::uint64_t wanted = copies_of_header * size;
  if (byte_at(text, 0) == encoded_header) {
    BOOST_OUTCOME_TRY(const streams s,
                      header_parser(std::span<const std::byte>(text).subspan(1)).streams_info());
    if (s.first.size() != 1 || s.pack_sizes.empty()) return error(errc::unsupported_archive);
    const std::uint64_t pack = s.pack_sizes.front();
    if (s.pack_offset > room || pack > room - s.pack_offset) return errc::corrupt_archive;
    if (s.first_size > std::numeric_limits<std::uint32_t>::max())
      return error(errc::unsupported_archive);
    wanted = s.memory + copies_of_header * s.first_size;
    BOOST_OUTCOME_TRY(budget.require(wanted));
    BOOST_OUTCOME_TRY(text, decoded(in, base + s.pack_offset, pack, s.first.front(), s.first_size));
  }
  if (text.empty() || byte_at(text, 0) != header) return errc::corrupt_archive;
  header_parser parser(std::span<const std::byte>(text).subspan(1));
  BOOST_OUTCOME_TRY(std::uint64_t type, parser.number());
  // Properties of the whole archive, and streams beside the main ones, which nobody writes.
  if (type == archive_properties || type == additional_streams)
    return error(errc::unsupported_archive);
  std::uint64_t memory = 0, items = 0;
  std::span<const std::byte> found;
  if (type == main_streams) {
    BOOST_OUTCOME_TRY(const streams s, parser.streams_info());
    memory = s.memory;
    items = s.items;
    BOOST_OUTCOME_TRY(type, parser.number());
  }
  if (type == files) {
    BOOST_OUTCOME_TRY(const std::uint64_t named, parser.number());
    // libarchive makes room for so many at once. Each has a name, of a letter at least.
    if (named > parser.left() / 4) return errc::corrupt_archive;
    items += named;
    BOOST_OUTCOME_TRY(found, parser.names_of_files());
  } else if (type != end) {
    return errc::corrupt_archive;
  }
  BOOST_OUTCOME_TRY(budget.require(
      std::max(wanted, memory + copies_of_header * text.size() + kept_for_each * items)));
  return seven_zip_names(std::vector<std::byte>(found.begin(), found.end()));
}

}  // namespace coramfs::detail
