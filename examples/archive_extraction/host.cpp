// SPDX-License-Identifier: BSL-1.0
#include "host.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <ios>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace archive_extraction {

namespace fs = std::filesystem;

scratch::scratch() {
  std::string name = (fs::temp_directory_path() / "extraction-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), "a temporary folder");
  path_ = name;
}

scratch::~scratch() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string content(std::istreambuf_iterator<char>(in), {});
  if (in.bad() || !in.is_open()) throw std::runtime_error("can not read " + file.string());
  return content;
}

int run(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  // Nobody answers what a program asks, such as for a password.
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) throw std::system_error(failed, std::generic_category(), command[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

bool is_installed(const std::string& program) {
  return run({"sh", "-c", "command -v \"$1\"", "sh", program}) == 0;
}

namespace {

struct maker {
  std::string program, name, script;  // which has the directory and the archive as arguments
};

const std::vector<maker> makers = {
    {"tar", "made.tar", "tar -C \"$1\" -cf \"$2\" ."},
    {"gzip", "made.tar.gz", "tar -C \"$1\" -czf \"$2\" ."},
    {"xz", "made.tar.xz", "tar -C \"$1\" -c . | xz -1 > \"$2\""},
    {"zstd", "made.tar.zst", "tar -C \"$1\" -c . | zstd -q > \"$2\""},
    {"zip", "made.zip", "cd \"$1\" && zip -qr \"$2\" ."},
    {"zip", "streamed.zip", "cd \"$1\" && zip -qr - . | cat > \"$2\""},
    {"7z", "made.7z", "cd \"$1\" && 7z a -mx=1 \"$2\" ."},
};

}  // namespace

std::vector<fs::path> some_archives(const fs::path& packages, unsigned most,
                                    const fs::path& directory, const fs::path& folder) {
  std::vector<fs::path> all;
  std::error_code missing;
  for (const fs::directory_entry& e : fs::directory_iterator(packages, missing))
    if (e.path().extension() == ".deb") all.push_back(e.path());
  std::sort(all.begin(), all.end());
  all.resize(std::min<std::size_t>(all.size(), most));
  const std::string from = fs::absolute(directory).string();
  for (const maker& m : makers) {
    if (!is_installed(m.program)) continue;
    const fs::path out = folder / m.name;
    if (run({"sh", "-c", m.script, "sh", from, out.string()}) != 0)
      throw std::runtime_error(m.program + " could not make an archive of " + from);
    all.push_back(out);
  }
  return all;
}

std::string expand_with_program(const fs::path& archive, const fs::path& folder) {
  const std::string name = archive.extension().string();
  // An absolute name is no option and no list of names. unzip would take it for a pattern, and is
  // given another name of the archive.
  const std::string from = fs::absolute(archive).string(), to = folder.string();
  const scratch other;
  const fs::path plain = other.path() / "archive.zip";
  if (name == ".zip") fs::create_symlink(from, plain);
  const std::vector<std::string> command =
      name == ".deb"   ? std::vector<std::string>{"dpkg-deb", "-x", from, to}
      : name == ".zip" ? std::vector<std::string>{"unzip", "-q", plain.string(), "-d", to}
      : name == ".7z"  ? std::vector<std::string>{"7z", "x", "-o" + to, "--", from}
                       : std::vector<std::string>{"tar",
                                                  "--force-local",
                                                  "--no-same-owner",
                                                  "--no-same-permissions",
                                                  "-xf",
                                                  from,
                                                  "-C",
                                                  to};
  if (!is_installed(command[0])) return {};
  if (run(command) != 0) throw std::runtime_error(command[0] + " could not expand " + from);
  return command[0];
}

}  // namespace archive_extraction
