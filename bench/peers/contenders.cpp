// SPDX-License-Identifier: BSL-1.0
#include "peers/peer.hpp"

namespace coramfs::bench {

std::vector<contender> contenders() {
  std::vector<contender> all = ourselves();
  const auto add = [&](std::vector<contender> more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  add(maps());
  add(of_the_system());
#ifdef CORAMFS_BENCH_KJ
  add({kj_directory()});
#endif
#ifdef CORAMFS_BENCH_LEVELDB
  add({leveldb_environment()});
#endif
#ifdef CORAMFS_BENCH_ROCKSDB
  add({rocksdb_environment()});
#endif
#ifdef CORAMFS_BENCH_GLIB
  add({glib_table()});
#endif
  return all;
}

}  // namespace coramfs::bench
