// Many seeds, and what they reached; the teeth; the same seed twice; a failing seed with fewer faults.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "check/marks.hpp"
#include "check/runs.hpp"
#include "world/planted.hpp"

namespace sluice::sim {

namespace {

std::vector<Options> each_seed(const Options& options) {
  std::vector<Options> all;
  for (std::uint64_t seed = options.seed; seed <= options.last_seed; ++seed) {
    all.push_back(options);
    all.back().seed = seed;
  }
  return all;
}

void add(std::map<std::string, std::uint64_t>& sum, const std::map<std::string, std::uint64_t>& more) {
  for (const auto& [name, count] : more) sum[name] += count;
}

void print(const char* title, const std::map<std::string, std::uint64_t>& counts) {
  std::printf("%s\n", title);
  for (const auto& [name, count] : counts)
    std::printf("  %8llu  %s\n", static_cast<unsigned long long>(count), name.c_str());
}

/// Those that no run reached.
int unreached(const std::map<std::string, std::uint64_t>& marks) {
  int missing = 0;
  for (const std::string_view mark : all_marks) {
    if (marks.contains(std::string(mark))) continue;
    std::printf("  NOT REACHED  %.*s\n", static_cast<int>(mark.size()), mark.data());
    ++missing;
  }
  return missing;
}

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  for (int c = 0; pipe && (c = std::fgetc(pipe.get())) != EOF;) text.push_back(static_cast<char>(c));
  return text;
}

/// The first seed that finds the planted bug, and passes without it.
Report first_bite(const Options& options, const Options& planted, std::uint64_t& tried) {
  Options rest = planted;
  while (rest.seed <= rest.last_seed) {
    Report found;
    std::uint64_t last = rest.seed;
    run_apart(each_seed(rest), rest.at_once, [&](std::size_t, const Report& report) {
      ++tried;
      last = std::max(last, report.seed);
      if (found.violation.empty()) found = report;
      return found.violation.empty();
    });
    if (found.violation.empty()) break;
    Options sound = options;
    sound.seed = found.seed;
    if (run_apart(sound).violation.empty()) return found;
    rest.seed = last + 1;
  }
  return {};
}

/// Without the time that it took.
std::string comparable(std::string text) {
  const std::size_t begin = text.rfind(" virtual s in "), end = text.find(" s, ", begin);
  if (begin != std::string::npos && end != std::string::npos) text.erase(begin, end - begin);
  return text;
}

}  // namespace

int run_many(const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  Report sum;
  int failed = 0;
  run_apart(each_seed(options), options.at_once, [&](std::size_t, const Report& report) {
    if (!report.violation.empty()) {
      ++failed;
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(report.seed), report.violation.c_str());
    }
    sum.virtual_seconds += report.virtual_seconds;
    sum.cpu_seconds += report.cpu_seconds;
    sum.events += report.events;
    sum.switches += report.switches;
    sum.jobs += report.jobs;
    sum.runs += report.runs;
    add(sum.faults, report.faults);
    add(sum.marks, report.marks);
    return true;
  });
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  print("faults", sum.faults);
  print("marks", sum.marks);
  const int missing = unreached(sum.marks);
  std::printf(
      "%llu seeds, %d failed: %.1f virtual hours in %.1f s of one processor, %.0f to 1 (%.1f s passed); %zu "
      "jobs, %zu runs, %llu events, %llu "
      "switches\n",
      static_cast<unsigned long long>(options.last_seed - options.seed + 1), failed,
      sum.virtual_seconds / 3600, sum.cpu_seconds, sum.virtual_seconds / sum.cpu_seconds, took, sum.jobs,
      sum.runs, static_cast<unsigned long long>(sum.events), static_cast<unsigned long long>(sum.switches));
  return failed > 0 || (options.all_marks && missing > 0) ? 1 : 0;
}

int show_teeth(const Options& options) {
  int missed = 0;
  for (const auto& [bug, name, seed] : bug_names) {
    Options planted = options;
    planted.bug = bug;
    Options known = planted;
    known.seed = known.last_seed = seed;
    std::uint64_t tried = 0;
    Report found = first_bite(options, known, tried);
    if (found.violation.empty()) found = first_bite(options, planted, tried);
    if (found.violation.empty()) ++missed;
    std::printf("%-24.*s %3llu seeds  %s\n", static_cast<int>(name.size()), name.data(),
                static_cast<unsigned long long>(tried),
                found.violation.empty()
                    ? "NOT FOUND"
                    : ("seed " + std::to_string(found.seed) + ": " + found.violation).c_str());
    std::fflush(stdout);
  }
  return missed > 0 ? 1 : 0;
}

int run_twice(const Options& options, const char* program) {
  const std::string command = std::string(program) + " --seed " + std::to_string(options.seed) +
                              " --minutes " + std::to_string(options.weather.count());
  const std::string first = output_of(command), second = output_of(command);
  const bool same = comparable(first) == comparable(second) && first.find("digest") != std::string::npos;
  std::printf("seed %llu, twice: %s, %zu bytes\n", static_cast<unsigned long long>(options.seed),
              same ? "the same" : "DIFFERENT", first.size());
  return same ? 0 : 1;
}

/// Leaves out ever smaller parts of the faults, as long as anything is still wrong.
int shrink(const Options& options) {
  Options best = options;
  if (run_apart(best).violation.empty()) {
    std::printf("seed %llu: nothing is wrong\n", static_cast<unsigned long long>(options.seed));
    return 1;
  }
  const auto left = [&] { return Settings::of(best.seed, best.weather, best.without).faults; };
  for (std::size_t part = std::max<std::size_t>(1, left().size() / 2);; part /= 2) {
    for (std::size_t begin = 0; begin < left().size();) {
      const std::vector<Fault> faults = left();
      Options fewer = best;
      for (std::size_t i = begin; i < std::min(begin + part, faults.size()); ++i)
        fewer.without.insert(faults[i].number);
      if (run_apart(fewer).violation.empty()) {
        begin += part;
      } else {
        best = fewer;
      }
    }
    if (part == 1) break;
  }
  std::printf("seed %llu fails with these faults alone:\n", static_cast<unsigned long long>(best.seed));
  for (const Fault& fault : left())
    std::printf("  %d %s\n", fault.number, std::string(name(fault.kind)).c_str());
  std::string without;
  for (const int number : best.without) without += (without.empty() ? "" : ",") + std::to_string(number);
  std::printf("%s\nsluice-sim --seed %llu --without %s\n", run_apart(best).violation.c_str(),
              static_cast<unsigned long long>(best.seed), without.c_str());
  return 0;
}

}  // namespace sluice::sim
