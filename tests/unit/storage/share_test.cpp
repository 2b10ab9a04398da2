// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/storage/shared_files.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace coramfs::detail {

namespace {

bytes random_bytes(std::mt19937_64& random, std::size_t size) {
  return filled(size, static_cast<int>(random() % 255) + 1);
}

}  // namespace

TEST_CASE("share: a forest of copies in some volumes, with exact books at each step",
          "[storage][share][property]") {
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(static_cast<int>(layout), static_cast<int>(counting), seed);
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    const auto scale = [&] { return below(std::uint64_t{1} << below(19)); };
    std::deque<volume_of_files> volumes;
    for (int i = 0; i < 3; ++i) volumes.emplace_back(200'000 + below(4'000'000), counting);
    files all;
    std::list<pin> pins;
    const auto any = [&](auto& of) {
      return std::next(of.begin(), static_cast<int>(below(of.size())));
    };
    for (int step = 0; step < 200; ++step) {
      if (all.empty() || below(12) == 0)
        all.push_back(std::make_unique<file>(volumes[below(volumes.size())], layout));
      const auto at = any(all);
      file& f = **at;
      const bytes piece = random_bytes(random, scale() + 1);
      const std::uint64_t used = f.in->used();
      result<void> done = boost::outcome_v2::success();
      switch (below(9)) {
        case 0:
        case 1: {
          const std::uint64_t offset = below(4) == 0 ? scale() : below(f.model.size() + 1);
          done = f.content.write(f.in->payer, offset, std::span<const std::byte>(piece));
          if (!done) break;
          f.model.resize(std::max<std::size_t>(f.model.size(), offset + piece.size()));
          std::copy(piece.begin(), piece.end(),
                    f.model.begin() + static_cast<std::ptrdiff_t>(offset));
          break;
        }
        case 2: {
          bytes taken = piece;
          done = f.content.write(f.in->payer, f.content.size(), std::move(taken));
          if (done) f.model.insert(f.model.end(), piece.begin(), piece.end());
          break;
        }
        case 3:
          done = f.content.resize(f.in->payer, below(2) == 0 ? below(f.model.size() + 1) : scale());
          if (done) f.model.resize(f.content.size());
          break;
        case 4: {
          if (f.model.empty()) break;
          const std::uint64_t begin = below(f.model.size());
          const std::uint64_t end = begin + std::min(scale() + 1, f.model.size() - begin);
          if (f.content.punch(f.in->payer, begin, end))
            std::fill(f.model.begin() + static_cast<std::ptrdiff_t>(begin),
                      f.model.begin() + static_cast<std::ptrdiff_t>(end), std::byte{});
          break;
        }
        case 5: f.content.trim(f.in->payer); break;
        case 6:
          if (!pins.empty() && below(2) == 0) {
            pins.erase(any(pins));
          } else if (!f.model.empty()) {
            const std::uint64_t offset = below(f.model.size());
            pins.push_back(take_pin(f, offset, std::min(scale() + 1, f.model.size() - offset)));
          }
          break;
        case 7:
          remove(f);
          all.erase(at);
          break;
        default: {
          auto copy = share(volumes[below(volumes.size())], f);
          if (copy) all.push_back(std::move(copy).value());
        }
      }
      // A loan whose lender has no other part in it is given up before what then is refused.
      if (!done) REQUIRE(f.in->used() <= used);
      for (const volume_of_files& v : volumes) {
        if (counting == accounting::payload) {
          std::uint64_t sizes = 0;
          for (const auto& each : all)
            if (each->in == &v) sizes += each->model.size();
          REQUIRE(v.used() == sizes);
          REQUIRE(v.held() == 0);
          continue;
        }
        const books b = books_of(v, all, pins);
        REQUIRE(v.used() == b.used);
        REQUIRE(v.held() == b.held);
      }
    }
    for (const auto& each : all) REQUIRE(each->all() == each->model);
    for (const pin& p : pins) REQUIRE(bytes_of(p.list) == p.shown);
    while (!all.empty()) {
      const auto at = any(all);
      remove(**at);
      all.erase(at);
    }
    for (const pin& p : pins) REQUIRE(bytes_of(p.list) == p.shown);
    for (const volume_of_files& v : volumes)
      if (counting == accounting::memory) REQUIRE(v.used() == v.held());
    pins.clear();
    for (volume_of_files& v : volumes) {
      CHECK(v.used() == 0);
      CHECK(v.held() == 0);
      CHECK_FALSE(v.whole.has_loans());
    }
  }
}

