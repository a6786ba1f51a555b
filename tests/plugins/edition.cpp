// A plugin in several versions, for the tests of reloading. ../CMakeLists.txt defines PLUGIN_NAME, VERSION
// and TYPES, a list of TYPE("name").
//
//   {"file": "/tmp/ran", "until": "/tmp/go"}
//
// A handler creates "<until>.waits", and waits until the file `until` exists or the job is cancelled. Before
// it returns, it appends the line "<id> <attempt> <version> <greeting>" to `file`. Configuration: "greeting";
// "gate", a file that init waits for; "refuse", with which init fails.
#include <fcntl.h>
#include <unistd.h>
#include <sluice/plugin.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

bool exists(const std::string& path) {
  return path.empty() || access(path.c_str(), F_OK) == 0;
}
void nap() {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

class Edition {
 public:
  explicit Edition(const sluice::Config& config) : greeting_(config.string_or("greeting", "none")) {
    if (config.boolean_or("refuse", false)) throw std::runtime_error("told to refuse");
    const std::string gate(config.string_or("gate", ""));
    while (!exists(gate)) nap();
  }

  sluice::Result run(sluice::Job& job) {
    const sluice::Json payload = job.payload();
    const std::string until(payload.string_or("until", ""));
    if (!until.empty()) close(open((until + ".waits").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    while (!exists(until)) {
      if (job.is_cancelled()) return sluice::cancelled();
      nap();
    }
    const std::string line =
        std::string(job.id()) + ' ' + std::to_string(job.attempt()) + " " VERSION " " + greeting_ + '\n';
    const int fd =
        open(std::string(payload.string("file")).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const bool written = fd >= 0 && write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    if (fd >= 0) close(fd);
    return written ? sluice::done() : sluice::fail("edition", "can't append to the file");
  }

 private:
  const std::string greeting_;
};

}  // namespace

#define TYPE(name) sluice::job_type<Edition>(name)
SLUICE_PLUGIN(sluice::plugin(PLUGIN_NAME, VERSION), TYPES);
