// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "command_line.hpp"
#include "consumer.hpp"
#include "guard.hpp"
#include "input_stream.hpp"
#include "producer.hpp"
#include "window.hpp"

#include <coramfs/file_system.hpp>

#include <asio/io_context.hpp>

#include <filesystem>
#include <vector>

namespace guarded_stream {

/// A volume with a producer and a consumer that share one thread, for one run.
class stream {
 public:
  /// The settings and the files must live as long as this. Throws `std::system_error` if the
  /// machine has too little memory for the quota, and the guard rejects that.
  stream(const settings& s, const std::vector<std::filesystem::path>& files);

  /// Until the consumer has finished the last segment, or one of the two has failed.
  coramfs::result<void> run();

  const input_stream& input() const { return input_; }
  const window& segments() const { return segments_; }
  const producer& source() const { return producer_; }
  const consumer& sink() const { return consumer_; }
  const guard& memory_guard() const { return guard_; }
  const coramfs::volume& get_volume() const { return files_.get_volume(); }

  /// What is left in the volume when all that was put in is taken out.
  coramfs::result<coramfs::volume_stats> remove_all();

 private:
  asio::io_context context_{1};
  guard guard_;
  coramfs::file_system files_;
  input_stream input_;
  window segments_;
  producer producer_;
  consumer consumer_;
};

}  // namespace guarded_stream
