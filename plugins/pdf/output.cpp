#include "output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <sluice/result.hpp>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "descriptor.hpp"

namespace pdf {

namespace {

constexpr std::string_view suffix = ".pdf";
constexpr std::string_view mark_start = "\n% sluice job ";
constexpr std::size_t longest_mark = 1000;
constexpr std::size_t after_mark = 100;  // the PDF's own last lines: startxref, a number, %%EOF
constexpr int most_versions = 10000;
constexpr std::size_t longest_name = 200;  // bytes; file systems allow 255, and a version adds a number
constexpr std::size_t longest_path = 1000;

[[noreturn]] void refuse(std::string filename, const std::string& why) {
  for (char& c : filename) {
    if (static_cast<unsigned char>(c) < 0x20) c = '?';
  }
  throw sluice::PermanentError("bad-filename", "payload /filename: '" + filename + "' " + why);
}

[[noreturn]] void system_failure(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::vector<std::string> parts_of(const std::string& filename) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t slash = 0; slash != std::string::npos; start = slash + 1) {
    slash = filename.find('/', start);
    parts.push_back(filename.substr(start, slash == std::string::npos ? slash : slash - start));
  }
  return parts;
}

void check_part(const std::string& filename, const std::string& part) {
  if (part.empty()) refuse(filename, "is absolute or has an empty name in it; give a path like 2026/a.pdf");
  if (part.front() == '.') refuse(filename, "has a name that begins with a dot");
  if (part.size() > longest_name) refuse(filename, "has a name of more than 200 bytes");
  for (const char c : part) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '\\') refuse(filename, "has a control character or a backslash");
  }
}

Descriptor open_folder(int parent, const std::string& name, const std::string& path) {
  if (mkdirat(parent, name.c_str(), 0777) != 0 && errno != EEXIST)
    system_failure("creating the folder " + path);
  Descriptor folder(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.is_open() && (errno == ENOTDIR || errno == ELOOP)) {
    throw sluice::PermanentError("bad-filename", path + " is a file or a link, not a folder");
  }
  if (!folder.is_open()) system_failure("opening the folder " + path);
  return folder;
}

/// A hidden file. The destructor removes it.
class Temporary {
 public:
  explicit Temporary(const Descriptor& folder) : folder_(folder) {
    static std::atomic<unsigned> count{0};
    name_ = ".sluice-" + std::to_string(getpid()) + "-" + std::to_string(++count) + ".part";
    file_ = Descriptor(
        openat(folder.get(), name_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!file_.is_open()) system_failure("creating a temporary file");
  }
  ~Temporary() { unlinkat(folder_.get(), name_.c_str(), 0); }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) system_failure("writing " + std::to_string(bytes.size()) + " bytes");
      if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (fsync(file_.get()) != 0) system_failure("flushing the file to disk");
  }
  /// Returns false if a file of that name exists.
  bool link_as(const std::string& name) {
    if (linkat(folder_.get(), name_.c_str(), folder_.get(), name.c_str(), 0) == 0) return true;
    if (errno != EEXIST) system_failure("linking the file to its name");
    return false;
  }
  void replace(const std::string& name) {
    if (renameat(folder_.get(), name_.c_str(), folder_.get(), name.c_str()) != 0) {
      system_failure("renaming the file");
    }
  }

 private:
  const Descriptor& folder_;
  std::string name_;
  Descriptor file_;
};

