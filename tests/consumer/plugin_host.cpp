// SPDX-License-Identifier: BSL-1.0

// Loads two plugins, each with a copy of the library in it: what one calls busy is so to the other.
// Ends with 0 if that is so.
#include <coramfs/error.hpp>

#include <dlfcn.h>

#include <cstdio>

namespace {

template <class Function>
Function* find(const char* plugin, const char* name) {
  void* const loaded = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
  void* const symbol = loaded == nullptr ? nullptr : dlsym(loaded, name);
  if (symbol == nullptr) std::puts(dlerror());
  return reinterpret_cast<Function*>(symbol);
}

}  // namespace

int main(int, char** plugins) {
  const auto make_busy = find<void(coramfs::error*)>(plugins[1], "make_busy");
  const auto is_busy = find<bool(const coramfs::error*)>(plugins[2], "is_busy");
  const auto first = find<const void*()>(plugins[1], "category");
  const auto second = find<const void*()>(plugins[2], "category");
  if (!make_busy || !is_busy || !first || !second) return 1;
  if (first() == second()) {
    std::puts("the plugins share one category, so this shows nothing");
    return 1;
  }
  coramfs::error e(std::error_code{});
  if (is_busy(&e)) return 1;
  make_busy(&e);
  return is_busy(&e) && e == std::errc::device_or_resource_busy ? 0 : 1;
}
