// SPDX-License-Identifier: BSL-1.0
#include "peers/peer.hpp"

#include <gio/gio.h>

#include <algorithm>

namespace coramfs::bench {

namespace {

// A table of immutable bytes below a lock: opening takes a reference. What is written in pieces
// grows in a stream in memory first, which then gives its bytes.
class of_glib {
 public:
  of_glib() { g_rw_lock_init(&lock_); }
  of_glib(const of_glib&) = delete;
  of_glib& operator=(const of_glib&) = delete;
  ~of_glib() {
    g_hash_table_unref(files_);
    g_rw_lock_clear(&lock_);
  }

  void make_directory(const std::string&) {}
  void write(const std::string& path, data piece, std::size_t pieces) {
    GBytes* const content =
        pieces <= 1 ? g_bytes_new(piece.data(), pieces * piece.size()) : streamed(piece, pieces);
    g_rw_lock_writer_lock(&lock_);
    g_hash_table_replace(files_, g_strdup(path.c_str()), content);
    g_rw_lock_writer_unlock(&lock_);
  }
  void read(const std::string& path, space piece, std::size_t pieces) {
    GBytes* const content = opened(path);
    gsize size = 0;
    auto from = static_cast<const std::byte*>(g_bytes_get_data(content, &size));
    check(size == piece.size() * pieces, "GLib: another size");
    for (; pieces != 0; --pieces, from += piece.size())
      std::copy_n(from, piece.size(), piece.begin());
    g_bytes_unref(content);
  }
  void open(const std::string& path) { g_bytes_unref(opened(path)); }
  void remove(const std::string& path) {
    g_rw_lock_writer_lock(&lock_);
    g_hash_table_remove(files_, path.c_str());
    g_rw_lock_writer_unlock(&lock_);
  }

 private:
  static GBytes* streamed(data piece, std::size_t pieces) {
    GOutputStream* const stream = g_memory_output_stream_new_resizable();
    for (; pieces != 0; --pieces)
      check(
          g_output_stream_write_all(stream, piece.data(), piece.size(), nullptr, nullptr, nullptr),
          "GLib: write");
    check(g_output_stream_close(stream, nullptr, nullptr), "GLib: close");
    GBytes* const content = g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(stream));
    g_object_unref(stream);
    return content;
  }
  GBytes* opened(const std::string& path) {
    g_rw_lock_reader_lock(&lock_);
    const auto content = static_cast<GBytes*>(g_hash_table_lookup(files_, path.c_str()));
    if (content != nullptr) g_bytes_ref(content);
    g_rw_lock_reader_unlock(&lock_);
    check(content != nullptr, "GLib: no such file");
    return content;
  }

  static void release(gpointer content) { g_bytes_unref(static_cast<GBytes*>(content)); }

  GHashTable* files_ = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, release);
  GRWLock lock_;
};

}  // namespace

contender glib_table() { return blocking_contender<of_glib>("glib"); }

}  // namespace coramfs::bench
