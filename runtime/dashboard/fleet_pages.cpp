// Pages Plugins and Runtimes: what each runtime has loaded, how runtimes differ, and what can be asked of
// them.
#include <rapidjson/document.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "dashboard/page_parts.hpp"

namespace sluice::dashboard {

namespace {

/// Why the runtime can't be asked from here; empty if it can.
std::string trouble_of(const Inquiry& inquiry, const store::RuntimeReport& runtime) {
  const bool has_control = inquiry.services != nullptr && inquiry.services->control;
  return has_control ? inquiry.services->control->trouble(runtime) : "can't be asked from here";
}

void write_with_reach(const Inquiry& inquiry, JsonWriter& writer, const store::RuntimeReport& runtime) {
  write(writer, runtime);
  const std::string trouble = trouble_of(inquiry, runtime);
  member(writer, "reachable", trouble.empty());
  member(writer, "unreachable", trouble);
}

using Settings = std::map<std::string, std::string>;

/// What a runtime was configured with, and what runs in it.
Settings settings_of(const store::RuntimeReport& runtime) {
  Settings settings{{"(version of Sluice)", runtime.info.version}};
  for (const store::PublishedPlugin& published : runtime.plugins) {
    const store::PluginReport& plugin = published.plugin;
    const std::string name = plugin.name.empty() ? plugin.path : plugin.name;
    settings["(plugin " + name + ")"] =
        (plugin.version.empty() ? "" : plugin.version + ", ") + plugin.state + ", " + plugin.path;
  }
  rapidjson::Document published;
  published.Parse<rapidjson::kParseIterativeFlag>(runtime.settings.c_str());
  if (!published.IsObject()) return settings;
  for (const auto& one : std::as_const(published).GetObject()) {
    if (one.value.IsString()) settings[one.name.GetString()] = one.value.GetString();
  }
  return settings;
}

struct Difference {
  std::string key;
  std::vector<std::string> values;  ///< of each runtime, in order
};

std::vector<Difference> differences(const std::vector<store::RuntimeReport>& runtimes) {
  std::vector<Settings> all;
  std::set<std::string> keys;
  for (const store::RuntimeReport& runtime : runtimes) {
    all.push_back(settings_of(runtime));
    for (const auto& [key, value] : all.back()) keys.insert(key);
  }
  std::vector<Difference> found;
  for (const std::string& key : keys) {
    Difference difference{key, {}};
    for (const Settings& settings : all) {
      const auto value = settings.find(key);
      difference.values.push_back(value != settings.end() ? value->second
                                  : key.starts_with('(')  ? "not there"
                                                          : "the default");
    }
    const bool same = std::all_of(difference.values.begin(), difference.values.end(),
                                  [&](const auto& value) { return value == difference.values.front(); });
    if (!same) found.push_back(std::move(difference));
  }
  return found;
}

void write_result(JsonWriter& writer, const ReloadResult& result) {
  member(writer, "runtime", result.runtime);
  member(writer, "pid", result.pid);
  member(writer, "problem", result.problem);
  array_member(writer, "changes", result.changes, [&](const ReloadChange& change) {
    member(writer, "plugin", change.plugin);
    member(writer, "version", change.version);
    member(writer, "generation", change.generation);
    member(writer, "change", change.change);
    member(writer, "file", change.file);
    member(writer, "reason", change.reason);
  });
}

void write_reload(JsonWriter& writer, const ReloadState& state) {
  member(writer, "what", std::string(name(state.wish.what)));
  member(writer, "share", state.wish.share);
  member(writer, "actor", state.actor);
  member(writer, "at", iso(state.at));
  member(writer, "over", state.over);
  member(writer, "error", state.error);
  array_member(writer, "results", state.results, [&](const auto& result) { write_result(writer, result); });
}

}  // namespace

Model plugins_page(const Inquiry& inquiry) {
  Object object;
  JsonWriter& writer = object.writer();
  const auto runtimes = inquiry.session.desk->activity().runtimes;
  array_member(writer, "runtimes", runtimes,
               [&](const auto& runtime) { write_with_reach(inquiry, writer, runtime); });
  const bool any_reachable = std::any_of(runtimes.begin(), runtimes.end(), [&](const auto& runtime) {
    return runtime.info.command == "run" && trouble_of(inquiry, runtime).empty();
  });
  const bool any_canary = std::any_of(runtimes.begin(), runtimes.end(), [](const auto& runtime) {
    return std::any_of(runtime.plugins.begin(), runtime.plugins.end(),
                       [](const auto& one) { return !one.plugin.canary.empty(); });
  });
  member(writer, "can_reload", any_reachable);
  member(writer, "canary_under_way", any_canary);
  if (inquiry.reloads != nullptr) {
    if (const auto last = inquiry.reloads->last())
      object_member(writer, "last_reload", [&] { write_reload(writer, *last); });
  }
  return {object.text(), {}, {}};
}

Model runtimes_page(const Inquiry& inquiry) {
  Object object;
  JsonWriter& writer = object.writer();
  const auto report = inquiry.session.desk->activity();
  array_member(writer, "runtimes", report.runtimes,
               [&](const auto& runtime) { write_with_reach(inquiry, writer, runtime); });
  array_member(writer, "differences", differences(report.runtimes), [&](const Difference& one) {
    member(writer, "key", one.key);
    member(writer, "values", one.values);
  });
  array_member(writer, "running", report.running, [&](const store::RunningReport& running) {
    member(writer, "id", running.job.id);
    member(writer, "type", running.job.type);
    member(writer, "attempt", running.job.attempt);
    member(writer, "runtime", running.runtime);
    member(writer, "running_seconds", running.job.age);
    if (running.job.fraction) member(writer, "progress_part", *running.job.fraction);
    member(writer, "note", running.job.note);
  });
  member(writer, "stuck", report.stuck);
  if (!report.unread.empty()) member(writer, "running_problem", report.unread);
  Model model{object.text(), {}, {}};
  if (report.runtimes.size() > 1) model.texts["several"] = "yes";
  return model;
}

}  // namespace sluice::dashboard
