// SPDX-License-Identifier: BSL-1.0
#include "verifier.hpp"

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

namespace download_buffer {

namespace {

constexpr std::size_t piece_size = 64 * 1024;

// A file of a living system may be written to while it is copied. That is not the copy's fault.
bool is_unchanged(const host_file& f) {
  std::error_code error;
  return std::filesystem::file_size(f.path, error) == f.size && !error &&
         std::filesystem::last_write_time(f.path, error) == f.modified_at && !error;
}

}  // namespace

verifier::verifier(coramfs::file_system files, bounded_queue<download>& finished, report& results,
                   bool removes)
    : files_(std::move(files)),
      finished_(finished),
      results_(results),
      removes_(removes),
      stored_piece_(piece_size),
      original_piece_(piece_size) {}

asio::awaitable<void> verifier::run() {
  for (;;) {
    const std::optional<download> next = co_await finished_.pop();
    if (!next) co_return;
    co_await check(*next);
    if (removes_) co_await remove(*next);
  }
}

void verifier::stop() { stopping_ = true; }

asio::awaitable<void> verifier::check(const download& d) {
  auto stored = co_await files_.open(d.stored_as, coramfs::open_mode::read);
  if (!stored) {
    results_.add(problem::failed, d.to, stored.error().message());
    co_return;
  }
  std::ifstream original;
  if (d.original) {
    original.open(d.original->path, std::ios::binary);
    if (!original) {
      results_.add(problem::failed, d.original->path.string(), "can not be read any more");
      co_return;
    }
  }
  const auto found = co_await read_through(stored.value(), d.original ? &original : nullptr);
  if (stopping_) co_return;
  if (!found) {
    results_.add(problem::failed, d.to, found.error().message());
    co_return;
  }
  results_.so_far().lines += found.value().lines;
  if (d.original) results_.so_far().compared_files += 1;
  if (found.value().first_difference) report_difference(d, *found.value().first_difference);
}

asio::awaitable<void> verifier::remove(const download& d) {
  const auto size = co_await files_.file_size(d.stored_as);
  const auto removed = co_await files_.remove(d.stored_as);
  if (!removed)
    results_.add(problem::failed, d.to, removed.error().message());
  else if (size && !d.original)
    results_.so_far().removed.push_back({d.to, size.value()});
}

// Blocks for what it reads from the disk, as a stage may that does little at a time. Between two
// pieces it lets the downloads go on: a read from the volume does not suspend.
asio::awaitable<coramfs::result<verifier::findings>> verifier::read_through(
    coramfs::file& stored, std::ifstream* original) {
  findings found;
  for (std::uint64_t offset = 0; !stopping_;) {
    BOOST_OUTCOME_CO_TRY(const std::size_t n, co_await stored.read(asio::buffer(stored_piece_)));
    const auto begin = stored_piece_.begin(), end = begin + static_cast<std::ptrdiff_t>(n);
    found.lines += static_cast<std::uint64_t>(std::count(begin, end, '\n'));
    if (original != nullptr && !found.first_difference)
      if (const auto different = first_difference(n, *original))
        found.first_difference = offset + *different;
    if (n == 0) break;
    offset += n;
    co_await asio::post(stored.get_executor(), asio::use_awaitable);
  }
  co_return found;
}

// Where the first `n` bytes of the stored piece differ from the next `n` of the original; with
// none stored any more, the original must be at its end.
std::optional<std::size_t> verifier::first_difference(std::size_t n, std::ifstream& original) {
  original.read(original_piece_.data(), static_cast<std::streamsize>(std::max<std::size_t>(n, 1)));
  const auto begin = stored_piece_.begin(), end = begin + static_cast<std::ptrdiff_t>(n);
  const auto original_end = original_piece_.begin() + original.gcount();
  const auto [at, original_at] = std::mismatch(begin, end, original_piece_.begin(), original_end);
  if (at == end && original_at == original_end) return std::nullopt;
  return static_cast<std::size_t>(at - begin);
}

void verifier::report_difference(const download& d, std::uint64_t offset) {
  if (is_unchanged(*d.original))
    results_.add(problem::mismatch, d.to,
                 "differs from the original at byte " + std::to_string(offset));
  else
    results_.add(problem::failed, d.original->path.string(), "was changed meanwhile");
}

}  // namespace download_buffer
