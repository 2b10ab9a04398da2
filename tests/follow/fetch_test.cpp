// SPDX-License-Identifier: BSL-1.0
// Files that whoever wants them first has made, through both facades and with tokens.
#include <coramfs/testing/fault_policy.hpp>

#include "follow/facades.hpp"
#include "follow/producers.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "support/manual_clock.hpp"

#include <asio/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coramfs::tests {

namespace {

using facades = std::tuple<by_threads, by_coroutines, by_tokens>;

/// Fails the nth point that operations come to, and counts them.
class failing_point final : public testing::fault_policy {
 public:
  explicit failing_point(std::size_t nth) : nth_(nth) {}
  bool has_failed() const { return met_ >= nth_; }
  std::optional<error> at(testing::fault_point p, std::string_view, std::uint64_t) override {
    if (++met_ != nth_) return std::nullopt;
    failed_at = p;
    return errc::busy;
  }

  std::optional<testing::fault_point> failed_at;

 private:
  std::size_t nth_;
  std::size_t met_ = 0;
};

/// Reads to the end; what it ends with is in `why`.
template <class On>
std::string read_to_end(On& on, typename On::follower& f, error& why) {
  std::string all;
  for (;;) {
    auto piece = on([&](auto&... end) { return f.next(1 << 20, end...); });
    why = error_of(piece);
    if (!piece || piece.value().size() == 0) return all;
    std::string text(piece.value().size(), '\0');
    asio::buffer_copy(asio::buffer(text), piece.value());
    all += text;
  }
}

template <class On>
auto fetch(On& on, const std::string& path, const script& s,
           const fetch_options_of<On>& options = {}) {
  return on([&](auto&... end) { return on.fs.fetch(path, producer_of<On>(s), options, end...); });
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("fetch: the first has the file made, and others find it", "[fetch][api]",
                        facades) {
  const volume v = volume::create().value();
  TestType on(v);
  sync::file_system threads(v);
  script s{.text = "all of it"};
  error why = errc::busy;
  {
    auto first = fetch(on, "/f", s).value();
    CHECK(read_to_end(on, first, why) == "all of it");
    CHECK(!why.code());
    CHECK(first.state() == follow_state::complete);
  }
  CHECK(threads.read_text("/f").value() == "all of it");
  CHECK(threads.stats().value().open_handles == 0);
  auto second = fetch(on, "/f", s).value();
  CHECK(read_to_end(on, second, why) == "all of it");
  CHECK(*s.begun == 1);
}

TEMPLATE_LIST_TEST_CASE("fetch: the options may be left out", "[fetch][api]", facades) {
  TestType on(volume::create().value());
  script s{.text = "x"};
  auto f =
      on([&](auto&... end) { return on.fs.fetch("/f", producer_of<TestType>(s), end...); }).value();
  error why = errc::busy;
  CHECK(read_to_end(on, f, why) == "x");
}

TEMPLATE_LIST_TEST_CASE("fetch: a file without bytes is one", "[fetch][api]", facades) {
  TestType on(volume::create().value());
  auto f = fetch(on, "/f", {}).value();
  error why = errc::busy;
  CHECK(read_to_end(on, f, why).empty());
  CHECK(!why.code());
}

TEMPLATE_LIST_TEST_CASE("fetch: what another writes is followed, as by follow", "[fetch][api]",
                        facades) {
  const volume v = volume::create().value();
  TestType on(v);
  sync::file_system threads(v);
  script s;
  auto w = threads.open("/f", open_mode::write, {.followable = true}).value();
  w.write("begun").value();
  fetch_options_of<TestType> options;
  options.follow.from = 2;
  auto f = fetch(on, "/f", s, options).value();
  CHECK(f.state() == follow_state::growing);
  CHECK(f.position() == 2);
  w.write(" and ended").value();
  w.finish().value();
  error why = errc::busy;
  CHECK(read_to_end(on, f, why) == "gun and ended");
  CHECK(!why.code());
  CHECK(*s.begun == 0);
}

TEMPLATE_LIST_TEST_CASE("fetch: what can not be followed or made is no producer's business",
                        "[fetch][api]", facades) {
  const volume v = volume::create().value();
  TestType on(v);
  sync::file_system threads(v);
  threads.create_directory("/d").value();
  threads.write_file("/plain", "x").value();
  const auto writes = threads.open("/plain", open_mode::update).value();
  script s;
  fetch_options_of<TestType> at_once;
  at_once.follow.patience = lock_timeout::immediate();
  CHECK(error_of(fetch(on, "/d", s)) == errc::is_a_directory);
  CHECK(error_of(fetch(on, "/none/f", s)) == errc::not_found);
  CHECK(error_of(fetch(on, "/plain/f", s)) == errc::not_a_directory);
  CHECK(error_of(fetch(on, "/../f", s)) == errc::invalid_path);
  CHECK(error_of(fetch(on, "/plain", s, at_once)) == errc::would_block);
  at_once.follow.patience = std::chrono::milliseconds(1);
  CHECK(error_of(fetch(on, "/plain", s, at_once)) == errc::timed_out);
  CHECK(*s.begun == 0);
}

TEMPLATE_LIST_TEST_CASE("fetch: an incomplete file is followed as it is", "[fetch][api]", facades) {
  const volume v = volume::create().value();
  TestType on(v);
  sync::file_system threads(v);
  auto w = threads.open("/f", open_mode::write, {.followable = true, .abandoned = on_abandon::keep})
               .value();
  w.write("a part").value();
  w.abandon().value();
  script s{.text = "other"};
  auto f = fetch(on, "/f", s).value();
  error why{std::error_code()};
  CHECK(read_to_end(on, f, why) == "a part");
  CHECK(why == errc::abandoned);
  CHECK(*s.begun == 0);
}

TEMPLATE_LIST_TEST_CASE("fetch: an error before the first byte is that of the call", "[fetch][api]",
                        facades) {
  const volume v = volume::create().value();
  TestType on(v);
  sync::file_system threads(v);
  const error reset(static_cast<std::error_code>(asio_error_code(asio::error::connection_reset)));
  const error eof(static_cast<std::error_code>(asio_error_code(asio::error::eof)));
  const auto failing_with = [](const error& e) {
    return script{.end = [e] { return result<void>(e); }};
  };
  CHECK(error_of(fetch(on, "/f", failing_with(errc::corrupt_archive))) == errc::corrupt_archive);
  CHECK(error_of(fetch(on, "/f", failing_with(reset))).code() == reset.code());
  // What could be taken for the caller's own, or for an end.
  CHECK(error_of(fetch(on, "/f", failing_with(errc::timed_out))) == errc::abandoned);
  CHECK(error_of(fetch(on, "/f", failing_with(eof))) == errc::abandoned);
  const script throwing{.end = []() -> result<void> { throw std::runtime_error("its own"); }};
  CHECK(error_of(fetch(on, "/f", throwing)) == errc::abandoned);
  const volume_stats s = threads.stats().value();
  CHECK(s.file_count == 0);
  CHECK(s.open_handles == 0);
  CHECK(error_of(fetch(on, "/f", {.text = "better"})).code().value() == 0);
}

TEMPLATE_LIST_TEST_CASE("fetch: an error behind bytes comes behind them", "[fetch][api]", facades) {
  const volume v = volume::create().value();
  TestType on(v);
  sync::file_system threads(v);
  const bool throws = GENERATE(false, true);
  const script s{.text = "a part", .end = [throws]() -> result<void> {
                   if (throws) throw std::runtime_error("its own");
                   return errc::corrupt_archive;
                 }};
  auto f = fetch(on, "/f", s).value();
  error why{std::error_code()};
  CHECK(read_to_end(on, f, why) == "a part");
  CHECK(why == (throws ? errc::abandoned : errc::corrupt_archive));
  CHECK(!threads.exists("/f").value());
}

TEMPLATE_LIST_TEST_CASE("fetch: a success at another size than was announced is none",
                        "[fetch][api]", facades) {
  const volume v = volume::create().value();
  TestType on(v);
  sync::file_system threads(v);
  auto f = fetch(on, "/f", {.text = "short", .size = 6}).value();
  CHECK(f.expected_size() == 6);
  error why{std::error_code()};
  CHECK(read_to_end(on, f, why) == "short");
  CHECK(why == errc::abandoned);
  CHECK(!threads.exists("/f").value());
}

TEMPLATE_LIST_TEST_CASE("fetch: negative keeps an error for others until its time is over",
                        "[fetch][api]", facades) {
  const auto clock = std::make_shared<manual_clock>();
  volume_options v;
  v.clock = clock;
  TestType on(volume::create(v).value());
  script s{.end = [] { return result<void>(errc::corrupt_archive); }};
  fetch_options_of<TestType> keeps;
  keeps.negative = std::chrono::seconds(10);
  CHECK(error_of(fetch(on, "/f", s, keeps)) == errc::corrupt_archive);
  clock->advance(std::chrono::milliseconds(9'999));
  CHECK(error_of(fetch(on, "/./f", s)) == errc::corrupt_archive);
  CHECK(*s.begun == 1);
  CHECK(error_of(fetch(on, "/g", s)) == errc::corrupt_archive);
  CHECK(*s.begun == 2);
  clock->advance(std::chrono::milliseconds(1));
  CHECK(error_of(fetch(on, "/f", s)) == errc::corrupt_archive);
  CHECK(*s.begun == 3);
  // Nothing was kept of that one.
  CHECK(error_of(fetch(on, "/f", {.text = "there"})).code().value() == 0);
}

TEMPLATE_LIST_TEST_CASE("fetch: negative says nothing of an error behind bytes, or of a file",
                        "[fetch][api]", facades) {
  const volume v = volume::create().value();
  TestType on(v);
  fetch_options_of<TestType> keeps;
  keeps.negative = std::chrono::hours(1);
  const auto end = [] { return result<void>(errc::corrupt_archive); };
  CHECK(error_of(fetch(on, "/f", {.text = "a part", .end = end}, keeps)).code().value() == 0);
  CHECK(error_of(fetch(on, "/f", {.text = "all"})).code().value() == 0);
  CHECK(error_of(fetch(on, "/g", {.end = end}, keeps)) == errc::corrupt_archive);
  sync::file_system(v).write_file("/g", "by other means").value();
  auto f = fetch(on, "/g", {}).value();
  error why = errc::busy;
  CHECK(read_to_end(on, f, why) == "by other means");
}

TEMPLATE_LIST_TEST_CASE("fetch: no more follow than a caller wants", "[fetch][api]", facades) {
  const volume v = volume::create().value();
  TestType on(v);
  sync::file_system threads(v);
  auto w = threads.open("/f", open_mode::write, {.followable = true}).value();
  w.write("x").value();
  fetch_options_of<TestType> options;
  options.max_followers = 2;
  const auto first = fetch(on, "/f", {}, options).value();
  const auto second = threads.follow("/f").value();
  CHECK(error_of(fetch(on, "/f", {}, options)) == errc::busy);
  options.max_followers = 3;
  CHECK(error_of(fetch(on, "/f", {}, options)).code().value() == 0);
  options.max_followers = 0;
  script s;
  CHECK(error_of(fetch(on, "/new", s, options)) == errc::busy);
  CHECK(*s.begun == 0);
  CHECK(!threads.exists("/new").value());
}

TEMPLATE_LIST_TEST_CASE("fetch: where a point fails it is refused, and nothing is left",
                        "[fetch][faults]", facades) {
  std::set<testing::fault_point> seen;
  for (std::size_t nth = 1;; ++nth) {
    CAPTURE(nth);
    failing_point faults(nth);
    const volume v = volume::create({.faults = &faults}).value();
    TestType on(v);
    bool was_written = true;
    const auto write = [&](auto written) -> result<void> {
      was_written = static_cast<bool>(written);
      if (!written) return written.error();
      return boost::outcome_v2::success();
    };
    result<typename TestType::follower> f = errc::canceled;
    if constexpr (std::is_same_v<TestType, by_threads>) {
      f = on.fs.fetch("/f", [&](sync::file& to) { return write(to.write("all of it")); });
    } else {
      f = on([&](auto&... end) {
        return on.fs.fetch(
            "/f",
            [&](file to) -> asio::awaitable<result<void>> {
              auto done = co_await to.write(asio::buffer("all of it", 9));
              co_return write(std::move(done));
            },
            end...);
      });
    }
    if (!faults.has_failed()) {
      CHECK(f.value().committed() == 9);
      break;
    }
    seen.insert(*faults.failed_at);
    REQUIRE(!f);
    const bool is_lock = faults.failed_at == testing::fault_point::lock;
    CHECK((was_written || f.error() != errc::busy));
    if (is_lock) CHECK((f.error() == errc::timed_out || f.error() == errc::canceled));
    // Without followers the producer is stopped, unless it is faster.
    const sync::file_system threads(v);
    if (is_lock && threads.exists("/f").value()) {
      CHECK(threads.read_text("/f").value() == "all of it");
      threads.remove("/f").value();
    }
    const volume_stats s = v.stats();
    CHECK(s.file_count == 0);
    CHECK(s.open_handles == 0);
    CHECK(s.used_bytes == volume::create().value().stats().used_bytes);
  }
  CHECK(seen.count(testing::fault_point::reserve_nodes) == 1);
  CHECK(seen.count(testing::fault_point::reserve_bytes) == 1);
  CHECK(seen.count(testing::fault_point::allocate) == 1);
  CHECK(seen.count(testing::fault_point::lock) == (std::is_same_v<TestType, by_threads> ? 0 : 1));
}

TEST_CASE("fetch: a thread's producer may take its file by reference, and keep it",
          "[fetch][api]") {
  sync::file_system fs(volume::create().value());
  const auto f = fs.fetch("/f", [](sync::file& to) -> result<void> {
    to.write("abc").value();
    return boost::outcome_v2::success();
  });
  CHECK(f.value().state() == follow_state::complete);
  CHECK(f.value().committed() == 3);
}

TEST_CASE("fetch: the word of a thread's producer ends what it has handed on", "[fetch][api]") {
  sync::file_system fs(volume::create().value());
  const auto hand_on = [](sync::file other, bool dies) {
    other.write("abc").value();
    if (dies) throw std::runtime_error("its own");
  };
  const bool dies = GENERATE(false, true);
  const auto produce = [&](sync::file& to) -> result<void> {
    try {
      hand_on(std::move(to), dies);
    } catch (const std::runtime_error&) {
    }
    return boost::outcome_v2::success();
  };
  result<sync::follower> f = errc::busy;
  SECTION("by reference") { f = fs.fetch("/f", produce); }
  SECTION("by value") {
    f = fs.fetch("/f", [&](sync::file to) { return produce(to); });
  }
  SECTION("by a reference to what may be moved") {
    f = fs.fetch("/f", [&](sync::file&& to) { return produce(to); });
  }
  SECTION("through a wrapper") {
    const std::function<result<void>(sync::file)> wrapped = [&](sync::file to) {
      return produce(to);
    };
    f = fs.fetch("/f", wrapped);
  }
  SECTION("away and back") {
    f = fs.fetch("/f", [&](sync::file to) {
      sync::file other = std::move(to);
      to = std::move(other);
      return produce(to);
    });
  }
  CHECK(f.value().committed() == 3);
  CHECK(f.value().state() == (dies ? follow_state::abandoned : follow_state::complete));
  CHECK(fs.exists("/f").value() == !dies);
}

TEST_CASE("fetch: a thread's producer may run while an exception passes", "[fetch][api]") {
  sync::file_system fs(volume::create().value());
  struct at_end {
    ~at_end() {
      static_cast<void>(fs.fetch("/f", [](sync::file to) -> result<void> {
        to.write("abc").value();
        return boost::outcome_v2::success();
      }));
    }
    sync::file_system& fs;
  };
  try {
    const at_end fetches{fs};
    throw std::runtime_error("its own");
  } catch (const std::runtime_error&) {
  }
  CHECK(fs.read_text("/f").value() == "abc");
}

TEST_CASE("fetch: a thread's producer waits for space, and its file has a name, if that is wanted",
          "[fetch][api]") {
  const volume v = volume::create({.max_quota = 1 << 20}).value();
  sync::file_system fs(v);
  fs.write_file("/other", std::string(700'000, 'o')).value();
  const bool waits = GENERATE(false, true);
  std::optional<error> ended;
  const auto f = fs.fetch("/f",
                          [&](sync::file& to) -> result<void> {
                            const auto open = v.open_handles().value();
                            CHECK(std::any_of(open.begin(), open.end(),
                                              [](const auto& h) { return h.label == "mine"; }));
                            to.write("abc").value();
                            ended = error_of(to.write(std::string(700'000, 'x')));
                            return *ended;
                          },
                          {.on_full = waits ? when_full::wait : when_full::reject,
                           .timeout = std::chrono::milliseconds(1),
                           .label = "mine"});
  CHECK(ended == (waits ? errc::timed_out : errc::quota_exceeded));
  CHECK(f.value().state() == follow_state::abandoned);
}

TEST_CASE("fetch: a file that a thread's producer keeps elsewhere ends for itself",
          "[fetch][api]") {
  sync::file_system fs(volume::create().value());
  std::optional<sync::file> kept;
  const auto f = fs.fetch("/f", [&](sync::file to) -> result<void> {
    to.write("abc").value();
    kept = std::move(to);
    return boost::outcome_v2::success();
  });
  CHECK(f.value().state() == follow_state::growing);
  kept.reset();
  CHECK(f.value().state() == follow_state::abandoned);
}

namespace {

/// Has another fetch of the file made, and fail, while the first one is about to make it.
class faster_one final : public testing::fault_policy {
 public:
  std::optional<error> at(testing::fault_point p, std::string_view, std::uint64_t) override {
    if (p != testing::fault_point::reserve_nodes || !std::exchange(is_armed, false))
      return std::nullopt;
    sync::fetch_options keeps;
    keeps.negative = std::chrono::hours(1);
    const auto f = fs->fetch(
        "/f", [](sync::file&) -> result<void> { return errc::corrupt_archive; }, keeps);
    CHECK(error_of(f) == errc::corrupt_archive);
    return std::nullopt;
  }

  std::optional<sync::file_system> fs;
  bool is_armed = true;
};

}  // namespace

TEST_CASE("fetch: negative answers one who has begun to make the file already", "[fetch][api]") {
  faster_one faults;
  faults.fs.emplace(volume::create({.faults = &faults}).value());
  int begun = 0;
  const auto f = faults.fs->fetch("/f", [&](sync::file&) -> result<void> {
    ++begun;
    return boost::outcome_v2::success();
  });
  CHECK(!faults.is_armed);
  CHECK(error_of(f) == errc::corrupt_archive);
  CHECK(begun == 0);
  CHECK(!faults.fs->exists("/f").value());
  const volume_stats s = faults.fs->stats().value();
  CHECK(s.open_handles == 0);
  faults.fs.reset();
}

TEST_CASE("fetch: a thread that comes while another produces reads what is there",
          "[fetch][threads]") {
  sync::file_system fs(volume::create().value());
  const auto f = fs.fetch("/f", [&](sync::file to) -> result<void> {
    to.write("abc").value();
    auto second = fs.fetch("/f", [](sync::file&) -> result<void> { return errc::busy; });
    CHECK(second.value().state() == follow_state::growing);
    CHECK(second.value().committed() == 3);
    return boost::outcome_v2::success();
  });
  CHECK(f.value().state() == follow_state::complete);
}

}  // namespace coramfs::tests
