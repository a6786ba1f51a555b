#include "check/options.hpp"

#include <cstdio>
#include <sstream>

#include "world/planted.hpp"

namespace sluice::sim {

namespace {

constexpr const char* help =
    "Runs the engine in simulated worlds: the same seed, the same world.\n"
    "\n"
    "  sluice-sim --seed N [--until TEXT]  one run; prints each event, to the first that contains TEXT\n"
    "  sluice-sim --seeds N-M              many runs, and what they reached; exits with 1 if one is wrong\n"
    "  sluice-sim --teeth [--seeds N-M]    plants each bug until a seed finds it; exits with 1 if none does\n"
    "  sluice-sim --twice N                the same seed in two processes; exits with 1 if they differ\n"
    "  sluice-sim --shrink N               leaves out faults as long as the seed still fails\n"
    "\n"
    "  --calls           with --seed: prints calls of the store, too\n"
    "  --minutes N       how long faults come, in virtual time (10)\n"
    "  --without N,M,... leaves out these faults\n"
    "  --plant BUG       plants a bug\n"
    "  --recycle         plugin hosts are relieved all the time\n"
    "  --all-marks       with --seeds: each mark must be reached\n"
    "  --at-once N       runs at the same time (2)\n";

bool read_range(const std::string& text, Options& options) {
  unsigned long long first = 0, last = 0;
  if (std::sscanf(text.c_str(), "%llu-%llu", &first, &last) != 2 || last < first) return false;
  options.seed = first;
  options.last_seed = last;
  return true;
}

bool read_bug(const std::string& text, Options& options) {
  for (const auto& [bug, name, seed] : bug_names) {
    if (name == text) options.bug = bug;
  }
  return options.bug != base::Bug::none;
}

bool read_numbers(const std::string& text, std::set<int>& numbers) {
  std::istringstream all(text);
  for (std::string one; std::getline(all, one, ',');) numbers.insert(std::atoi(one.c_str()));
  return !numbers.empty();
}

bool read_one(const std::string& name, const std::string& value, Options& options) {
  const auto number = [&] { return std::strtoull(value.c_str(), nullptr, 10); };
  const auto choose = [&](Options::What what) {
    options.what = what;
    options.seed = number();
    return options.seed != 0;
  };
  if (name == "--seed") return choose(Options::What::one);
  if (name == "--twice") return choose(Options::What::twice);
  if (name == "--shrink") return choose(Options::What::shrink);
  if (name == "--seeds") return read_range(value, options);
  if (name == "--minutes") return (options.weather = std::chrono::minutes(number())).count() > 0;
  if (name == "--at-once") return (options.at_once = static_cast<int>(number())) > 0;
  if (name == "--without") return read_numbers(value, options.without);
  if (name == "--plant") return read_bug(value, options);
  if (name != "--until") return false;
  options.until = value;
  return true;
}

}  // namespace

bool Options::read(int argc, char** argv) {
  bool quiet = false;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--teeth") {
      what = What::teeth;
    } else if (name == "--all-marks") {
      all_marks = true;
    } else if (name == "--recycle") {
      recycles = true;
    } else if (name == "--calls") {
      calls = true;
    } else if (name == "--quiet") {
      quiet = true;
    } else if (i + 1 == argc || !read_one(name, argv[++i], *this)) {
      std::fputs(help, name == "--help" ? stdout : stderr);
      return false;
    }
  }
  prints = what == What::one && !quiet;
  return true;
}

}  // namespace sluice::sim