namespace {

// Both begin at once, as nearly as two threads can.
template <class One, class Other>
void race(One one, Other other) {
  std::atomic<int> ready{0};
  const auto meet = [&] {
    ++ready;
    // Spins, for an encounter that is close; but not for long, on a machine that has other work.
    for (int i = 0; ready.load() < 2; ++i)
      if (i > 1000) std::this_thread::yield();
  };
  std::thread beside([&] {
    meet();
    other();
  });
  meet();
  one();
  beside.join();
}

enum class change { removal, overwriting, cutting, replacing };

// Returns whether it was done, which it is where there is room.
bool make(change what, std::unique_ptr<file>& f, const bytes& piece) {
  const account& payer = f->in->payer;
  switch (what) {
    case change::removal:
      remove(*f);
      f.reset();
      return true;
    case change::overwriting:
      std::copy(piece.begin(), piece.end(), f->model.begin() + 1000);
      return f->content.write(payer, 1000, std::span<const std::byte>(piece)).has_value();
    case change::cutting:
      f->model.resize(80'000);
      return f->content.resize(payer, 80'000).has_value();
    case change::replacing: f->model = piece; return f->content.assign(payer, piece).has_value();
  }
  return false;
}

}  // namespace

TEST_CASE("share: what two threads do at once to the same blocks, the books are exact",
          "[storage][share][race]") {
  constexpr change changes[] = {change::removal, change::overwriting, change::cutting,
                                change::replacing};
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  const bool is_foreign = GENERATE(false, true);
  const bool has_source = GENERATE(false, true);
  const bytes piece = filled(70'000, 2);
  for (unsigned round = 0; round < 320; ++round) {
    std::deque<volume_of_files> volumes;
    for (int i = 0; i < 2; ++i) volumes.emplace_back(10'000'000, accounting::memory);
    volume_of_files& to = volumes[is_foreign ? 1 : 0];
    auto a = std::make_unique<file>(volumes[0], layout);
    a->model = filled(150'000, 1);
    REQUIRE(a->content.write(a->in->payer, 0, std::span<const std::byte>(a->model)));
    a->content.trim(a->in->payer);
    auto b = share(to, *a).value();
    auto c = share(to, *b).value();
    auto& one = has_source ? a : c;
    if (!has_source) make(change::removal, a, piece);
    bool done[2] = {};
    race([&] { done[0] = make(changes[round % 4], one, piece); },
         [&] { done[1] = make(changes[round / 4 % 4], b, piece); });
    REQUIRE(done[0]);
    REQUIRE(done[1]);
    files left;
    for (auto* const f : {&a, &b, &c})
      if (*f != nullptr) left.push_back(std::move(*f));
    for (const auto& f : left) REQUIRE(f->all() == f->model);
    for (const volume_of_files& v : volumes) {
      const books exact = books_of(v, left, {});
      REQUIRE(v.used() == exact.used);
      REQUIRE(v.held() == exact.held);
    }
    for (const auto& f : left) remove(*f);
    left.clear();
    for (const volume_of_files& v : volumes) {
      REQUIRE(v.used() == 0);
      REQUIRE(v.held() == 0);
      REQUIRE_FALSE(v.whole.has_loans());
    }
  }
}

}  // namespace coramfs::detail
