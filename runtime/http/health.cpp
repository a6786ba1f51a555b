#include "http/health.hpp"

#include <algorithm>
#include <map>

#include "base/duration.hpp"
#include "base/text.hpp"

namespace sluice::http {

namespace {

std::string in_words(base::Clock::duration time) {
  return base::format_duration(std::chrono::duration_cast<std::chrono::microseconds>(time));
}

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::good:
      return "ok";
    case Verdict::warning:
      return "warning";
    case Verdict::failed:
      break;
  }
  return "failed";
}

Check event_loop(const std::optional<engine::Observation>& loop, std::chrono::milliseconds patience) {
  if (loop) return {"event loop", Verdict::good, "the event loop answered within " + in_words(loop->took)};
  return {"event loop", Verdict::failed,
          "the event loop did not answer within " + in_words(patience) +
              ": sluice hangs, or is starting or stopping"};
}

Check stopping(const engine::Observation& loop) {
  if (!loop.stopping) return {"stopping", Verdict::good, "sluice is not stopping"};
  return {"stopping", Verdict::failed,
          "sluice is stopping: it claims no more jobs and waits for started ones"};
}

Check database(const DatabaseContact& contact) {
  if (contact.lost_for) {
    return {"database", Verdict::failed,
            "the database has not answered for " + in_words(*contact.lost_for) + ": " + contact.reason};
  }
  if (!is_up(contact)) {
    return {"database", Verdict::failed,
            "the database has not answered for " + in_words(contact.since_answer)};
  }
  return {"database", Verdict::good, "the database answered " + in_words(contact.since_answer) + " ago"};
}

Check schema_check(const SchemaLook& look) {
  if (!look.happened) return {"schema", Verdict::failed, "the schema could not be checked yet"};
  if (!look.problem.empty()) return {"schema", Verdict::failed, look.problem};
  const auto age = base::Clock::now() - look.at;
  if (age > schema_holds)
    return {"schema", Verdict::failed, "the schema could not be checked for " + in_words(age)};
  return {"schema", Verdict::good, "the outbox table and schema sluice match this version of sluice"};
}

std::string label(const engine::PluginObservation& plugin) {
  return plugin.name.empty() ? plugin.path : plugin.name;
}

/// "mail, pdf": the plugins of `loop` in that state.
std::string in_state(const engine::Observation& loop, const std::string& state) {
  std::string list;
  for (const auto& plugin : loop.plugins) {
    if (plugin.state == state) list += (list.empty() ? "" : ", ") + label(plugin);
  }
  return list;
}

std::string being_loaded(const engine::Observation& loop) {
  std::string names;
  for (const auto& plugin : loop.plugins) {
    const bool tried = plugin.state == "ready" || plugin.state == "refused" || plugin.state == "broken" ||
                       plugin.state == "disabled";
    if (!tried) names += (names.empty() ? "" : ", ") + label(plugin) + " (" + plugin.state + ")";
  }
  return names;
}

Check plugins(const engine::Observation& loop) {
  if (!loop.settled) return {"plugins", Verdict::failed, "plugins are being loaded: " + being_loaded(loop)};
  std::string broken;
  for (const auto& plugin : loop.plugins) {
    if (plugin.state == "broken") broken += (broken.empty() ? "" : "; ") + plugin.reason;
  }
  if (!broken.empty()) return {"plugins", Verdict::failed, "a plugin is broken: " + broken};
  const std::string ready = in_state(loop, "ready");
  const std::string refused = in_state(loop, "refused");
  if (ready.empty()) {
    const std::string restarting = in_state(loop, "restarting");
    return {"plugins", Verdict::failed,
            "no plugin is ready, so nothing is claimed" +
                (restarting.empty() ? "" : "; restarting: " + restarting) +
                (refused.empty() ? "" : "; refused: " + refused)};
  }
  if (refused.empty()) return {"plugins", Verdict::good, "ready: " + ready};
  return {"plugins", Verdict::warning, "ready: " + ready + "; refused: " + refused};
}

}  // namespace

bool is_up(const DatabaseContact& database) {
  return !database.lost_for && database.since_answer <= database_patience;
}

std::vector<Check> liveness(const std::optional<engine::Observation>& loop) {
  return {event_loop(loop, loop_patience)};
}

std::vector<Check> readiness(const std::optional<engine::Observation>& loop, const DatabaseContact& contact,
                             const SchemaLook& schema) {
  std::vector<Check> checks{event_loop(loop, ready_patience)};
  if (loop) checks.push_back(stopping(*loop));
  checks.push_back(database(contact));
  checks.push_back(schema_check(schema));
  if (loop) checks.push_back(plugins(*loop));
  return checks;
}

bool passed(const std::vector<Check>& checks) {
  return std::none_of(checks.begin(), checks.end(),
                      [](const Check& check) { return check.verdict == Verdict::failed; });
}

std::string to_json(const std::vector<Check>& checks) {
  std::string json = std::string("{\"healthy\":") + (passed(checks) ? "true" : "false") + ",\"checks\":[";
  const char* comma = "";
  for (const Check& check : checks) {
    json += comma;
    json += R"({"name":)" + base::json_quote(check.name) + R"(,"result":")" + name(check.verdict) +
            R"(","found":)" + base::json_quote(base::valid_utf8(check.words)) + "}";
    comma = ",";
  }
  return json + "]}\n";
}

}  // namespace sluice::http
