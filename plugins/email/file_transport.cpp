#include "file_transport.hpp"

#include <fcntl.h>
#include <stdlib.h>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>

#include "descriptor.hpp"
#include "trouble.hpp"

namespace email {

namespace {

[[noreturn]] void fail(const std::string& path) {
  const int error = errno;
  throw Trouble("file",
                "writing the mail to '" + path + "' failed: " + std::generic_category().message(error));
}

/// A new file with a unique name. The destructor removes it unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& wanted)
      : path_(wanted + ".XXXXXX"), file_(::mkostemp(path_.data(), O_CLOEXEC)) {
    if (!file_.open()) fail(path_);
  }
  ~TemporaryFile() {
    if (!renamed_) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t count = ::write(file_.get(), text.data(), text.size());
      if (count < 0 && errno != EINTR) fail(path_);
      if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
    }
    if (::fsync(file_.get()) != 0) fail(path_);
  }
  void rename(const std::string& to) {
    if (std::rename(path_.c_str(), to.c_str()) != 0) fail(to);
    renamed_ = true;
  }

 private:
  std::string path_;
  Descriptor file_;
  bool renamed_ = false;
};

}  // namespace

sluice::Result FileTransport::send(const Mail& mail, const sluice::Job& job, Receipt& receipt) {
  if (job.is_cancelled()) return sluice::cancelled();
  const std::string path = directory_ + "/" + mail.digest + ".eml";
  TemporaryFile file(path);
  file.write(mail.text);
  file.rename(path);
  receipt.file = path;
  receipt.accepted = mail.recipients;
  return sluice::done();
}

}  // namespace email
