#include "workshop/start_checks.hpp"

#include "base/duration.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"
#include "host/schema.hpp"
#include "workshop/bad_configs.hpp"
#include "workshop/child.hpp"
#include "workshop/rehearsal.hpp"

namespace sluice::workshop {

namespace {

using Clock = base::Clock;

std::chrono::microseconds since(Clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
}

Stage stage_for(const CheckOptions& options, std::uint32_t slots) {
  constexpr int nothing = 5;
  return {options.path, false, slots, nothing, -1, {}, options.trust, options.secrets};
}

/// True for a refusal by init or slot_open that has a number but no message.
bool is_silent(const std::string& refusal) {
  for (const char* words : {"init returned ", "slot_open failed (slot "}) {
    const std::size_t at = refusal.find(words);
    if (at == std::string::npos) continue;
    const std::size_t after = refusal.find_first_of(",(:", at + std::string(words).size());
    return after == std::string::npos || refusal[after] == ',' || refusal.find("returned", after) < after;
  }
  return false;
}

Finding silent(const std::string& refusal) {
  Finding finding = refused(refusal);
  finding.found += ", without a reason";
  finding.remedy =
      "report the reason with host->set_error before returning; in C++, throw an exception that has it";
  return finding;
}

std::string ignored(const host::Verdict& verdict) {
  return verdict.ignored.empty() ? "" : "; nothing reads its " + host::ignored_words(verdict.ignored);
}

}  // namespace

Finding check_load(const CheckOptions& options, job::PluginSpec& spec) {
  Witness nobody;
  Rehearsal plugin(stage_for(options, 1), nobody);
  const Clock::time_point begin = Clock::now();
  if (const auto refusal = plugin.load(options.start_timeout)) return refused(*refusal);
  const auto took = since(begin);
  spec = plugin.spec();
  if (const auto problem = plugin.stop(options.stop_timeout)) return refused(*problem);
  if (took > options.start_timeout / 2) {
    return failed(
        "took " + base::format_duration(took) + " to load, more than half of start_timeout (" +
            base::format_duration(options.start_timeout) + ")",
        "do less in static initialisers and constructors of globals; init is the place for slow work");
  }
  return passed("plugin " + spec.name + " " + spec.version + " with " +
                counted(spec.types.size(), "job type") + ", loaded in " + base::format_duration(took));
}

Finding check_schema(const job::TypeSpec& type, std::chrono::microseconds limit) {
  Finding finding = in_child(
      [&] {
        host::Schema schema(type.payload_schema);
        if (type.payload_example.empty()) {
          return skipped(type.payload_schema.empty()
                             ? "neither a schema nor an example is declared"
                             : "the schema compiles; there is no example to check against it");
        }
        const host::Verdict verdict = schema.check(type.payload_example, "the example");
        if (verdict.problem) {
          return failed(*verdict.problem,
                        "correct the example or the schema, because people copy the example and the schema "
                        "then refuses their jobs");
        }
        return passed(type.payload_schema.empty() ? "no schema: any payload passes; the example is valid JSON"
                                                  : "compiles, and the example passes it" + ignored(verdict));
      },
      limit);
  finding.subject = type.name;
  return finding;
}

Finding check_config_schema(const job::PluginSpec& spec, const std::optional<std::string>& configured,
                            std::chrono::microseconds limit) {
  if (spec.config_schema.empty()) return skipped("no schema is declared: any configuration reaches init");
  return in_child(
      [&] {
        host::Schema schema(spec.config_schema);
        return passed("compiles" + (configured ? ignored(schema.check(*configured)) : ""));
      },
      limit);
}

Finding check_by_config_schema(const job::PluginSpec& spec, const std::string& config,
                               std::chrono::microseconds limit) {
  if (spec.config_schema.empty()) return skipped("the plugin declares no schema for its configuration");
  return in_child(
      [&] {
        host::Schema schema(spec.config_schema);
        const host::Verdict verdict = schema.check(config, "the configuration of plugin " + spec.name);
        if (verdict.problem) return failed(*verdict.problem, "correct [plugin." + spec.name + ".config]");
        return passed("passes the plugin's schema" + ignored(verdict));
      },
      limit);
}

Finding check_start(const CheckOptions& options, const job::PluginSpec& spec,
                    const std::optional<std::string>& configured) {
  constexpr std::uint32_t slots = 4;
  Witness nobody;
  Rehearsal plugin(stage_for(options, slots), nobody);
  if (const auto refusal = plugin.load(options.start_timeout)) return refused(*refusal);
  const Clock::time_point begin = Clock::now();
  if (const auto refusal = plugin.start(configured.value_or("{}"), options.start_timeout)) {
    if (plugin.alive() && is_silent(*refusal)) return silent(*refusal);
    if (plugin.alive() && !configured) {
      return skipped("the plugin needs a configuration: pass --config with a file that has [plugin." +
                     spec.name + ".config]; the plugin says: " + refused(*refusal).found);
    }
    return refused(*refusal);
  }
  const auto took = since(begin);
  const Clock::time_point end = Clock::now();
  if (const auto problem = plugin.stop(options.stop_timeout)) return refused(*problem);
  return passed("ready after " + base::format_duration(took) + ", ended after " +
                base::format_duration(since(end)));
}

Finding check_bad_config(const CheckOptions& options, const job::PluginSpec& spec,
                         const std::string& config) {
  const auto configs = bad_configs(spec.config_schema, config, options.seed);
  int refusals = 0;
  for (const std::string& bad : configs) {
    Witness nobody;
    Rehearsal plugin(stage_for(options, 1), nobody);
    if (const auto refusal = plugin.load(options.start_timeout)) return refused(*refusal);
    const auto refusal = plugin.start(bad, options.start_timeout);
    const std::string shown = " with the configuration " + base::shortened(bad, 300);
    if (refusal && !plugin.alive()) {
      return failed(refused(*refusal).found + shown,
                    "check the configuration in init, and refuse an invalid one with a reason");
    }
    if (refusal && is_silent(*refusal)) {
      Finding finding = silent(*refusal);
      finding.found += shown;
      return finding;
    }
    if (refusal) {
      ++refusals;
    } else if (const auto problem = plugin.stop(options.stop_timeout)) {
      return failed(refused(*problem).found + shown,
                    "end in shutdown everything that init started, whatever the configuration");
    }
  }
  const std::string tried = counted(configs.size(), "odd configuration") + ", ";
  if (refusals == static_cast<int>(configs.size())) return passed(tried + "each refused with a reason");
  return passed(tried + std::to_string(refusals) + " of them refused with a reason, the others accepted");
}

}  // namespace sluice::workshop
