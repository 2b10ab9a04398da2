// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>
#include <coramfs/result.hpp>

#include "integrations/archive/archive_handle.hpp"
#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/archive_kind.hpp"
#include "integrations/archive/decoder_budget.hpp"
#include "integrations/archive/entry_stream.hpp"
#include "integrations/archive/filtered_feed.hpp"
#include "integrations/archive/seven_zip_names.hpp"
#include "integrations/archive/zip_directory.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// An archive that libarchive decodes. What each member wants of memory is looked at, and paid for,
/// before libarchive sees it.
class libarchive_stream final : public entry_stream {
 public:
  /// Finds what it is, and opens it. The budget must outlive it. Errors: `unsupported_archive`,
  /// `corrupt_archive`; those of the budget and the input. Throws `std::bad_alloc`.
  static result<std::unique_ptr<entry_stream>> open(std::unique_ptr<archive_input> in,
                                                    archive_formats formats,
                                                    decoder_budget& budget);

  result<std::optional<stream_entry>> next() override;
  result<std::optional<data_block>> read() override;
  bool decodes_to_skip() const noexcept override;
  result<bool> finish() override;

 private:
  libarchive_stream(std::unique_ptr<archive_input> in, archive_kind kind, decoder_budget& budget)
      : in_(std::move(in)), kind_(kind), budget_(budget), handle_(new_reader()) {}

  result<void> begin(archive_formats formats);
  result<void> begin_filtered(archive_formats formats);
  result<void> look_at_member();
  result<void> skip_rest();
  result<int> read_header();
  std::uint64_t position() const noexcept;
  stream_entry found();

  const std::unique_ptr<archive_input> in_;
  archive_kind kind_;
  decoder_budget& budget_;
  // One of the two is what the handle reads from. Both outlive it.
  std::unique_ptr<filtered_feed> filtered_;
  std::unique_ptr<input_feed> plain_;
  archive_feed* feed_ = nullptr;
  archive_handle handle_;
  entry_handle entry_;
  bool has_entry_ = false, has_ended_ = false;
  bool is_finished_ = false;             // what was compressed
  bool is_known_ = true;                 // the method of the member
  std::uint64_t read_ = 0;               // of the entry, holes with it
  std::optional<std::string> tar_name_;  // of the entry, where libarchive may have changed it
  seven_zip_names names_;                // of a 7z

  // Of a zip.
  std::vector<zip_listed> members_;
  std::size_t next_member_ = 0;
  bool is_encrypted_ = false;
  unsigned work_of_byte_ = 1;
  std::string name_;
  std::uint64_t data_ = 0;
};

}  // namespace coramfs::detail
