// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "storage/storage.hpp"

#include "support/catch.hpp"
#include "unit/storage/bench.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// What a volume is for its blocks: it must not end while some of them are lent.
class stand_in final : public lifetime {
 public:
  bool has_ended() const noexcept { return has_ended_; }

 private:
  void end() noexcept override { has_ended_ = true; }

  std::atomic<bool> has_ended_{false};
};

/// A volume without names.
struct volume_of_files {
  explicit volume_of_files(std::uint64_t most, accounting counting)
      : limits(most, std::nullopt),
        blocks(limits, counting, 1 << 29),
        payer(limits, guard, blocks, counting, 1 << 29) {
    blocks.set_whole(whole);
  }

  std::uint64_t used() const { return limits.read().committed.bytes; }
  std::uint64_t held() const { return blocks.held_bytes(); }

  memory_guard_options options;
  stand_in whole;
  quota limits;
  memory_guard guard{options};
  block_memory blocks;
  account payer;
};

/// A file beside what has to be in it.
struct file {
  file(volume_of_files& v, storage_layout layout) : in(&v), content(layout) {}

  std::uint64_t charged() const { return in->payer.of(content.totals_now()).bytes; }
  bytes all() const {
    bytes b(content.size());
    content.read(0, b);
    return b;
  }

  volume_of_files* in;
  storage content;
  bytes model;
};

/// Makes a copy that shares, as `copy` does: it is paid for first.
inline result<std::unique_ptr<file>> share(volume_of_files& to, const file& from,
                                           storage_layout made_for = storage_layout::sequential) {
  auto made = std::make_unique<file>(to, made_for);
  const totals wanted = from.content.share_totals();
  BOOST_OUTCOME_TRY(auto paid, to.payer.reserve(wanted, {}));
  BOOST_OUTCOME_TRY(made->content.share(to.payer.prepaid(), from.content));
  const totals made_of = made->content.totals_now();
  // A table may have pages that are of no use any more, which its copy does not have.
  REQUIRE(made_of.footprint <= wanted.footprint);
  REQUIRE(made_of.chunks == wanted.chunks);
  REQUIRE(to.limits.adjust(paid, to.payer.of(made_of), {}));
  paid.commit();
  made->model = from.model;
  return made;
}

inline void remove(file& f) {
  f.content.settle_pins();
  f.in->limits.release(f.in->payer.of(f.content.totals_now()));
}

struct pin {
  volume_of_files* in;
  piece_list list;
  bytes shown;
  std::vector<block*> owners;
};

inline pin take_pin(file& f, std::uint64_t offset, std::uint64_t size) {
  pieces listed;
  f.content.list_pieces(offset, offset + size, listed);
  pin p{f.in, f.content.pin(offset, size, {}).value(), {}, {}};
  const auto first = f.model.begin() + static_cast<std::ptrdiff_t>(offset);
  p.shown.assign(first, first + static_cast<std::ptrdiff_t>(size));
  for (const piece& l : listed)
    if (l.owner != nullptr) p.owners.push_back(l.owner);
  return p;
}

using files = std::list<std::unique_ptr<file>>;

/// What a volume has to be charged, by who can reach what: nothing of it is counted as it changes.
struct books {
  std::uint64_t used = 0, held = 0;
};

inline books books_of(const volume_of_files& v, const files& all, const std::list<pin>& pins) {
  std::set<block*> live, seen;
  books b;
  for (const auto& f : all) {
    pieces listed;
    f->content.list_pieces(0, f->content.size(), listed);
    for (const piece& p : listed) {
      if (p.owner == nullptr) continue;
      for (block* const each : {p.owner, &p.owner->source()}) {
        seen.insert(each);
        if (f->in == &v) live.insert(each);
      }
    }
    if (f->in == &v) b.used += f->content.totals_now().footprint;
  }
  for (const pin& p : pins)
    for (block* const each : p.owners) seen.insert({each, &each->source()});
  for (block* const each : seen) {
    if (&each->home() != &v.blocks || !each->has_charge()) continue;
    b.used += each->footprint();
    if (!live.contains(each)) b.held += each->footprint();
  }
  return b;
}

}  // namespace coramfs::detail
