// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace coramfs {

/// What an entry of an archive is.
enum class entry_kind { file, directory, symbolic_link, hard_link, device, other };

/// What an archive says of an entry. None of it can be trusted.
struct archive_entry {
  std::string name;                   ///< as the archive has it, in bytes
  entry_kind kind;                    ///< a pipe is `other`
  std::optional<std::uint64_t> size;  ///< of a file, where the archive says it; holes count
};

/// Where the bytes of an archive are: in memory, in a file of a volume, or in a file of the host's.
///
/// Lifetime: the memory of a span must stay, and stay as it is, until the call that it is given to
/// has ended; with a pool, until the pool's work has. A pin keeps what it needs by itself.
///
/// Thread safety: distinct objects may be used at once.
class archive_source {
 public:
  /// A file of the volume that the call is for.
  struct volume_file {
    std::string path;  ///< as any path of the volume
  };
  /// Where it is.
  using place =
      std::variant<std::span<const std::byte>, pinned, volume_file, std::filesystem::path>;

  /// Bytes in memory, which are not copied.
  explicit archive_source(std::span<const std::byte> content) noexcept : at_(content) {}
  /// Pinned bytes, as `file::pin` gives them, which are not copied.
  explicit archive_source(pinned content) noexcept : at_(std::move(content)) {}
  /// A file of the volume, which is opened for reading, and so held shared, while the call lasts.
  static archive_source in_volume(std::string path) {
    return archive_source(place(volume_file{std::move(path)}));
  }
  /// A file of the host's, which must not change while the call lasts. It is read by the pool, and
  /// by the calling thread in the blocking form.
  static archive_source on_host(std::filesystem::path path) {
    return archive_source(place(std::move(path)));
  }

  /// Where it is. An adapter is never given a file of a volume, but the pin of its bytes.
  const place& where() const noexcept { return at_; }

 private:
  explicit archive_source(place at) noexcept : at_(std::move(at)) {}

  place at_;
};

/// An archive that is read from its beginning to its end, as an adapter implements it. Names and
/// sizes are checked by whoever reads it, and what goes wrong is said by the result.
///
/// Thread safety: one thread at a time, but not always the same.
class CORAMFS_EXPORT archive_reader {
 public:
  /// It is destroyed before the source that it was opened on.
  virtual ~archive_reader();
  /// Goes on to the next entry, whether the one before was read to its end or not. None: the
  /// archive has ended.
  virtual result<std::optional<archive_entry>> next() = 0;
  /// The bytes that come next of the entry, of any number, and none at its end. They are valid
  /// until the next call of the reader. A call is one slice of work, and should take less than
  /// 1 ms.
  virtual result<std::span<const std::byte>> read() = 0;
};

/// A format of archives that is not built in. It is asked before those that are.
///
/// Thread safety: both functions may be called from many threads at once.
///
/// What they, or the reader, throw ends the call with `corrupt_archive`, and `std::bad_alloc` with
/// `out_of_memory`. An error that they return ends it as it is.
class CORAMFS_EXPORT archive_adapter {
 public:
  virtual ~archive_adapter();
  /// Whether an archive is of this format: by its first 512 bytes, or all of them if there are
  /// fewer, and by the name of its file, which is empty if it comes from memory.
  virtual bool accepts(std::span<const std::byte> head, std::string_view name) const = 0;
  /// Opens an archive that it has accepted. The source lives as long as the reader. What the reader
  /// allocates is not charged.
  virtual result<std::unique_ptr<archive_reader>> open(archive_source source) const = 0;
};

}  // namespace coramfs
