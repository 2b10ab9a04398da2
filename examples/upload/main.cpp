// SPDX-License-Identifier: BSL-1.0
//
// Serves files over HTTP straight out of a volume, by pins, while a writer changes what is being
// sent. `--help` says what it can do.
#include "catalogue.hpp"
#include "client.hpp"
#include "command_line.hpp"
#include "pin_responder.hpp"
#include "report.hpp"
#include "rewriter.hpp"
#include "shared/bounded_queue.hpp"
#include "shared/http_listener.hpp"
#include "shared/progress_line.hpp"

#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>

namespace upload {

namespace {

constexpr std::size_t queue_capacity = 256;

coramfs::file_system make_file_system(asio::io_context& context, std::uint64_t quota) {
  coramfs::volume_options options;
  options.max_quota = quota;
  return coramfs::file_system::create(context.get_executor(), std::move(options)).value();
}

/// A volume, a server and a writer over it on one thread, and a client on another.
class upload_run {
 public:
  explicit upload_run(const settings& s)
      : settings_(s),
        files_(make_file_system(context_, s.quota)),
        blocking_(files_.get_volume()),
        to_rewrite_(context_.get_executor(), queue_capacity),
        responder_(files_, to_rewrite_),
        listener_(context_.get_executor(), responder_),
        writer_(files_, to_rewrite_) {}

  report execute();
  const coramfs::volume& get_volume() const { return files_.get_volume(); }

 private:
  void serve();
  void fetch();
  void note_server_side();
  void remove_all();

  const settings& settings_;
  asio::io_context context_{1};
  coramfs::file_system files_;
  coramfs::sync::file_system blocking_;
  catalogue served_;
  shared::bounded_queue<rewriting*> to_rewrite_;
  pin_responder responder_;
  shared::http_listener listener_;
  rewriter writer_;
  report report_;
  std::exception_ptr client_failure_;
};

report upload_run::execute() {
  report_.charge_when_empty = files_.get_volume().stats().used_bytes;
  served_ = load(settings_.directory, blocking_);
  report_.charge_before = files_.get_volume().stats().used_bytes;
  serve();
  note_server_side();
  remove_all();
  return report_;
}

void upload_run::serve() {
  asio::co_spawn(context_, listener_.run(), asio::detached);
  asio::co_spawn(context_, writer_.run(), asio::detached);
  std::thread client_thread([this] { fetch(); });
  context_.run();
  client_thread.join();
  if (client_failure_) std::rethrow_exception(client_failure_);
}

void upload_run::fetch() {
  const auto began = std::chrono::steady_clock::now();
  try {
    client requests(served_.entries, listener_.port(), settings_.connections);
    report_.fetched = requests.run();
  } catch (...) {
    client_failure_ = std::current_exception();
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  report_.seconds = taken.count();
  asio::post(context_, [this] {
    listener_.close();
    to_rewrite_.close();
  });
}

void upload_run::note_server_side() {
  const coramfs::volume_stats now = files_.get_volume().stats();
  report_.charge_after = now.used_bytes;
  report_.peak_charge = now.peak_bytes;
  report_.skipped = served_.skipped;
  report_.refused = served_.refused;
  report_.rewritten = writer_.rewritten().size();
  report_.not_rewritten = writer_.refused_files();
  report_.failed_rewrites = writer_.failed_files();
  report_.changed_while_sent = responder_.changed_meanwhile();
  report_.peak_pinned_bytes = responder_.peak_pinned_bytes();
  report_.pinned_bytes_left = responder_.pinned_bytes();
  report_.wrong_in_volume = count_wrong(served_, writer_, blocking_);
}

void upload_run::remove_all() {
  const auto removed = blocking_.remove_tree(served_root);
  if (!removed && removed.error() != coramfs::errc::not_found)
    std::cerr << served_root << ": " << removed.error().message() << '\n';
  const coramfs::volume_stats now = files_.get_volume().stats();
  report_.charge_left = now.used_bytes;
  report_.open_handles_left = now.open_handles;
}

}  // namespace

}  // namespace upload

int main(int argc, char** argv) {
  try {
    const auto parsed = upload::parse_command_line(argc, argv);
    if (const int* status = std::get_if<int>(&parsed)) return *status;
    upload::upload_run run(std::get<upload::settings>(parsed));
    auto progress = std::make_optional<shared::progress_line>(run.get_volume());
    const upload::report done = run.execute();
    progress.reset();
    done.print(std::cout);
    return done.passed() ? upload::exit_ok : upload::exit_failure;
  } catch (const std::exception& e) {
    std::cerr << "upload: " << e.what() << '\n';
    return upload::exit_failure;
  }
}
