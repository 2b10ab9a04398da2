// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

#include "support/largest_that_fits.hpp"

#include <exception>
#include <functional>
#include <sstream>

namespace coramfs::tests {

namespace {

// How an operation with a token ends does not depend on the layout, so tokens go with one of them.
std::vector<configuration> all_configurations() {
  std::vector<configuration> all;
  for (const auto facade : {facade_kind::coroutines, facade_kind::tokens, facade_kind::threads})
    for (const auto layout : layouts)
      for (const auto counting : {accounting::memory, accounting::payload})
        if (facade != facade_kind::tokens || layout == storage_layout::automatic)
          all.push_back({facade, layout, counting});
  return all;
}

// Where ThreadSanitizer watches, which is slow, each facade has one layout and one accounting: the
// others differ in what one thread does alone.
#if defined(__SANITIZE_THREAD__)
constexpr bool once_for_each_facade = true;
#else
constexpr bool once_for_each_facade = false;
#endif

// The test case that calls this runs once for each configuration that `wanted` takes.
configuration each_configuration(const std::function<bool(const configuration&)>& wanted) {
  std::vector<configuration> chosen;
  for (const configuration& c : all_configurations())
    if (wanted(c) && !(once_for_each_facade && !chosen.empty() && chosen.back().facade == c.facade))
      chosen.push_back(c);
  return chosen[GENERATE_COPY(range(std::size_t{0}, chosen.size()))];
}

std::string name(const configuration& c) {
  const char* const layout = c.layout == storage_layout::automatic    ? "automatic"
                             : c.layout == storage_layout::sequential ? "sequential"
                                                                      : "random access";
  const char* const facade = c.facade == facade_kind::coroutines ? "coroutines, "
                             : c.facade == facade_kind::tokens   ? "tokens, "
                                                                 : "threads, ";
  return std::string(facade) + layout +
         (c.counting == accounting::memory ? ", memory" : ", payload");
}

volume_options with(const configuration& c, volume_options options) {
  options.default_storage = c.layout;
  options.accounting = c.counting;
  return options;
}

std::string child(const std::string& parent, const std::string& name) {
  return (parent == "/" ? "" : parent) + "/" + name;
}

std::string content_picture(any_file_system& fs, const std::string& path) {
  auto f = fs.open(path, open_mode::read, {.timeout = lock_timeout::immediate()});
  // The text of the error would say for how long the file is held, which is another by then.
  if (!f) return "(" + f.error().code().message() + ")";
  std::string content = f.value()->read_all().value();
  if (content.size() > 64) return "hash " + std::to_string(std::hash<std::string>()(content));
  return content;
}

}  // namespace

scenario::scenario(const configuration& c, const volume_options& options)
    : configuration_(c),
      message_(Catch::MessageBuilder("INFO", CATCH_INTERNAL_LINEINFO, Catch::ResultWas::Info)
               << name(c)),
      exceptions_(std::uncaught_exceptions()),
      fs_(create_file_system(c.facade, with(c, options)).value()) {}

scenario::scenario(const volume_options& options)
    : scenario(each_configuration([](const configuration&) { return true; }), options) {}

scenario::scenario(accounting only, const volume_options& options)
    : scenario(each_configuration([only](const configuration& c) { return c.counting == only; }),
               options) {}

scenario::scenario(storage_layout only, const volume_options& options)
    : scenario(each_configuration([only](const configuration& c) { return c.layout == only; }),
               options) {}

scenario::scenario(accounting counting, storage_layout layout, const volume_options& options)
    : scenario(each_configuration([=](const configuration& c) {
                 return c.counting == counting && c.layout == layout;
               }),
               options) {}

scenario::~scenario() noexcept(false) {
  if (std::uncaught_exceptions() > exceptions_) return;
  check_invariants(*fs_);
  if (!expects_slices_) CHECK(fs_->suspensions() == 0);
}

std::unique_ptr<any_file_system> scenario::twin() const {
  return make_file_system(configuration_.facade, volume());
}

std::unique_ptr<any_file_system> scenario::other() const {
  return make_file_system(configuration_.facade == facade_kind::threads ? facade_kind::coroutines
                                                                        : facade_kind::threads,
                          volume());
}

void scenario::fill(std::string_view path, open_mode mode, std::string_view content) const {
  fs_->open(path, mode).value()->write(content).value();
}

std::string scenario::picture() const {
  const volume_stats s = stats();
  std::ostringstream out;
  out << "used " << s.used_bytes << " free " << s.free_bytes << " peak " << s.peak_bytes
      << " files " << s.file_count << " directories " << s.directory_count << " chunks "
      << s.chunk_count << " open " << s.open_handles << " waiting " << s.waiting << '\n';
  auto paths = all_paths(*fs_);
  paths.insert(paths.begin(), "/");
  for (const std::string& path : paths) {
    const file_status at = fs_->stat(path).value();
    out << path << " size " << at.size << " generation " << at.generation << " created "
        << at.created_at.time_since_epoch().count() << " modified "
        << at.modified_at.time_since_epoch().count() << ' '
        << (at.is_directory ? "directory" : content_picture(*fs_, path)) << '\n';
  }
  return out.str();
}

std::vector<std::string> all_paths(any_file_system& fs) {
  std::vector<std::string> found{"/"};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::string parent = found[i];
    if (!fs.is_directory(parent).value()) continue;
    const auto names = fs.list(parent).value();
    for (const std::string& name : names) found.push_back(child(parent, name));
  }
  found.erase(found.begin());
  return found;
}

void fill_up(any_file_system& fs, const std::string& path) {
  const auto write = [&](std::uint64_t size) {
    return fs.write_file(path, std::string(size, 'x'));
  };
  const auto fits = [&](std::uint64_t size) {
    const bool written = write(size).has_value();
    if (written) fs.remove(path).value();
    return written;
  };
  write(largest_that_fits(fs.stats().value().free_bytes, fits)).value();
}

void check_books(any_file_system& fs) {
  const volume& v = fs.get_volume();
  const volume_stats s = v.stats();
  CHECK(s.peak_bytes >= s.used_bytes);
  // More may be used, or have been used, than a quota that the test has changed.
  if (s.quota_bytes == v.options().max_quota) {
    CHECK(s.used_bytes <= s.quota_bytes);
    CHECK(s.free_bytes == s.quota_bytes - s.used_bytes);
    CHECK(s.peak_bytes <= s.quota_bytes);
  }
  CHECK(s.open_handles == 0);
  CHECK(s.waiting == 0);

  std::uint64_t files = 0, directories = 1, content = 0;
  for (const std::string& path : all_paths(fs)) {
    const file_status at = fs.stat(path).value();
    ++(at.is_directory ? directories : files);
    content += at.size;
  }
  CHECK(s.file_count == files);
  CHECK(s.directory_count == directories);
  if (v.options().accounting == accounting::payload) CHECK(s.used_bytes == content);
}

void check_invariants(any_file_system& fs) {
  check_books(fs);
  const auto names = fs.list("/").value();
  for (const std::string& name : names) {
    const std::string path = child("/", name);
    (fs.is_directory(path).value() ? fs.remove_tree(path) : fs.remove(path)).value();
  }
  const volume_stats empty = fs.stats().value();
  CHECK(empty.used_bytes == 0);
  CHECK(empty.file_count == 0);
  CHECK(empty.directory_count == 1);
  CHECK(empty.chunk_count == 0);
}

}  // namespace coramfs::tests
