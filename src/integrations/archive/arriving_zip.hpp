// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "integrations/archive/archive_handle.hpp"
#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/decoder_budget.hpp"
#include "integrations/archive/entry_stream.hpp"
#include "integrations/archive/zip_comparison.hpp"
#include "integrations/archive/zip_directory.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace coramfs::detail {

/// A zip that still arrives: its members come one behind the other, and are found by their own
/// headers. libarchive decodes them; where the next one begins is found here, and so is what it
/// wants of memory, before libarchive sees it. Then the directory comes, and is compared with what
/// was found.
class arriving_zip final : public entry_stream {
 public:
  /// The budget must outlive it. Errors: `corrupt_archive`; those of the budget and the input.
  /// Throws `std::bad_alloc`.
  static result<std::unique_ptr<entry_stream>> open(std::unique_ptr<archive_input> in,
                                                    decoder_budget& budget);

  result<std::optional<stream_entry>> next() override;
  result<std::optional<data_block>> read() override;
  bool decodes_to_skip() const noexcept override { return is_readable_; }
  result<bool> finish() override;

 private:
  arriving_zip(std::unique_ptr<archive_input> in, decoder_budget& budget);

  result<void> end_member();
  result<void> read_descriptor();
  result<void> look_at_member();
  result<bool> is_empty();

  const std::unique_ptr<archive_input> in_;
  decoder_budget& budget_;
  input_feed feed_;  // outlives the handle
  archive_handle handle_;
  entry_handle entry_;
  bool is_open_ = false;
  std::uint64_t at_ = 0;  // of the member at hand, and then of what comes behind it
  std::optional<zip_member> member_;
  entry_kind kind_ = entry_kind::file;
  bool is_readable_ = false, is_read_ = false;
  std::uint64_t read_ = 0;  // of the member
  zip_comparison found_;
  bool is_compared_ = false;
};

}  // namespace coramfs::detail
