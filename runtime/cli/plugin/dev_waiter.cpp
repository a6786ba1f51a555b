#include "cli/plugin/dev_waiter.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <system_error>

#include "base/harmless.hpp"

namespace sluice::cli {

void DevWaiter::wait(const std::vector<int>& descriptors, int milliseconds) {
  std::vector<pollfd> all{{interrupts_.fd(), POLLIN, 0}};
  for (const int fd : descriptors) all.push_back({fd, POLLIN, 0});
  if (poll(all.data(), all.size(), milliseconds) < 0 && errno != EINTR)
    throw std::system_error(errno, std::generic_category(), "waiting");
  if (interrupts_.take() > 0) throw Interrupted();
}

int DevWaiter::finish(const workshop::Launch& launch) {
  workshop::Process process(launch);
  while (!process.ended()) wait({process.fd()});
  const int status = *process.ended();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void say(const std::string& text) {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::cout << (terminal ? "\033[1m" : "") << "dev: " << base::harmless(text.substr(0, end))
            << (terminal ? "\033[0m" : "") << base::harmless_lines(text.substr(end)) << std::endl;
}

}  // namespace sluice::cli
