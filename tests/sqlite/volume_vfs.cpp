// SPDX-License-Identifier: BSL-1.0

// A library for Tcl: once it is loaded, databases are files of a volume for all that names no other
// VFS. The command `volume` is for scripts that look at those files themselves:
//
//     volume default   makes the VFS the default one again where the system's is, after a start
//     volume exists PATH, volume size PATH, volume delete PATH, volume names
//     volume rename FROM TO, volume copy FROM TO
//     volume read PATH, volume write PATH OFFSET BYTES
#include <coramfs/sqlite_vfs.hpp>
#include <coramfs/sync/file_system.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <sqlite3.h>
#include <tcl.h>

namespace {

coramfs::sync::file_system& files() {
  static coramfs::sync::file_system only(
      coramfs::volume::create({.max_quota = std::uint64_t(4) << 30,
                               .default_lock_timeout = coramfs::lock_timeout::immediate()})
          .value());
  return only;
}

// Scripts expect to be told at once what is busy.
void make_default() {
  const bool in_batches = std::getenv("CORAMFS_SQLITE_BATCHES") != nullptr;
  static const auto vfs = coramfs::sqlite::vfs::create(
                              files().get_volume(), {.patience = coramfs::lock_timeout::immediate(),
                                                     .batch_atomic = in_batches})
                              .value();
  const sqlite3_vfs* const now = sqlite3_vfs_find(nullptr);
  if (now != nullptr && now->zName == std::string_view("unix"))
    sqlite3_vfs_register(sqlite3_vfs_find(vfs.name().c_str()), 1);
}

template <class T>
int fail(Tcl_Interp* tcl, const coramfs::result<T>& r) {
  Tcl_SetObjResult(tcl, Tcl_NewStringObj(r.error().message().c_str(), -1));
  return TCL_ERROR;
}

int give(Tcl_Interp* tcl, Tcl_Obj* value) {
  Tcl_SetObjResult(tcl, value);
  return TCL_OK;
}

/// A file that connections may have open, too: so it is opened as they open it.
class shared_file {
 public:
  explicit shared_file(const std::string& path) : vfs_(*sqlite3_vfs_find(nullptr)) {
    std::string full(static_cast<std::size_t>(vfs_.mxPathname) + 2, '\0');
    vfs_.xFullPathname(&vfs_, path.c_str(), vfs_.mxPathname, full.data());
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB;
    code_ = vfs_.xOpen(&vfs_, full.c_str(), get(), flags, nullptr);
  }
  shared_file(const shared_file&) = delete;
  shared_file& operator=(const shared_file&) = delete;
  ~shared_file() {
    if (get()->pMethods != nullptr) get()->pMethods->xClose(get());
  }

  std::vector<unsigned char> read() {
    sqlite3_int64 size = 0;
    if (code_ == SQLITE_OK) code_ = get()->pMethods->xFileSize(get(), &size);
    std::vector<unsigned char> all(static_cast<std::size_t>(size));
    if (code_ == SQLITE_OK && size > 0)
      code_ = get()->pMethods->xRead(get(), all.data(), static_cast<int>(size), 0);
    return all;
  }
  void write(Tcl_WideInt offset, const unsigned char* bytes, int size) {
    if (code_ == SQLITE_OK) code_ = get()->pMethods->xWrite(get(), bytes, size, offset);
  }
  void cut() {
    if (code_ == SQLITE_OK) code_ = get()->pMethods->xTruncate(get(), 0);
  }
  int outcome(Tcl_Interp* tcl) const {
    if (code_ == SQLITE_OK) return TCL_OK;
    Tcl_SetObjResult(tcl, Tcl_NewStringObj(sqlite3_errstr(code_), -1));
    return TCL_ERROR;
  }

 private:
  sqlite3_file* get() { return reinterpret_cast<sqlite3_file*>(memory_.data()); }

  sqlite3_vfs& vfs_;
  std::vector<std::max_align_t> memory_ =
      std::vector<std::max_align_t>(static_cast<std::size_t>(vfs_.szOsFile));
  int code_ = SQLITE_OK;
};

int call(ClientData, Tcl_Interp* tcl, int count, Tcl_Obj* const words[]) {
  std::vector<std::string> all;
  for (int i = 1; i < count; ++i) all.emplace_back(Tcl_GetString(words[i]));
  const std::string what = all.empty() ? std::string() : all[0];
  if (what == "default") {
    make_default();
    return TCL_OK;
  }
  if (what == "names") {
    Tcl_Obj* const list = Tcl_NewListObj(0, nullptr);
    for (const std::string& name : files().list("/").value())
      Tcl_ListObjAppendElement(tcl, list, Tcl_NewStringObj(name.c_str(), -1));
    return give(tcl, list);
  }
  if (all.size() < 2) return TCL_ERROR;
  const std::string& path = all[1];
  if (what == "exists") return give(tcl, Tcl_NewIntObj(files().exists(path).value() ? 1 : 0));
  if (what == "size") {
    auto size = files().file_size(path);
    return size ? give(tcl, Tcl_NewWideIntObj(static_cast<Tcl_WideInt>(size.value())))
                : fail(tcl, size);
  }
  if (what == "delete") {
    auto done = files().remove(path);
    return done ? TCL_OK : fail(tcl, done);
  }
  if (what == "read") {
    shared_file f(path);
    const auto all = f.read();
    Tcl_SetObjResult(tcl, Tcl_NewByteArrayObj(all.data(), static_cast<int>(all.size())));
    return f.outcome(tcl);
  }
  if (what == "copy" && all.size() == 3) {
    shared_file from(path), to(all[2]);
    const auto content = from.read();
    to.cut();
    to.write(0, content.data(), static_cast<int>(content.size()));
    return to.outcome(tcl);
  }
  if (what == "rename" && all.size() == 3) {
    auto done = files().rename(path, all[2], coramfs::if_exists::replace);
    return done ? TCL_OK : fail(tcl, done);
  }
  Tcl_WideInt offset = 0;
  if (what == "write" && count == 5 && Tcl_GetWideIntFromObj(tcl, words[3], &offset) == TCL_OK) {
    int size = 0;
    const unsigned char* const bytes = Tcl_GetByteArrayFromObj(words[4], &size);
    shared_file f(path);
    f.write(offset, bytes, size);
    return f.outcome(tcl);
  }
  return TCL_ERROR;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int Coramfs_Init(Tcl_Interp* tcl) {
  make_default();
  Tcl_CreateObjCommand(tcl, "volume", call, nullptr, nullptr);
  return TCL_OK;
}
