// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/faults.hpp>

#include <coramfs/detail/path_pattern.hpp>

#include "integrations/testing/fault_errors.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>

namespace coramfs::testing {

using coramfs::detail::first_error;
using coramfs::detail::point_count;

namespace {

constexpr std::size_t most_kept = 65'536;

// The policies that were made last. It is never destroyed, for volumes may end after all statics.
fault_policy& keep(std::unique_ptr<fault_policy> fresh) {
  static auto& mutex = *new std::mutex;
  static auto& all = *new std::deque<std::unique_ptr<fault_policy>>;
  fault_policy& made = *fresh;
  std::unique_ptr<fault_policy> oldest;  // ends when the mutex is free
  const std::lock_guard lock(mutex);
  all.push_back(std::move(fresh));
  if (all.size() > most_kept) {
    oldest = std::move(all.front());
    all.pop_front();
  }
  return made;
}

std::size_t number_of(fault_point p) noexcept { return static_cast<std::size_t>(p); }

// SplitMix64: each of its inputs, however close to others, gives numbers that look independent.
std::uint64_t mixed(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

class no_faults final : public fault_policy {
 public:
  std::optional<error> at(fault_point, std::string_view, std::uint64_t) override {
    return std::nullopt;
  }
};

/// Fails from the nth to the last time, both included, that its point is come to.
class faults_by_number final : public fault_policy {
 public:
  faults_by_number(fault_point p, std::uint64_t nth, std::uint64_t last) noexcept
      : point_(p), nth_(nth), last_(last) {}

  std::optional<error> at(fault_point p, std::string_view, std::uint64_t) override {
    if (p != point_) return std::nullopt;
    const std::uint64_t number = met_.fetch_add(1) + 1;
    if (number < nth_ || number > last_) return std::nullopt;
    return first_error(p);
  }

 private:
  const fault_point point_;
  const std::uint64_t nth_, last_;
  std::atomic<std::uint64_t> met_ = 0;
};

class faults_at_paths final : public fault_policy {
 public:
  faults_at_paths(std::string_view glob, errc e) : glob_(glob), error_(e) {}

  std::optional<error> at(fault_point p, std::string_view path, std::uint64_t) override try {
    if (!gives(p, error_) || !coramfs::detail::matches_pattern(glob_, path)) return std::nullopt;
    return error_;
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }

 private:
  const std::string glob_;
  const errc error_;
};

/// Throws a die for each time that a point is come to. Which one it is follows from the seed and
/// from how often that point was come to, so no state is shared but for the counts.
class random_faults final : public fault_policy {
 public:
  /// How likely each point is to fail.
  using likelihoods = std::array<double, point_count>;

  random_faults(std::uint64_t seed, const likelihoods& of) noexcept : seed_(seed), of_(of) {}

  std::optional<error> at(fault_point p, std::string_view, std::uint64_t) override {
    const std::size_t i = number_of(p);
    const std::uint64_t die = mixed(mixed(seed_ ^ mixed(i)) ^ met_[i].fetch_add(1));
    // From 0 up to 1, without it: 53 bits are what a double has.
    const double thrown = static_cast<double>(die >> 11) * 0x1.0p-53;
    if (thrown < of_[i]) return first_error(p);
    return std::nullopt;
  }

 private:
  const std::uint64_t seed_;
  const likelihoods of_;
  std::array<std::atomic<std::uint64_t>, point_count> met_ = {};
};

}  // namespace

std::string_view to_string(fault_point p) noexcept {
  switch (p) {
    case fault_point::reserve_bytes: return "reserve_bytes";
    case fault_point::reserve_nodes: return "reserve_nodes";
    case fault_point::guard: return "guard";
    case fault_point::allocate: return "allocate";
    case fault_point::lock: return "lock";
    case fault_point::space: return "space";
    case fault_point::host: return "host";
    case fault_point::store: return "store";
    case fault_point::decode: return "decode";
  }
  return "unknown";
}

fault_policy& never() noexcept {
  static auto& none = *new no_faults;
  return none;
}

fault_policy& fail_nth(fault_point p, unsigned n) {
  return keep(std::make_unique<faults_by_number>(p, n, n));
}

fault_policy& fail_from(fault_point p, unsigned n) {
  constexpr auto last = std::numeric_limits<std::uint64_t>::max();
  return keep(std::make_unique<faults_by_number>(p, n, last));
}

fault_policy& fail_at(std::string_view glob, errc e) {
  constexpr std::array points{fault_point::reserve_bytes, fault_point::reserve_nodes,
                              fault_point::guard,         fault_point::allocate,
                              fault_point::lock,          fault_point::space};
  if (std::ranges::none_of(points, [e](fault_point p) { return gives(p, e); }))
    throw std::invalid_argument("fail_at: no point of a volume fails with \"" +
                                make_error_code(e).message() + '"');
  if (!coramfs::detail::is_pattern(glob))
    throw std::invalid_argument("fail_at: the pattern is too long");
  return keep(std::make_unique<faults_at_paths>(glob, e));
}

fault_policy& fail_rate(std::uint64_t seed, double probability) {
  random_faults::likelihoods all;
  all.fill(probability);
  return keep(std::make_unique<random_faults>(seed, all));
}

fault_policy& swarm(std::uint64_t seed) {
  constexpr std::array kinds{0.0, 1.0 / 64, 1.0 / 4};
  random_faults::likelihoods chosen;
  for (std::size_t i = 0; i < chosen.size(); ++i)
    chosen[i] = kinds[mixed(~seed ^ mixed(i)) % kinds.size()];
  return keep(std::make_unique<random_faults>(seed, chosen));
}

}  // namespace coramfs::testing
