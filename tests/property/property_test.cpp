// SPDX-License-Identifier: BSL-1.0
// Does the library do what a naive model does, whatever it is told, in every configuration?
//
// CORAMFS_PROPERTY_STEPS says how many commands are run in all, about; the full run has a million:
//   CORAMFS_PROPERTY_STEPS=1000000 tests/run property -v
// The seed is printed, and RC_PARAMS="seed=..." runs the same commands again. A failure prints
// the shortest script that was found for it, and what RC_PARAMS must be to see it alone.
#include "property/trial.hpp"

#include <coramfs/testing/faults.hpp>

#include "api/scenario.hpp"
#include "support/catch.hpp"

#include <cstdlib>
#include <iostream>
#include <string>

namespace coramfs::tests {

namespace {

// A sanitizer, which makes them slow, has seen each kind of command long before the last one.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t steps_in_suite = 40'000;
#else
constexpr std::uint64_t steps_in_suite = 200'000;
#endif
constexpr std::uint64_t steps_a_script = 200;  // on average

struct setting {
  facade_kind facade;
  storage_layout layout;
  coramfs::accounting counting;
  scale numbers;
  bool has_faults;
};

std::vector<setting> all_settings() {
  std::vector<setting> all;
  for (const auto facade : {facade_kind::threads, facade_kind::coroutines})
    for (const auto layout : layouts)
      for (const auto counting : {accounting::payload, accounting::memory})
        for (const auto numbers : {scale::small, scale::large})
          for (const bool has_faults : {false, true})
            all.push_back({facade, layout, counting, numbers, has_faults});
  return all;
}

std::string name(const setting& s) {
  static constexpr std::array layout_names{"automatic", "sequential", "random access"};
  return std::string(s.facade == facade_kind::threads ? "threads, " : "coroutines, ") +
         layout_names[static_cast<std::size_t>(s.layout)] +
         (s.counting == accounting::payload ? ", payload" : ", memory") +
         (s.numbers == scale::small ? ", small" : ", large") + (s.has_faults ? ", faults" : "");
}

// So little of everything that refusals are common.
volume_options options_of(const setting& s) {
  const bool is_small = s.numbers == scale::small;
  volume_options o;
  o.default_storage = s.layout;
  o.accounting = s.counting;
  o.max_nodes = is_small ? 10 : 14;
  o.promotion_hard_limit = is_small ? 34 : 65'536;
  o.default_lock_timeout = lock_timeout::immediate();
  if (is_small) {
    o.max_quota = s.counting == accounting::payload ? 100 : 1'700;
  } else {
    o.max_quota = 200'000;
  }
  return o;
}

std::uint64_t wanted_steps() {
  const char* const text = std::getenv("CORAMFS_PROPERTY_STEPS");
  return text != nullptr ? std::stoull(text) : steps_in_suite;
}

// How many scripts rapidcheck runs for one setting, unless RC_PARAMS says so itself.
void tell_rapidcheck(std::uint64_t scripts) {
  const char* const given = std::getenv("RC_PARAMS");
  std::string parameters = given != nullptr ? given : "";
  if (parameters.find("max_success") != parameters.npos) return;
  parameters += " max_success=" + std::to_string(scripts);
  setenv("RC_PARAMS", parameters.c_str(), 1);
}

void print(const tally& t) {
  std::cerr << t.commands << " commands, " << t.forks << " forks\n";
  for (const auto& [message, count] : t.failures)
    std::cerr << "  " << count << " " << message << '\n';
  for (const auto& [message, count] : t.faults)
    std::cerr << "  " << count << " made to fail: " << message << '\n';
}

}  // namespace

TEST_CASE("property: the library agrees with the model after every command", "[property]") {
  const auto settings = all_settings();
  const std::uint64_t scripts = wanted_steps() / steps_a_script / settings.size() + 1;
  tell_rapidcheck(scripts);
  tally t;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const setting& s = settings[i];
    const auto agrees = [&] {
      const script commands = *any_script(s.numbers, s.counting == accounting::payload, i);
      const auto seed = *rc::gen::arbitrary<std::uint64_t>();
      // rapidcheck begins each setting with the same numbers.
      faults_in_commands faults(s.has_faults ? testing::swarm(seed + i) : testing::never());
      volume_options options = options_of(s);
      options.faults = &faults;
      trial(s.facade, options, t, faults).run(commands);
    };
    CHECK(rc::check(name(s), agrees));
  }
  print(t);
  // That the commands reach what can go wrong, where they are many: as each setting begins with the
  // same numbers, a few scripts may all leave something out.
  constexpr std::uint64_t many = 100'000;
  if (t.commands < many) return;
  CHECK(t.forks > 0);
  for (const errc e :
       {errc::quota_exceeded, errc::node_limit_exceeded, errc::not_found, errc::already_exists,
        errc::is_a_directory, errc::not_a_directory, errc::directory_not_empty, errc::busy,
        errc::would_block, errc::invalid_path, errc::name_too_long, errc::invalid_argument,
        errc::not_open, errc::not_readable, errc::not_writable, errc::not_supported,
        errc::too_large}) {
    CAPTURE(error(e).message());
    CHECK(t.failures.contains(std::error_code(e).message()));
  }
  for (const errc e : {errc::quota_exceeded, errc::node_limit_exceeded, errc::out_of_memory}) {
    CAPTURE(error(e).message());
    CHECK(t.faults.contains(std::error_code(e).message()));
  }
}

}  // namespace coramfs::tests
