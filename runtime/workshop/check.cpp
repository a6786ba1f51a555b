#include "workshop/check.hpp"

#include "workshop/file_checks.hpp"
#include "workshop/handler_checks.hpp"
#include "workshop/start_checks.hpp"

namespace sluice::workshop {

namespace {

constexpr const char* start_check_names[] = {"start", "start again", "bad config"};
constexpr const char* handler_check_names[] = {"example", "slots", "cancellation",
                                               "fuzz",    "leaks", "results"};

class Checking {
 public:
  Checking(const CheckOptions& options, const std::function<void(const Finding&)>& tell)
      : options_(options), tell_(tell) {}

  void run() {
    for (const Finding& finding : check_file(options_.path, options_.start_timeout)) told("", finding);
    if (std::string why = describe(); !why.empty()) return skip_starts(why);
    if (!options_.start) return;
    if (std::string why = start(); !why.empty()) return skip_handlers(why);
    if (!options_.run_handlers) {
      return skip_handlers("handlers are called, with all that they do, only with --run-handlers");
    }
    check_handlers(options_, spec_, config_, [this](const Finding& finding) { told("", finding); });
  }

 private:
  /// Loads it and looks at its schemas: empty, or why nothing more can be checked.
  std::string describe() {
    if (failed_) {
      told("load", skipped("the file can't be used"));
      return "the file can't be used";
    }
    if (!told("load", check_load(options_, spec_))) return "it can't be loaded";
    for (const job::TypeSpec& type : spec_.types) told("schema", check_schema(type, options_.start_timeout));
    const Finding config = check_config_schema(spec_, configured(), options_.start_timeout);
    told("config schema", config);
    return config.verdict == Verdict::failed ? "it can't be started" : "";
  }

  std::optional<std::string> configured() const {
    return options_.config ? options_.config(spec_.name) : std::nullopt;
  }

  std::string start() {
    const std::optional<std::string> written = configured();
    config_ = written.value_or("{}");
    if (!told("start", check_start(options_, spec_, written))) {
      told("start again", skipped("it can't be started"));
      told("bad config", skipped("it can't be started"));
      return "it can't be started";
    }
    told("start again", check_start(options_, spec_, config_));
    told("bad config", check_bad_config(options_, spec_, config_));
    return "";
  }

  bool told(const std::string& check, Finding finding) {
    if (!check.empty()) finding.check = check;
    failed_ = failed_ || (finding.verdict == Verdict::failed && finding.check == "file");
    tell_(finding);
    return finding.verdict == Verdict::passed;
  }

  void skip_starts(const std::string& why) {
    if (!options_.start) return;
    for (const char* name : start_check_names) told(name, skipped(why));
    skip_handlers(why);
  }
  void skip_handlers(const std::string& why) {
    for (const char* name : handler_check_names) told(name, skipped(why));
  }

  const CheckOptions& options_;
  const std::function<void(const Finding&)>& tell_;
  job::PluginSpec spec_;
  std::string config_ = "{}";
  bool failed_ = false;  // the file itself
};

}  // namespace

void check_plugin(const CheckOptions& options, const std::function<void(const Finding&)>& tell) {
  Checking(options, tell).run();
}

}  // namespace sluice::workshop
