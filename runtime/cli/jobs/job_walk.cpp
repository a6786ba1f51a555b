// Changes to many jobs: asks for confirmation, then walks over the jobs batch by batch.
#include <signal.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "cli/jobs/jobs.hpp"
#include "cli/text/table.hpp"

namespace sluice::cli {

namespace {

volatile std::sig_atomic_t interrupted = 0;

/// Turns the first Ctrl-C or SIGTERM into a flag, so the current batch is finished. The second one ends the
/// program as usual.
void take_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

std::string jobs(std::int64_t count) {
  return grouped(count) + (count == 1 ? " job" : " jobs");
}

class Progress {
 public:
  explicit Progress(std::int64_t expected) : expected_(expected) {}
  ~Progress() { clear(); }
  void show(const Verb& verb, std::int64_t count) const {
    if (!shown_) return;
    std::cerr << "\r\033[K" << grouped(count) << (expected_ > 0 ? " of " + grouped(expected_) : "") << " "
              << verb.past << std::flush;
  }
  void clear() const {
    if (shown_) std::cerr << "\r\033[K" << std::flush;
  }

 private:
  const std::int64_t expected_;
  const bool shown_ = isatty(STDERR_FILENO) != 0;
};

std::int64_t step_through(const Verb& verb, const store::JobFilter& filter, std::int64_t expected,
                          const Step& step) {
  const Progress progress(expected);
  std::int64_t changed = 0;
  try {
    for (const std::string& status : filter.statuses) {
      store::JobFilter one = filter;
      one.statuses = {status};
      for (store::Walk place; !place.over && interrupted == 0;) {
        changed += static_cast<std::int64_t>(step(one, place));
        progress.show(verb, changed);
      }
    }
  } catch (const std::exception&) {
    progress.clear();
    std::cerr << jobs(changed) << " " << verb.past << " before this error:\n";
    throw;
  }
  return changed;
}

}  // namespace

bool confirmed(const Verb& verb, std::int64_t count) {
  if (isatty(STDIN_FILENO) == 0) {
    throw base::UsageError(
        "this would " + std::string(verb.present) + " " + jobs(count) +
        " and needs confirmation, but standard input is not a terminal; give --yes to skip "
        "the confirmation");
  }
  std::cerr << "This will " << verb.present << " " << jobs(count) << ". Continue? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return true;
  std::cerr << "nothing was changed\n";
  return false;
}

int walk(const Verb& verb, const store::JobFilter& filter, std::int64_t expected, bool json,
         const Step& step) {
  take_interrupts();
  const std::int64_t changed = step_through(verb, filter, expected, step);
  if (json) {
    std::cout << "{\"" << verb.past << "\":" << changed
              << ",\"interrupted\":" << (interrupted != 0 ? "true" : "false") << "}\n";
  } else {
    std::cout << jobs(changed) << " " << verb.past << (interrupted != 0 ? ", then interrupted" : "") << "\n";
  }
  return interrupted != 0 ? ExitCode::failed : ExitCode::ok;
}

}  // namespace sluice::cli
