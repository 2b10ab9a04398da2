// SPDX-License-Identifier: BSL-1.0
// Coroutines that wait for space while others take it, free it, are cancelled or die with their
// context: every schedule that the dice come upon keeps the quota, and serves in order.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "deterministic/request.hpp"
#include "deterministic/world.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

using asio::awaitable;

constexpr std::uint64_t quota = 1000;  // at most: it changes

asio::const_buffer content_of(std::uint64_t n) {
  static const std::string xs(2 * quota, 'x');
  return asio::const_buffer(xs.data(), static_cast<std::size_t>(n));
}

class space_world final : public world {
 public:
  space_world(stage& on, std::uint64_t seed) : world(on, seed) {
    for (std::size_t i = 0; i < on.size(); ++i) on_each_.emplace_back(on[i].executor(), volume_);
  }

 private:
  void act() override {
    if (has_time_ && dice_.one_in(10)) return let_time_pass_for_all();
    if (on_.size() > 1 && dice_.one_in(20)) return kill_one();
    if (changes_quota_ && dice_.one_in(12)) return change_quota();
    switch (dice_.below(10)) {
      case 0: return cancel_one();
      case 1: return reject();
      case 2: return replace_by_less();
      case 3: return truncate_one();
      case 4: return import_over();
      case 5:
      case 6: return static_cast<void>(relieve());
      default: return begin_one();
    }
  }

  void change_quota() { set_quota(dice_.one_in(2) ? quota : dice_.below(quota + 1)); }
  void set_quota(std::uint64_t to) {
    quota_ = to;
    volume_.set_quota(to).value();
    for (const request* const r : line_.waiting()) least_[r] = std::min(least_[r], to);
  }
  // From here on the request may wait, and so see the quota change.
  void join(request& r) {
    least_[&r] = quota_;
    line_.join(r);
  }

  // Each has a file of its own, so that it waits for nothing but space.
  void begin_one() {
    request& r = requests_.emplace_back();
    r.number = requests_.size();
    r.context = dice_.below(on_.size());
    r.patience = any_patience();
    r.path = "/" + std::to_string(r.number);
    r.wanted = dice_.one_in(10) ? quota + 1 : 1 + dice_.below(600);
    const std::size_t way = dice_.below(6);
    const bool preallocates = dice_.one_in(3);
    r.has_handler = way == 5 && !preallocates;
    begin(r, preallocates ? preallocate(r, alive_) : write(r, way, alive_));
  }

  open_options options_of(const request& r) const {
    open_options o;
    o.timeout = r.patience;
    o.on_full = when_full::wait;
    return o;
  }

  awaitable<void> write(request& r, std::size_t way, std::shared_ptr<int>) {
    auto opened = co_await on_each_[r.context].open(r.path, open_mode::create, options_of(r));
    file f = std::move(opened).value();
    sizes_[r.path] = 0;
    if (dice_.one_in(4)) co_await asio::post(asio::use_awaitable);
    // Asio's own streams do not look at what was cancelled before either.
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (way == 5 && state.cancelled() != asio::cancellation_type::none) co_return give_up(r);
    join(r);
    result<std::uint64_t> done;
    if (way == 0) done = co_await f.write(content_of(r.wanted));
    if (way == 1) done = co_await f.write_at(0, content_of(r.wanted));
    if (way == 2) done = co_await f.truncate(r.wanted);
    if (way == 3) {
      bytes content(static_cast<std::size_t>(r.wanted));
      content.shrink_to_fit();
      done = co_await f.write(std::move(content));
    }
    if (way == 4) {
      const auto room = co_await f.prepare(static_cast<std::size_t>(r.wanted));
      done = error_of(room);
      if (room) done = r.wanted;
      if (room) f.commit(static_cast<std::size_t>(r.wanted)).value();
    }
    if (way == 5) {
      asio_error_code failed;
      done = co_await f.async_write_some(content_of(r.wanted),
                                         asio::redirect_error(asio::use_awaitable, failed));
      const bool is_canceled = failed == asio::error::operation_aborted;
      if (failed) done = is_canceled ? error(errc::canceled) : error(failed);
    }
    end(r, error_of(done));
  }

  void give_up(request& r) { r.has_ended = true; }

  awaitable<void> preallocate(request& r, std::shared_ptr<int>) {
    join(r);
    open_options o = options_of(r);
    o.preallocate = r.wanted;
    const auto opened = co_await on_each_[r.context].open(r.path, open_mode::write, o);
    end(r, error_of(opened));
  }

  void end(request& r, const error& e) {
    if (!e.code()) {
      sizes_[r.path] = r.wanted;
      // All may pass at once: what is set aside for one is no other's.
      line_.succeed(r, [](const request&, const request&) { return false; });
      return;
    }
    if (e == errc::quota_exceeded) {
      require(r.wanted > least_[&r] || r.patience.is_immediate(),
              "what can ever fit is waited for");
      require(e.available() < r.wanted, "what fits is not refused");
    }
    line_.fail(r, e);
  }

  void cancel_one() {
    if (requests_.empty()) return;
    request& r = requests_[dice_.below(requests_.size())];
    if (!r.has_ended) cancel(r);
  }

  void kill_one() {
    const std::size_t doomed = dice_.below(on_.size());
    on_.destroy(doomed);
    for (request& r : requests_) {
      if (r.has_ended || r.context != doomed) continue;
      if (r.has_begun) line_.leave(r);
      r.has_ended = true;
      // What it stored, and was to be told, is there.
      if (r.has_handler && r.has_begun) sizes_[r.path] = threads_.file_size(r.path).value();
    }
    on_.replace(doomed);
    on_each_[doomed] = file_system(on_[doomed].executor(), volume_);
  }

