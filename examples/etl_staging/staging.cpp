// SPDX-License-Identifier: BSL-1.0
#include "staging.hpp"

#include "input.hpp"

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <iostream>
#include <utility>

namespace etl_staging {

namespace {

constexpr std::size_t piece_size = 4096;

}  // namespace

void staging_tally::add(const staging_tally& other) {
  records += other.records;
  rejected_lines += other.rejected_lines;
  blocks += other.blocks;
  waits += other.waits;
  longest_wait = std::max(longest_wait, other.longest_wait);
}

std::string partition_name(std::size_t partition) {
  constexpr char digits[] = "0123456789abcdef";
  return {digits[partition / 16 % 16], digits[partition % 16]};
}

staging::staging(coramfs::file_system files, std::string directory,
                 const std::vector<std::filesystem::path>& lists, const settings& s)
    : files_(std::move(files)),
      directory_(std::move(directory)),
      lists_(lists),
      partitions_(s.partitions),
      longest_wait_(s.lock_timeout) {}

asio::awaitable<coramfs::result<void>> staging::write(staging_tally& tally) {
  while (const std::filesystem::path* list = take_list()) {
    const auto staged = co_await stage(*list, tally);
    if (!staged) {
      next_list_ = lists_.size();  // what the others still did would be thrown away
      co_return staged.error();
    }
  }
  co_return boost::outcome_v2::success();
}

const std::filesystem::path* staging::take_list() {
  const std::size_t mine = next_list_.fetch_add(1);
  return mine < lists_.size() ? &lists_[mine] : nullptr;
}

asio::awaitable<coramfs::result<void>> staging::stage(const std::filesystem::path& list,
                                                      staging_tally& tally) {
  const auto text = read_text(list);
  if (!text) {
    std::cerr << list.string() + ": can not be read\n";
    co_return text.error();
  }
  const std::vector<block> blocks = partitioned(text.value(), tally);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].records == 0) continue;
    std::string path = directory_ + '/' + partition_name(i);
    std::string head = '@' + list.stem().string() + ' ' + std::to_string(blocks[i].records) + '\n';
    BOOST_OUTCOME_CO_TRY(co_await append(std::move(path), std::move(head), blocks[i], tally));
  }
  co_return boost::outcome_v2::success();
}

std::vector<staging::block> staging::partitioned(std::string_view text,
                                                 staging_tally& tally) const {
  std::vector<block> blocks(partitions_);
  while (!text.empty()) {
    const auto r = parse_record(take_line(text));
    if (!r) {
      tally.rejected_lines += 1;
      continue;
    }
    block& to = blocks[partition_of(*r, partitions_)];
    to.records += 1;
    to.lines.append(r->digest).append("  ").append(r->path).append("\n");
  }
  return blocks;
}

// In pieces, between which other coroutines have their turn. None of them gets in between: from
// open to close the partition is this writer's.
asio::awaitable<coramfs::result<void>> staging::append(std::string path, std::string head,
                                                       const block& b, staging_tally& tally) {
  BOOST_OUTCOME_CO_TRY(auto file, co_await open_in_turn(path, tally));
  BOOST_OUTCOME_CO_TRYV(co_await file.write(asio::buffer(head)));
  for (std::size_t offset = 0; offset < b.lines.size(); offset += piece_size) {
    co_await asio::post(file.get_executor(), asio::use_awaitable);
    const auto piece = asio::buffer(asio::buffer(b.lines) + offset, piece_size);
    BOOST_OUTCOME_CO_TRYV(co_await file.write(piece));
  }
  tally.records += b.records;
  tally.blocks += 1;
  co_return file.close();
}

// The first attempt tells whether the partition is free. The second one waits behind all who
// came before, for no longer than the user allows.
asio::awaitable<coramfs::result<coramfs::file>> staging::open_in_turn(const std::string& path,
                                                                      staging_tally& tally) {
  coramfs::open_options how;
  how.timeout = coramfs::lock_timeout::immediate();
  auto file = co_await files_.open(path, coramfs::open_mode::append, how);
  if (file || file.error() != coramfs::errc::would_block) co_return file;
  tally.waits += 1;
  const auto began = std::chrono::steady_clock::now();
  how.timeout = longest_wait_;
  file = co_await files_.open(path, coramfs::open_mode::append, how);
  tally.longest_wait = std::max(tally.longest_wait, std::chrono::steady_clock::now() - began);
  co_return file;
}

}  // namespace etl_staging
