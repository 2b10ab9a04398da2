// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/stream_watch.hpp"

#include "integrations/archive/lz4_watch.hpp"
#include "integrations/archive/lzip_watch.hpp"
#include "integrations/archive/xz_watch.hpp"
#include "integrations/archive/zstd_watch.hpp"

namespace coramfs::detail {

namespace {

// The same for all streams of the kind.
class constant_watch final : public stream_watch {
 public:
  explicit constant_watch(std::uint64_t memory) noexcept { declare(memory); }
  result<void> look(std::uint64_t) override { return success(); }
};

// A block of 900,000 bytes, and four bytes for each of them.
constexpr std::uint64_t bzip2_memory = 4'500'000;

}  // namespace

std::unique_ptr<stream_watch> watch_over(stream_filter filter, archive_input& in,
                                         std::uint64_t begin) {
  switch (filter) {
    case stream_filter::none:
    case stream_filter::gzip: return std::make_unique<constant_watch>(0);
    case stream_filter::bzip2: return std::make_unique<constant_watch>(bzip2_memory);
    case stream_filter::xz: return std::make_unique<xz_watch>(in, begin);
    case stream_filter::lzip: return std::make_unique<lzip_watch>(in, begin);
    case stream_filter::zstd: return std::make_unique<zstd_watch>(in, begin);
    case stream_filter::lz4: return std::make_unique<lz4_watch>(in, begin);
  }
  return nullptr;
}

}  // namespace coramfs::detail
