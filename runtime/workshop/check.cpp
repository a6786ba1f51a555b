#include "workshop/check.hpp"

#include <algorithm>

#include "workshop/file_checks.hpp"
#include "workshop/handler_checks.hpp"
#include "workshop/start_checks.hpp"

namespace sluice::workshop {

namespace {

using Names = std::vector<std::string>;

const Names file_check_names{"file", "exports", "visibility", "static tls", "run path", "symbols"};
const Names load_check_names{"load", "schema", "config schema"};
const Names start_check_names{"start", "start again", "bad config"};
const Names handler_check_names{"example", "slots", "cancellation", "fuzz", "leaks", "results"};

/// The checks on which others depend.
bool is_needed(const std::string& check) {
  static const Names needed{"file", "load", "config schema", "start"};
  return std::find(needed.begin(), needed.end(), check) != needed.end();
}

class Checking {
 public:
  Checking(const CheckOptions& options, const std::function<void(const Finding&)>& tell)
      : options_(options), tell_(tell) {}

  void run() {
    for (const Finding& finding : check_file(options_)) report(finding);
    const bool to_start = options_.start && wants_any({&start_check_names, &handler_check_names});
    if (!to_start && !wants_any({&load_check_names})) return;
    if (std::string why = describe(); !why.empty()) return skip_starts(why);
    if (!to_start) return;
    if (std::string why = start(); !why.empty()) return skip_handlers(why);
    if (!options_.run_handlers) {
      return skip_handlers("handlers are called, with all their side effects, only with --run-handlers");
    }
    check_handlers(options_, spec_, config_, tell_);
  }

 private:
  bool wants_any(std::initializer_list<const Names*> lists) const {
    return std::any_of(lists.begin(), lists.end(), [&](const Names* names) {
      return std::any_of(names->begin(), names->end(),
                         [&](const std::string& name) { return options_.wants(name); });
    });
  }

  /// Loads the plugin and checks its schemas. Returns empty, or why nothing more can be checked.
  std::string describe() {
    if (failed_) {
      report("load", skipped("the file can't be used"));
      return "the file can't be used";
    }
    if (!report("load", check_load(options_, spec_))) return "it can't be loaded";
    for (const job::TypeSpec& type : spec_.types) {
      if (options_.wants("schema", type.name)) report("schema", check_schema(type, options_.start_timeout));
    }
    const Finding config = check_config_schema(spec_, configured(), options_.start_timeout);
    report("config schema", config);
    return config.verdict == Verdict::failed ? "it can't be started" : "";
  }

  std::optional<std::string> configured() const {
    return options_.config ? options_.config(spec_.name) : std::nullopt;
  }

  std::string start() {
    const std::optional<std::string> written = configured();
    config_ = written.value_or("{}");
    if (!report("start", check_start(options_, spec_, written))) {
      report("start again", skipped("it can't be started"));
      report("bad config", skipped("it can't be started"));
      return "it can't be started";
    }
    if (options_.wants("start again")) report("start again", check_start(options_, spec_, config_));
    if (options_.wants("bad config")) report("bad config", check_bad_config(options_, spec_, config_));
    return "";
  }

  bool report(const std::string& check, Finding finding) {
    finding.check = check;
    return report(finding);
  }
  bool report(const Finding& finding) {
    const bool failed = finding.verdict == Verdict::failed;
    failed_ = failed_ || (failed && finding.check == "file");
    if (options_.wants(finding.check, finding.subject) || (failed && is_needed(finding.check)))
      tell_(finding);
    return finding.verdict == Verdict::passed;
  }

  void skip_starts(const std::string& why) {
    if (!options_.start) return;
    for (const std::string& name : start_check_names) report(name, skipped(why));
    skip_handlers(why);
  }
  void skip_handlers(const std::string& why) {
    for (const std::string& name : handler_check_names) report(name, skipped(why));
  }

  const CheckOptions& options_;
  const std::function<void(const Finding&)>& tell_;
  job::PluginSpec spec_;
  std::string config_ = "{}";
  bool failed_ = false;  // the check of the file itself
};

}  // namespace

const std::vector<std::string>& check_names() {
  static const Names all = [] {
    Names names;
    for (const Names* some : {&file_check_names, &load_check_names, &start_check_names, &handler_check_names})
      names.insert(names.end(), some->begin(), some->end());
    return names;
  }();
  return all;
}

bool CheckOptions::wants(const std::string& check, const std::string& type) const {
  const auto chosen = [&](const CheckChoice& choice) {
    return choice.check == check && (choice.type.empty() || type.empty() || choice.type == type);
  };
  const auto left_out = [&](const CheckChoice& choice) {
    return choice.check == check && (choice.type.empty() || choice.type == type);
  };
  return (only.empty() || std::any_of(only.begin(), only.end(), chosen)) &&
         std::none_of(skip.begin(), skip.end(), left_out);
}

void check_plugin(const CheckOptions& options, const std::function<void(const Finding&)>& tell) {
  Checking(options, tell).run();
}

}  // namespace sluice::workshop
