#include "world/canary_watch.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace sluice::sim {

namespace {

/// Of the jobs, by their ids. All runtimes of all versions must choose the same ones, so it is written down
/// here once more.
double place_in_order(const std::string& id) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccd;
  return static_cast<double>(hash ^ (hash >> 33U)) * 0x1.0p-64;
}

/// "canary began: version 3 has 5 % of the jobs"
double share_in(std::string_view line) {
  const std::string text(line);
  return std::strtod(text.c_str() + text.rfind(" has ") + 5, nullptr) / 100;
}

/// "plugin rolled back from version 3 to version 2", or "…. A plain reload ..."
std::string version_behind(std::string_view line, std::string_view words) {
  const std::string_view rest = line.substr(line.find(words) + words.size());
  return std::string(rest.substr(0, rest.find('.')));
}

}  // namespace

void CanaryWatch::on_line(const Process& runtime, std::string_view line, const std::string& plugin,
                          const std::string& version) {
  const std::pair place(&runtime, plugin);
  const std::tuple one(&runtime, plugin, version);
  if (line.starts_with("canary began")) {
    canaries_[place] = {version, share_in(line)};
    gone_back_.erase(one);
  } else if (line.starts_with("canary promoted")) {
    canaries_.erase(place);
  } else if (line.starts_with("canary went back")) {
    canaries_.erase(place);
    gone_back_.insert(one);
  } else if (line.starts_with("plugin rolled back")) {
    gone_back_.insert(one);
    gone_back_.erase({&runtime, plugin, version_behind(line, " to version ")});
  } else if (line == "plugin replaced" && gone_back_.erase(one) > 0 && !by_hand_.contains(&runtime)) {
    fail_("version " + version + " of " + plugin + " went back, and takes over though nobody promoted it");
  } else if (line == "plugin added") {
    gone_back_.erase(one);  // the other version did not work
  }
}

void CanaryWatch::on_given(const Host& host, const std::string& job, int attempt) {
  const std::string version = std::to_string(host.version());
  const std::string what = "job " + job + " is sent to version " + version + " of " + host.plugin();
  if (gone_back_.contains({&host.runtime(), host.plugin(), version}))
    return fail_(what + ", which went back");
  const auto canary = canaries_.find({&host.runtime(), host.plugin()});
  if (canary == canaries_.end() || canary->second.version != version) return;
  if (attempt != 1) return fail_(what + ", a canary, in its attempt " + std::to_string(attempt));
  if (place_in_order(job) >= canary->second.share) fail_(what + ", a canary, and is not of its share");
}

bool CanaryWatch::has(const Process& runtime) const {
  return std::any_of(canaries_.begin(), canaries_.end(),
                     [&](const auto& one) { return one.first.first == &runtime; });
}

}  // namespace sluice::sim