  void let_time_pass_for_all() {
    const bool much = dice_.one_in(4);
    line_.time_passed(much);
    let_time_pass(much);
  }

  // One that does not wait takes no more than was free before.
  void reject() {
    const std::uint64_t size = 1 + dice_.below(quota), free = volume_.stats().free_bytes;
    const auto done = threads_.write_file("/reject", content_of(size));
    const std::uint64_t had = sizes_.contains("/reject") ? sizes_["/reject"] : 0;
    if (done) {
      require(size <= had + free, "nobody takes more than there is");
      sizes_["/reject"] = size;
    } else {
      require(done.error() == errc::quota_exceeded, "only space is lacking");
      require(done.error().available() <= free, "what is set aside is not available");
      require(done.error().available() < size - had, "what fits is not refused");
    }
  }

  using size_map = std::map<std::string, std::uint64_t>;

  // One that nobody has open.
  size_map::iterator any_closed() {
    if (sizes_.empty()) return sizes_.end();
    const auto first =
        std::next(sizes_.begin(), static_cast<std::ptrdiff_t>(dice_.below(sizes_.size())));
    for (auto i = first; i != sizes_.end(); ++i)
      if (is_closed(i->first)) return i;
    return sizes_.end();
  }
  bool is_closed(const std::string& path) {
    for (const request& r : requests_)
      if (r.path == path) return r.has_ended;
    return true;
  }

  void replace_by_less() {
    const auto one = any_closed();
    if (one == sizes_.end()) return;
    const std::uint64_t less = dice_.below(one->second + 1);
    threads_.write_file(one->first, content_of(less)).value();
    one->second = less;
  }

  void truncate_one() {
    const auto one = any_closed();
    if (one == sizes_.end()) return;
    auto f = threads_.open(one->first, open_mode::update).value();
    one->second = f.truncate(one->second / 2).value();
  }

  void import_over() {
    const auto one = any_closed();
    if (one == sizes_.end()) return;
    const std::uint64_t less = one->second / 2;
    threads_.import_tree({{one->first, bytes(static_cast<std::size_t>(less))}}).value();
    one->second = less;
  }

  bool relieve() override {
    auto one = any_closed();
    if (one == sizes_.end()) one = any_closed_from_the_start();
    if (one == sizes_.end()) {
      // Nobody has a file, and so whoever waits is served by the whole of the quota.
      if (quota_ == quota) return false;
      set_quota(quota);
      return true;
    }
    threads_.remove(one->first).value();
    sizes_.erase(one);
    return true;
  }
  size_map::iterator any_closed_from_the_start() {
    for (auto i = sizes_.begin(); i != sizes_.end(); ++i)
      if (is_closed(i->first)) return i;
    return sizes_.end();
  }

  void check() override {
    line_.step_ended();
    const volume_stats s = volume_.stats();
    std::uint64_t used = 0;
    for (const auto& [path, size] : sizes_) used += size;
    std::uint64_t handlers = 0, perhaps = 0;
    for (const request* const r : line_.waiting()) {
      handlers += r->has_handler;
      if (r->has_handler) perhaps += r->wanted;
    }
    const std::uint64_t waiting = line_.waiting().size();
    require(s.quota_bytes == quota_, "the figures show the quota");
    require(s.used_bytes <= quota, "the quota holds");
    require(s.free_bytes == quota_ - std::min(quota_, s.used_bytes), "what is left is free");

    require(s.used_bytes >= used && s.used_bytes <= used + perhaps,
            "what is used is what the files have");
    require(s.waiting <= waiting && s.waiting + handlers >= waiting, "the figures count who waits");
  }

  void check_quiet() override {
    line_.check_quiet();
    const std::uint64_t free = volume_.stats().free_bytes, available = available_bytes();
    if (line_.empty()) {
      require(available == free, "nothing is set aside for nobody");
    } else {
      require(line_.head().wanted > free, "who can be served is served");
    }
    if (last_head_ != nullptr && !last_head_->has_ended)
      require(available <= last_available_, "what is freed while one waits is set aside");
    last_head_ = line_.empty() ? nullptr : &line_.head();
    last_available_ = available;
  }
  std::uint64_t available_bytes() {
    return error_of(threads_.write_file("/probe", content_of(quota + 1))).available();
  }

  void check_end() override {
    require(line_.empty(), "nobody waits for ever");
    require(alive_.use_count() == 1, "every coroutine has ended");
    require(volume_.stats().used_bytes == 0, "nothing is used");
    threads_.write_file("/all", content_of(quota)).value();
  }

  static volume make(const staged_context& on) {
    volume_options o;
    o.max_quota = quota;
    o.accounting = accounting::payload;
    return volume::create(on.options(o)).value();
  }

  volume volume_ = make(on_[0]);
  sync::file_system threads_{volume_};
  std::vector<file_system> on_each_;
  std::deque<request> requests_;
  line line_;
  size_map sizes_;  // of all files that there are
  const bool changes_quota_ = dice_.one_in(3);
  std::uint64_t quota_ = quota;                    // now
  std::map<const request*, std::uint64_t> least_;  // quota that there was since they came
  const request* last_head_ = nullptr;
  std::uint64_t last_available_ = 0;
  const std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

void explore(std::size_t contexts, std::uint64_t count) {
  for_each_schedule(contexts, count, [&](stage& on, std::uint64_t seed) {
    space_world w(on, seed);
    w.run(60);
  });
}

}  // namespace

TEST_CASE("space schedules: one context", "[deterministic][space]") { explore(1, 50'000); }

TEST_CASE("space schedules: contexts that die", "[deterministic][space]") { explore(2, 25'000); }

}  // namespace coramfs::tests
