// SPDX-License-Identifier: BSL-1.0
#include <coramfs/memfd.hpp>

#include <coramfs/asio.hpp>
#include <coramfs/blocking_pool.hpp>
#include <coramfs/detail/host_error.hpp>

#include "integrations/host/cancellation_result.hpp"
#include "integrations/host/library_pool.hpp"
#include "integrations/host/memory_copy.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include <unistd.h>

namespace coramfs {

namespace detail {

struct memory_file_access {
  static memory_file make(descriptor of, held_charge charge) noexcept {
    memory_file made;
    made.charge_ = std::move(charge);
    made.fd_ = of.release();
    return made;
  }
};

namespace {

/// What a memory file is made of: a content, and what is paid for the copy of it. It needs nothing
/// of the volume any more, so it may be made anywhere.
struct memory_draft {
  result<memory_file> make(const std::stop_token& stop) {
    BOOST_OUTCOME_TRY(auto copy, copy_to_memory(content, options, stop));
    return memory_file_access::make(std::move(copy), std::move(charge));
  }

  pinned content;
  memfd_options options;
  held_charge charge;
};

// Bytes of memory that the system takes for a file of `size` bytes.
std::uint64_t footprint_of(std::uint64_t size) noexcept {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

// The file of either facade, which goes with its lock when this returns.
template <class File>
result<memory_draft> draft_of(File file, const volume& of, const std::string& path,
                              const memfd_options& options) {
  memory_draft draft;
  draft.options = options;
  BOOST_OUTCOME_TRY(draft.content, file.pin(0, std::numeric_limits<std::size_t>::max()));
  if (options.charge) {
    const std::uint64_t size = draft.content.size();
    BOOST_OUTCOME_TRY(draft.charge, held_charge::take(of, path, size, footprint_of(size)));
  }
  return draft;
}

asio::awaitable<result<memory_file>> to_memfd_for_coroutine(file_system fs, std::string path,
                                                            memfd_options options) {
  auto file = co_await fs.open(path, open_mode::read);
  if (!file) co_return file.error();
  auto draft = draft_of(std::move(file.value()), fs.get_volume(), path, options);
  if (!draft) co_return draft.error();
  auto work = [draft = std::move(draft.value())](const std::stop_token& stop) mutable {
    return draft.make(stop);
  };
  auto job = std::make_shared<offloaded<decltype(work)>>(std::move(work));
  co_return co_await outcome_of(library_pool(), std::move(job));
}

result<memory_file> to_memfd_in_thread(const sync::file_system& fs, const std::string& path,
                                       const memfd_options& options) try {
  BOOST_OUTCOME_TRY(auto file, fs.open(path, open_mode::read));
  BOOST_OUTCOME_TRY(auto draft, draft_of(std::move(file), fs.get_volume(), path, options));
  return draft.make(std::stop_token());
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// The pool's thread uses the volume as a thread does: nothing in there waits for others.
asio::awaitable<result<std::uint64_t>> from_memfd_for_coroutine(sync::file_system fs, int number,
                                                                std::string path,
                                                                if_exists existing) {
  auto work = [fs, number, path, existing](const std::stop_token& stop) {
    return copy_from_descriptor(fs, number, path, existing, stop);
  };
  auto job = std::make_shared<offloaded<decltype(work)>>(std::move(work));
  co_return co_await outcome_of(library_pool(), std::move(job));
}

result<std::uint64_t> from_memfd_in_thread(const sync::file_system& fs, int number,
                                           const std::string& path, if_exists existing) try {
  return copy_from_descriptor(fs, number, path, existing, std::stop_token());
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

}  // namespace

}  // namespace detail

memory_file::~memory_file() { const detail::descriptor closed(fd_); }

std::string memory_file::path() const {
  return fd_ < 0 ? std::string() : "/proc/self/fd/" + std::to_string(fd_);
}

asio::awaitable<result<memory_file>> to_memfd(const file_system& fs, std::string path,
                                              memfd_options options) {
  auto operation = detail::to_memfd_for_coroutine(fs, path, options);
  return detail::with_cancellation_as_result(std::move(path), detail::host_call::to_memfd,
                                             std::move(operation));
}

result<memory_file> to_memfd(const sync::file_system& fs, std::string path, memfd_options options) {
  auto made = detail::to_memfd_in_thread(fs, path, options);
  if (!made) return detail::about_host_call(path, made.error(), detail::host_call::to_memfd);
  return made;
}

asio::awaitable<result<std::uint64_t>> from_memfd(const file_system& fs, int fd, std::string path,
                                                  if_exists existing) {
  auto operation =
      detail::from_memfd_for_coroutine(sync::file_system(fs.get_volume()), fd, path, existing);
  return detail::with_cancellation_as_result(std::move(path), detail::host_call::from_memfd,
                                             std::move(operation));
}

result<std::uint64_t> from_memfd(const sync::file_system& fs, int fd, std::string path,
                                 if_exists existing) {
  auto copied = detail::from_memfd_in_thread(fs, fd, path, existing);
  if (!copied) return detail::about_host_call(path, copied.error(), detail::host_call::from_memfd);
  return copied;
}

}  // namespace coramfs
