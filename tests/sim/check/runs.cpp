#include "check/runs.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <sstream>
#include <utility>

#include "world/planted.hpp"
#include "world/trace.hpp"

namespace sluice::sim {

namespace {

/// A run under way in another process.
struct Child {
  std::size_t index = 0;
  std::uint64_t seed = 0;
  int from = -1;
};

std::string to_text(const Report& report) {
  std::ostringstream out;
  out << report.seed << ' ' << report.digest << ' ' << report.events << ' ' << report.switches << ' '
      << report.virtual_seconds << ' ' << report.cpu_seconds << ' ' << report.jobs << ' ' << report.runs
      << '\n'
      << report.violation << '\n';
  for (const auto& [name, count] : report.faults) out << "F" << count << ' ' << name << '\n';
  for (const auto& [name, count] : report.marks) out << "M" << count << ' ' << name << '\n';
  return out.str();
}

Report from_text(const std::string& text, std::uint64_t seed) {
  Report report;
  std::istringstream in(text);
  in >> report.seed >> report.digest >> report.events >> report.switches >> report.virtual_seconds >>
      report.cpu_seconds >> report.jobs >> report.runs;
  if (!in) {
    report.seed = seed;
    report.violation = "the simulated process died";
    return report;
  }
  in.ignore();
  std::getline(in, report.violation);
  for (std::string line; std::getline(in, line);) {
    const std::size_t space = line.find(' ');
    auto& counts = line[0] == 'F' ? report.faults : report.marks;
    counts[line.substr(space + 1)] = std::stoull(line.substr(1, space - 1));
  }
  return report;
}

std::string read_all(int from) {
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t size = 0; (size = ::read(from, part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<std::size_t>(size));
  ::close(from);
  return text;
}

pid_t start(const Options& options, Child& child) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return -1;
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    const std::string text = to_text(run_here(options));
    const bool written = ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(written ? 0 : 1);
  }
  ::close(ends[1]);
  child.from = ends[0];
  return pid;
}

}  // namespace

Report run_here(const Options& options) {
  present_bug() = options.bug;
  Trace& trace = Trace::present();
  trace.prints = options.prints;
  trace.until = options.until;
  trace.calls = options.calls;
  Settings settings = Settings::of(options.seed, options.weather, options.without);
  if (options.recycles) settings.recycle_hosts();
  const std::string scratch =
      std::filesystem::temp_directory_path() / ("sluice-sim." + std::to_string(getpid()));
  trace.hidden = scratch;
  // Never destroyed: fibers that never end refer to it.
  auto* const world = new World(settings, scratch);
  Report report = world->run();
  std::filesystem::remove_all(scratch);
  return report;
}

void run_apart(const std::vector<Options>& all, int at_once,
               const std::function<bool(std::size_t, Report)>& take) {
  std::map<pid_t, Child> running;
  std::size_t next = 0;
  bool goes_on = true;
  while ((goes_on && next < all.size()) || !running.empty()) {
    while (goes_on && next < all.size() && running.size() < static_cast<std::size_t>(at_once)) {
      Child child{next, all[next].seed, -1};
      const pid_t pid = start(all[next++], child);
      if (pid > 0) running[pid] = child;
    }
    int status = 0;
    const auto ended = running.find(wait(&status));
    if (ended == running.end()) continue;
    const Child child = ended->second;
    running.erase(ended);
    goes_on = take(child.index, from_text(read_all(child.from), child.seed)) && goes_on;
  }
}

Report run_apart(const Options& options) {
  Report report;
  run_apart({options}, 1, [&](std::size_t, Report one) {
    report = std::move(one);
    return true;
  });
  return report;
}

}  // namespace sluice::sim