/// The mark near the end of that file; empty if it has none.
std::string mark_in(const Descriptor& folder, const std::string& name) {
  const Descriptor file(openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!file.is_open() || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  std::string tail(longest_mark + after_mark, '\0');
  const off_t start = status.st_size - static_cast<off_t>(tail.size());
  const ssize_t size = pread(file.get(), tail.data(), tail.size(), start < 0 ? 0 : start);
  if (size < 0) system_failure("reading the end of the existing file");
  tail.resize(static_cast<std::size_t>(size));
  const std::size_t at = tail.rfind(mark_start);
  if (at == std::string::npos) return {};
  return tail.substr(at, tail.find('\n', at + 1) + 1 - at);
}

[[noreturn]] void refuse_place(const std::string& path, std::string_view found) {
  const std::string owner =
      found.empty() ? std::string("something else") : "job " + std::string(found.substr(mark_start.size()));
  throw sluice::PermanentError("file-exists",
                               path + " already exists, written by " + owner.substr(0, owner.find('\n')) +
                                   "; give each job its own filename, or set exists to replace or version");
}

/// a.pdf, a-2.pdf, a-3.pdf, ...
std::string version_of(const std::string& name, int number) {
  if (number == 1) return name;
  return name.substr(0, name.size() - suffix.size()) + "-" + std::to_string(number) + std::string(suffix);
}

/// Gives the file its name, or the next version that is free or belongs to this job. Returns the name.
std::string settle(Temporary& file, const Descriptor& folder, const std::string& name,
                   std::string_view mark) {
  for (int number = 1; number <= most_versions; ++number) {
    std::string version = version_of(name, number);
    if (file.link_as(version)) return version;
    if (mark_in(folder, version) == mark) {
      file.replace(version);
      return version;
    }
  }
  throw sluice::PermanentError("file-exists", name + " already has " + std::to_string(most_versions) +
                                                  " versions; give the job another filename");
}

}  // namespace

Exists exists_of(const std::string& text, const char* code) {
  if (text == "fail") return Exists::fail;
  if (text == "replace") return Exists::replace;
  if (text == "version") return Exists::version;
  throw sluice::PermanentError(code, "exists: expected fail, replace or version, found '" + text + "'");
}

std::string mark_of(std::string_view idempotency_key) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string mark(mark_start);
  for (const char c : idempotency_key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '%') {
      mark += c;
    } else {
      mark += {'%', digits[byte >> 4], digits[byte & 0xf]};
    }
  }
  mark += '\n';
  if (mark.size() > longest_mark) {
    throw sluice::PermanentError("bad-job-id", "the job's id is too long to store in the document");
  }
  return mark;
}

Output::Output(std::string directory) : directory_(std::move(directory)) {
  const bool absolute = !directory_.empty() && directory_.front() == '/';
  struct stat status {};
  if (!absolute || stat(directory_.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      access(directory_.c_str(), W_OK | X_OK) != 0) {
    throw std::runtime_error("configuration /output: '" + directory_ +
                             "' is not the absolute path of a directory that this process can write to");
  }
}

void Output::check(const std::string& filename) {
  if (filename.size() > longest_path) refuse(filename.substr(0, 80) + "...", "has more than 1000 bytes");
  const auto parts = parts_of(filename);
  for (const auto& part : parts) check_part(filename, part);
  const std::string& name = parts.back();
  if (name.size() <= suffix.size() || name.substr(name.size() - suffix.size()) != suffix) {
    refuse(filename, "does not end in .pdf");
  }
}

std::string Output::publish(const std::string& filename, std::string_view document, std::string_view mark,
                            Exists exists) const {
  auto parts = parts_of(filename);
  const std::string name = parts.back();
  parts.pop_back();
  Descriptor folder(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) system_failure("opening the output directory " + directory_);
  for (const auto& part : parts) folder = open_folder(folder.get(), part, path_of(filename));

  Temporary file(folder);
  file.write(document);
  std::string settled = name;
  if (exists == Exists::version) {
    settled = settle(file, folder, name, mark);
  } else if (!file.link_as(name)) {
    const auto found = mark_in(folder, name);
    if (found != mark && exists == Exists::fail) refuse_place(path_of(filename), found);
    file.replace(name);
  }
  if (fsync(folder.get()) != 0) system_failure("flushing the folder to disk");
  return filename.substr(0, filename.size() - name.size()) + settled;
}

}  // namespace pdf
