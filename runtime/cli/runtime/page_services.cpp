#include "cli/runtime/page_services.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <signal.h>

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "base/duration.hpp"
#include "base/host_name.hpp"
#include "base/threads.hpp"
#include "base/usage_error.hpp"
#include "cli/command.hpp"
#include "cli/jobs/job_repro.hpp"
#include "cli/runtime/reload_round.hpp"
#include "dashboard/redaction.hpp"
#include "host/refusal.hpp"
#include "host/schema.hpp"

namespace sluice::cli {

namespace {

using dashboard::PayloadProblem;
using rapidjson::Value;

std::string json_of(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

/// The sentence of host::Schema::check, taken apart.
PayloadProblem problem_of(const std::string& sentence) {
  const std::string at = " at JSON pointer ";
  const auto from = sentence.find(at);
  const auto colon = sentence.find(": expected ");
  const std::string text = colon == std::string::npos ? sentence : sentence.substr(colon + 2);
  if (from == std::string::npos || colon == std::string::npos || from > colon) return {"", text};
  rapidjson::Document pointer;
  const auto begin = from + at.size();
  pointer.Parse<rapidjson::kParseIterativeFlag>(sentence.c_str() + begin, colon - begin);
  return {pointer.IsString() ? pointer.GetString() : "", text};
}

std::optional<PayloadProblem> first_problem(const std::string& schema, const std::string& payload,
                                            bool quotes) {
  try {
    const auto verdict = host::Schema(schema).check(payload, "the payload",
                                                    quotes ? host::Quotes::all : host::Quotes::nothing);
    if (verdict.problem) return problem_of(*verdict.problem);
  } catch (const host::Refusal&) {
    // The plugin was refused with it, or belongs to another version; the job's attempts tell.
  }
  return std::nullopt;
}

/// The schema with one of its properties alone, and nothing else that it asks of the whole.
std::string schema_of_member(const rapidjson::Document& schema, const std::string& name) {
  rapidjson::Document alone;
  alone.SetObject();
  auto& memory = alone.GetAllocator();
  for (const char* const key : {"$schema", "$id", "$defs", "definitions"}) {
    if (const auto found = schema.FindMember(key); found != schema.MemberEnd())
      alone.AddMember(Value(key, memory), Value(found->value, memory), memory);
  }
  Value properties(rapidjson::kObjectType);
  properties.AddMember(Value(name.c_str(), memory), Value(schema["properties"][name.c_str()], memory),
                       memory);
  alone.AddMember("properties", properties, memory);
  Value required(rapidjson::kArrayType);
  if (const auto found = schema.FindMember("required");
      found != schema.MemberEnd() && found->value.IsArray()) {
    for (const Value& one : found->value.GetArray()) {
      if (one.IsString() && one.GetString() == name) required.PushBack(Value(one, memory), memory);
    }
  }
  if (!required.Empty()) alone.AddMember("required", required, memory);
  return json_of(alone);
}

/// Runtimes on this machine, by signals.
class LocalRuntimes : public dashboard::RuntimeControl {
 public:
  explicit LocalRuntimes(const config::Config& config) : config_(config), host_(base::host_name()) {}

  std::string trouble(const store::RuntimeReport& runtime) const override {
    if (runtime.info.host != host_)
      return "runs on " + runtime.info.host + ", and this page is served on " + host_;
    return RuntimeProcess(runtime).trouble();
  }

  void check(const dashboard::ReloadWish& wish) const override { request_of(wish); }

  std::vector<dashboard::ReloadResult> reload(const dashboard::ReloadWish& wish,
                                              const std::function<void(const std::string&)>& asked,
                                              const std::function<bool()>& gives_up) override {
    const auto desk = postgres::open_reload_desk(store_options(config_));
    std::vector<dashboard::ReloadResult> results;
    const Excuse excuse = [&](const store::RuntimeReport& runtime, const std::string& trouble) {
      results.push_back({runtime.id, runtime.info.pid, trouble, {}});
    };
    std::list<Asked> runtimes = find_runtimes(*desk, excuse);
    if (runtimes.empty()) return results;
    const auto request = request_of(wish);
    if (!desk->hears()) {
      ask(runtimes, request, excuse);
      asked(ids_of(runtimes));
      add_silent(results, runtimes, "was asked; its result can't be heard through a pool, so see its log");
      return results;
    }
    const auto patience = patience_of(config_);
    const Round round{request, patience, false, [&] { asked(ids_of(runtimes)); }, gives_up};
    ask_and_wait(*desk, runtimes, round, excuse,
                 [&](const Asked&, const dashboard::ReloadResult& result) { results.push_back(result); });
    add_silent(results, runtimes,
               "was asked, but reported nothing within " + base::format_duration(patience) + "; see its log");
    return results;
  }

  std::string drain(const store::RuntimeReport& runtime) override {
    if (runtime.info.host != host_) return trouble(runtime);
    RuntimeProcess process(runtime);
    if (process.trouble().empty()) process.send(SIGTERM);
    return process.trouble();
  }

 private:
  static void add_silent(std::vector<dashboard::ReloadResult>& results, const std::list<Asked>& runtimes,
                         const std::string& why) {
    for (const Asked& one : runtimes) {
      if (!one.answered) results.push_back({one.runtime.id, one.runtime.info.pid, why, {}});
    }
  }

  const config::Config config_;
  const std::string host_;
};

}  // namespace

std::vector<PayloadProblem> examine_payload(const std::string& schema, const std::string& payload,
                                            bool quotes) {
  std::vector<PayloadProblem> problems;
  const auto first = first_problem(schema, payload, quotes);
  if (!first) return problems;
  rapidjson::Document rules;
  rules.Parse<rapidjson::kParseIterativeFlag>(schema.c_str());
  const bool has_members =
      rules.IsObject() && rules.HasMember("properties") && rules["properties"].IsObject();
  if (has_members) {
    for (const auto& member : std::as_const(rules)["properties"].GetObject()) {
      if (auto found = first_problem(schema_of_member(rules, member.name.GetString()), payload, quotes))
        problems.push_back(std::move(*found));
    }
  }
  const bool known = std::any_of(problems.begin(), problems.end(),
                                 [&](const PayloadProblem& one) { return one.pointer == first->pointer; });
  if (!known) problems.insert(problems.begin(), *first);
  return problems;
}

dashboard::Services page_services(const config::Config& config) {
  dashboard::Services services;
  services.examine = examine_payload;
  const auto one_at_a_time = std::make_shared<base::Mutex>();  // the function is copied
  services.repro = [config, one_at_a_time](
                       store::JobDesk& desk, const std::string& id,
                       const std::vector<std::string>& hidden) -> std::optional<std::string> {
    const auto details = desk.show(id);
    if (!details) return std::nullopt;
    const base::Lock lock(*one_at_a_time);  // each starts a plugin host
    Repro repro = make_repro(*details, config, [](const std::string&) {});
    repro.payload = dashboard::redacted(repro.payload, hidden);
    return text_of(repro) + "\n";
  };
  services.control = std::make_unique<LocalRuntimes>(config);
  return services;
}

}  // namespace sluice::cli
