// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/faults.hpp>

#include <coramfs/testing/detail/failure_count.hpp>

#include "integrations/testing/fault_errors.hpp"
#include "integrations/testing/leftovers.hpp"

#include <atomic>
#include <exception>
#include <functional>
#include <iostream>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::detail {

namespace {

using testing::each_failure_options;
using testing::fault_point;
using run_function = std::function<void(volume_options, const begin_failing&)>;

std::string text_of(fault_point p, std::string_view path, std::uint64_t amount) {
  std::string text(to_string(p));
  if (!path.empty()) (text += " \"").append(path) += '"';
  if (p == fault_point::lock) return text;
  const char* const unit = p == fault_point::reserve_nodes ? " node" : " byte";
  return text + " (" + std::to_string(amount) + unit + (amount == 1 ? ")" : "s)");
}

/// Fails one point, by its number among all that the volume comes to while it is armed.
class one_fault final : public testing::fault_policy {
 public:
  explicit one_fault(unsigned nth) noexcept : nth_(nth) {}

  void arm() noexcept { is_armed_ = true; }
  void disarm() noexcept { is_armed_ = false; }
  void report() noexcept { is_reported_ = true; }

  std::optional<error> at(fault_point p, std::string_view path, std::uint64_t amount) override {
    if (!is_armed_) return std::nullopt;
    const std::lock_guard lock(mutex_);
    ++met_;
    // Where an operation waits for the bytes that it was refused, nobody else hears of that.
    const bool is_next = failed_ && met_ == nth_ + 1 && thread_ == std::this_thread::get_id();
    if (is_next && has_failed_bytes_ && p == fault_point::space) is_reported_ = true;
    if (met_ != nth_) return std::nullopt;
    failed_ = text_of(p, path, amount);
    thread_ = std::this_thread::get_id();
    has_failed_bytes_ = p == fault_point::reserve_bytes;
    return first_error(p);
  }

  // When the run is over.
  const std::optional<std::string>& failed() const noexcept { return failed_; }
  bool is_reported() const noexcept { return is_reported_; }

 private:
  const std::uint64_t nth_;
  std::atomic<bool> is_armed_ = false, is_reported_ = false;
  std::mutex mutex_;
  std::uint64_t met_ = 0;  // guarded by mutex_, as all below
  std::optional<std::string> failed_;
  std::thread::id thread_;
  bool has_failed_bytes_ = false;
};

// The two are one type with the standalone Asio.
bool is_error_report(const std::exception& e) noexcept {
  return dynamic_cast<const std::system_error*>(&e) != nullptr ||
         dynamic_cast<const asio_system_error*>(&e) != nullptr;
}

// What is wrong with the books of a volume, which is emptied by that; nothing if they are right.
std::optional<std::string> imbalance(const volume& v) {
  const auto counted = [](std::uint64_t n, const char* what) {
    return what + (": " + std::to_string(n));
  };
  const volume_stats before = v.stats();
  if (before.open_handles != 0 || before.waiting != 0)
    return "something is left:" + leftovers_of(v);
  sync::file_system fs(v);
  const std::vector<std::string> names = fs.list("/").value();
  for (const std::string& name : names) {
    const std::string path = '/' + name;
    (fs.is_directory(path).value() ? fs.remove_tree(path) : fs.remove(path)).value();
  }
  const volume_stats s = v.stats();
  if (s.used_bytes != 0)
    return counted(s.used_bytes, "bytes that are charged though nothing is left");
  const std::uint64_t nodes = s.file_count + s.directory_count - 1;
  if (nodes != 0) return counted(nodes, "nodes that are counted though nothing is left");
  if (s.chunk_count != 0)
    return counted(s.chunk_count, "chunks that are counted though nothing is left");
  return std::nullopt;
}

class failing_runs {
 public:
  failing_runs(volume_options options, each_failure_options how)
      : options_(std::move(options)), how_(std::move(how)) {}

  unsigned operator()(const run_function& run) {
    for (unsigned n = 1; n <= how_.limit; ++n)
      if (is_last(n, run)) return n;
    throw std::runtime_error("each_failure: after " + std::to_string(how_.limit) +
                             " runs there is yet another point that could fail");
  }

 private:
  bool is_last(unsigned n, const run_function& run) {
    one_fault fault(n);
    volume_options options = options_;
    options.faults = &fault;
    std::optional<volume> v;
    const unsigned long failures = testing::detail::failure_count();
    try {
      run(options, [&](const volume& made) {
        v = made;
        fault.arm();
      });
    } catch (const std::exception& e) {
      if (!fault.failed()) throw;
      if (!is_error_report(e)) {
        tell(n, "failed after the fault at " + *fault.failed());
        throw;
      }
      fault.report();
    } catch (...) {
      if (fault.failed()) tell(n, "failed after the fault at " + *fault.failed());
      throw;
    }
    fault.disarm();
    const std::string at = fault.failed() ? ", with a fault at " + *fault.failed() : "";
    if (const auto wrong = imbalance(*v))
      throw std::runtime_error("each_failure: after run " + std::to_string(n) + at + ", " + *wrong);
    const bool has_failed = testing::detail::failure_count() != failures;
    if (fault.failed() && has_failed) {
      tell(n, "failed after the fault at " + *fault.failed());
    } else if (fault.failed() && !fault.is_reported()) {
      tell(n, "swallowed at " + *fault.failed());
    }
    return !fault.failed();
  }

  void tell(unsigned run, const std::string& what) const {
    const std::string line = "each_failure: run " + std::to_string(run) + ": " + what;
    if (how_.tell) {
      how_.tell(line);
    } else {
      std::clog << line << '\n';
    }
  }

  const volume_options options_;
  const each_failure_options how_;
};

}  // namespace

unsigned run_each_failure(volume_options options, run_function run, each_failure_options how) {
  return failing_runs(std::move(options), std::move(how))(run);
}

}  // namespace coramfs::detail

namespace coramfs::testing {

unsigned each_failure(volume_options options, std::function<void(sync::file_system&)> body,
                      each_failure_options how) {
  const auto run = [&](volume_options chosen, const coramfs::detail::begin_failing& begins) {
    sync::file_system fs(volume::create(std::move(chosen)).value());
    begins(fs.get_volume());
    body(fs);
  };
  return coramfs::detail::run_each_failure(std::move(options), run, std::move(how));
}

void report_error(const volume& of) noexcept {
  if (auto* const fault = dynamic_cast<coramfs::detail::one_fault*>(of.options().faults))
    fault->report();
}

}  // namespace coramfs::testing
