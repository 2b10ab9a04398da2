// SPDX-License-Identifier: BSL-1.0
//
// Downloads over HTTP into a volume with a hard quota, many at a time, while a second stage reads
// back what is finished. `--help` says what it can do.
#include "command_line.hpp"
#include "http_server.hpp"
#include "report.hpp"
#include "transfer.hpp"
#include "work_source.hpp"

#include <coramfs/asio.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>

#include <csignal>
#include <cstdint>
#include <exception>
#include <iomanip>
#include <iostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace download_buffer {

namespace {

coramfs::file_system make_file_system(asio::io_context& context, std::uint64_t quota) {
  coramfs::volume_options options;
  options.max_quota = quota;
  return coramfs::file_system::create(context.get_executor(), std::move(options)).value();
}

/// A volume and one use of it. While the downloads run it is used by coroutines; when they have
/// ended there is no loop any more, and it is used through its blocking face.
class buffered_run {
 public:
  explicit buffered_run(const settings& s)
      : settings_(s),
        files_(make_file_system(context_, s.quota)),
        empty_charge_(files_.get_volume().stats().used_bytes) {
    if (s.waits) results_.so_far().waited = 0;
  }

  report& results() { return results_; }
  coramfs::sync::file_system blocking_files() const {
    return coramfs::sync::file_system(files_.get_volume());
  }

  void execute(work_source& work);
  int conclude();

 private:
  leak_check remove_all();

  const settings& settings_;
  asio::io_context context_{1};
  coramfs::file_system files_;
  const std::uint64_t empty_charge_;
  report results_;
  int interrupted_by_ = 0;  // a signal
};

// The first Ctrl-C cuts the run short, a second one ends the program.
void buffered_run::execute(work_source& work) {
  transfer pipeline(files_, work, results_, settings_);
  asio::signal_set signals(context_, SIGINT, SIGTERM);
  signals.async_wait([&](const coramfs::asio_error_code& error, int number) {
    if (error) return;
    interrupted_by_ = number;
    signals.clear();  // the next one has its default effect
    pipeline.stop();
  });
  // Kept until the loop has ended: nothing that runs on it may outlive what it uses.
  std::exception_ptr failure;
  asio::co_spawn(context_, pipeline.run(), [&](std::exception_ptr thrown) {
    failure = std::move(thrown);
    signals.clear();
    signals.cancel();
  });
  context_.run();
  results_.finish();
  if (interrupted_by_ != 0) std::cerr << "interrupted: downloads that were under way are dropped\n";
  if (failure) std::rethrow_exception(failure);
}

int buffered_run::conclude() {
  const std::uint64_t peak_bytes = files_.get_volume().stats().peak_bytes;
  const leak_check leaks = remove_all();
  results_.print_table(std::cout, peak_bytes, leaks);
  if (!leaks.passed() || results_.count(problem::mismatch) != 0) return exit_failure;
  return interrupted_by_ != 0 ? 128 + interrupted_by_ : exit_ok;  // as shells count signals
}

leak_check buffered_run::remove_all() {
  const auto removed = blocking_files().remove_tree(download_root);
  if (!removed && removed.error() != coramfs::errc::not_found)
    std::cerr << download_root << ": " << removed.error().message() << '\n';
  const coramfs::volume_stats after = files_.get_volume().stats();
  return {after.open_handles, after.used_bytes, empty_charge_};
}

int download_directory(const settings& s) {
  buffered_run run(s);
  const http_server server(s.serve);
  const url served{"127.0.0.1", std::to_string(server.port()), "/"};
  directory_walk work(s.serve, served, run.results());
  run.execute(work);
  return run.conclude();
}

void list(std::uint64_t size, const std::string& name) {
  std::cout << std::setw(12) << size << "  " << name << '\n';
}

void list_stored(const std::vector<download>& downloads, coramfs::sync::file_system files) {
  for (const download& d : downloads)
    if (const auto size = files.file_size(d.to)) list(size.value(), d.to);
}

int download_urls(const settings& s) {
  buffered_run run(s);
  url_list work(s.urls);
  run.execute(work);
  if (s.waits)
    for (const removed_file& f : run.results().so_far().removed) list(f.size, f.name);
  else
    list_stored(work.all(), run.blocking_files());
  std::cout << '\n';
  return run.conclude();
}

}  // namespace

}  // namespace download_buffer

int main(int argc, char** argv) {
  try {
    const auto parsed = download_buffer::parse_command_line(argc, argv);
    if (const int* status = std::get_if<int>(&parsed)) return *status;
    const auto& s = std::get<download_buffer::settings>(parsed);
    return s.urls.empty() ? download_buffer::download_directory(s)
                          : download_buffer::download_urls(s);
  } catch (const std::exception& e) {
    std::cerr << "download_buffer: " << e.what() << '\n';
    return download_buffer::exit_failure;
  }
}
