// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>
#include <coramfs/result.hpp>

#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/entry_stream.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace coramfs::detail {

/// An archive that an adapter of the caller's decodes. What that throws becomes an error.
class adapter_stream final : public entry_stream {
 public:
  /// Asks the adapters in their order, and opens the archive by the first that accepts it; null:
  /// none does. Errors: those of the adapter; `corrupt_archive` for what it throws, and
  /// `out_of_memory`; those of the input. Throws `std::bad_alloc`.
  static result<std::unique_ptr<entry_stream>> open(
      const std::vector<std::shared_ptr<const archive_adapter>>& adapters,
      const archive_source& source, std::string_view name, archive_input& in);

  result<std::optional<stream_entry>> next() override;
  result<std::optional<data_block>> read() override;
  bool decodes_to_skip() const noexcept override { return false; }

 private:
  adapter_stream(std::shared_ptr<const archive_adapter> by, archive_source source)
      : by_(std::move(by)), source_(std::move(source)) {}

  const std::shared_ptr<const archive_adapter> by_;  // outlives its reader
  const archive_source source_;                      // and so does this
  std::unique_ptr<archive_reader> reader_;
  std::uint64_t read_ = 0;
};

}  // namespace coramfs::detail
