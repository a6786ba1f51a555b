#include "workshop/handler_checks.hpp"

#include <algorithm>
#include <memory>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"
#include "host/schema.hpp"
#include "workshop/footprint.hpp"
#include "workshop/payload_generator.hpp"
#include "workshop/rehearsal.hpp"

namespace sluice::workshop {

namespace {

using Clock = base::Clock;

constexpr const char* no_example = "the type declares no example payload";
constexpr const char* honour =
    "check job.is_cancelled() in every loop and before every long operation, and give every waiting call a "
    "time limit";

std::chrono::microseconds since(Clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
}

std::string described(const job::Outcome& outcome) {
  std::string text(job::name(outcome.result));
  if (outcome.code.empty() && outcome.error.empty()) return text;
  return text + " (" +
         base::shortened(outcome.code + (outcome.code.empty() ? "" : ": ") + outcome.error, 200) + ")";
}

/// The checks of one job type, each in its own plugin host.
class TypeChecks {
 public:
  TypeChecks(const CheckOptions& options, const job::PluginSpec& spec, std::string config, std::size_t index,
             std::vector<std::string>& bad_results)
      : options_(options),
        type_(spec.types[index]),
        config_(std::move(config)),
        index_(index),
        bad_results_(bad_results) {}

  Finding example();
  Finding slots();
  Finding cancellation();
  Finding fuzz();
  Finding leaks();

 private:
  /// A ready host. If it does not become ready, throws its refusal as a runtime_error.
  std::unique_ptr<Rehearsal> open(std::uint32_t slots) {
    constexpr int nothing = 5;
    auto plugin = std::make_unique<Rehearsal>(
        Stage{options_.path, false, slots, nothing, -1, {}, options_.trust, options_.secrets}, nobody_);
    auto refusal = plugin->load(options_.start_timeout);
    if (!refusal) refusal = plugin->start(config_, options_.start_timeout);
    if (refusal) throw std::runtime_error(*refusal);
    return plugin;
  }

  std::uint32_t send(Rehearsal& plugin, const std::string& payload) {
    job::Job job;
    job.id = "plugin-check-" + std::to_string(++sent_);
    job.type = type_.name;
    job.payload = payload;
    job.max_attempts = 3;
    job.created_at = std::chrono::duration<double>(base::WallClock::now().time_since_epoch()).count();
    return plugin.send(job, index_);
  }

  void note(const job::Outcome& outcome) {
    if (outcome.code == "bad-result" || outcome.code == "bad-output")
      bad_results_.push_back(type_.name + ": " + outcome.error);
  }

  std::optional<job::Outcome> await(Rehearsal& plugin, std::chrono::microseconds limit) {
    auto returned = plugin.next(limit);
    if (!returned) return std::nullopt;
    note(returned->outcome);
    return std::move(returned->outcome);
  }

  std::string debugging(const std::string& payload) const {
    return "try it in a debugger: gdb --args sluice plugin run '" + options_.path + "' " + type_.name + " '" +
           base::shortened(payload, 200) + "' --in-process";
  }
  Finding died(const Rehearsal& plugin, const std::string& when, const std::string& payload) const {
    return failed("its process " + plugin.ending() + " " + when, debugging(payload));
  }

  /// Sends the example `count` times, at most `window` at once, for at most the time limit of a job. Returns
  /// how many jobs came back.
  int perform(Rehearsal& plugin, int count, int window);

  std::chrono::microseconds job_limit() const {
    return type_.timeout.count() > 0 ? std::min(type_.timeout, options_.job_limit) : options_.job_limit;
  }

  const CheckOptions& options_;
  const job::TypeSpec& type_;
  const std::string config_;
  const std::size_t index_;
  std::vector<std::string>& bad_results_;
  Witness nobody_;
  int sent_ = 0;
};

Finding TypeChecks::example() {
  if (type_.payload_example.empty()) return skipped(no_example);
  const auto plugin = open(1);
  const std::uint32_t ticket = send(*plugin, type_.payload_example);
  if (const auto outcome = await(*plugin, job_limit()))
    return passed(described(*outcome) + " in " + base::format_duration(outcome->duration));
  if (!plugin->alive()) return died(*plugin, "while it ran the example", type_.payload_example);
  plugin->cancel(ticket);
  if (const auto outcome = await(*plugin, options_.cancel_grace)) {
    return passed("still running after " + base::format_duration(job_limit()) + "; " + described(*outcome) +
                  " when asked to stop");
  }
  return failed("did not end within " + base::format_duration(job_limit()) + ", nor within " +
                    base::format_duration(options_.cancel_grace) + " after it was asked to stop",
                honour);
}

Finding TypeChecks::slots() {
  constexpr int most_at_once = 8;
  constexpr int for_each = 8;
  if (type_.payload_example.empty()) return skipped(no_example);
  const int at_once = type_.concurrency > 0 ? std::min(type_.concurrency, most_at_once) : most_at_once;
  if (at_once == 1) return skipped("its concurrency is 1");
  const auto plugin = open(static_cast<std::uint32_t>(at_once));
  const int count = at_once * for_each;
  const int back = perform(*plugin, count, at_once);
  if (!plugin->alive()) {
    Finding finding =
        died(*plugin, "while it ran " + std::to_string(at_once) + " at once", type_.payload_example);
    finding.remedy =
        "protect data that the slots share with a lock, or keep the data in the slot (slot_open); build with "
        "-fsanitize=thread to find data races; or declare concurrency 1 for the type";
    return finding;
  }
  if (back == count) return passed(std::to_string(count) + " jobs, " + std::to_string(at_once) + " at once");
  if (back > 0) {
    return passed(std::to_string(back) + " jobs in " + base::format_duration(options_.job_limit) + ", " +
                  std::to_string(at_once) + " at once");
  }
  return skipped("its example takes longer than " + base::format_duration(options_.job_limit));
}

Finding TypeChecks::cancellation() {
  constexpr std::chrono::milliseconds settle{20};
  if (type_.payload_example.empty()) return skipped(no_example);
  const auto plugin = open(1);
  const std::uint32_t ticket = send(*plugin, type_.payload_example);
  std::optional<job::Outcome> outcome;
  while (!outcome && plugin->alive() && !plugin->started(ticket))
    outcome = await(*plugin, std::chrono::milliseconds(1));
  if (!outcome && plugin->alive()) outcome = await(*plugin, settle);
  if (!plugin->alive()) return died(*plugin, "while it ran the example", type_.payload_example);
  if (outcome) return skipped("its example ends by itself after " + base::format_duration(outcome->duration));
  plugin->cancel(ticket);
  const Clock::time_point asked = Clock::now();
  outcome = await(*plugin, options_.cancel_grace);
  if (outcome)
    return passed(described(*outcome) + " " + base::format_duration(since(asked)) + " after it was asked");
  if (!plugin->alive()) return died(*plugin, "when it was asked to stop", type_.payload_example);
  return failed(
      "did not return within " + base::format_duration(options_.cancel_grace) + " after it was asked to stop",
      honour);
}

Finding TypeChecks::fuzz() {
  const auto plugin = open(1);
  PayloadGenerator generator(type_.payload_schema, type_.payload_example, options_.seed);
  host::Schema schema(type_.payload_schema);
  const Clock::time_point begin = Clock::now();
  int tried = 0;
  int sound = 0;
  int slow = 0;
  for (; tried < options_.jobs && since(begin) < options_.job_limit; ++tried) {
    const std::string payload = tried % 3 == 2 ? generator.near_valid() : generator.valid();
    if (!schema.check(payload).problem) ++sound;
    const std::uint32_t ticket = send(*plugin, payload);
    auto outcome = await(*plugin, job_limit());
    if (!outcome && plugin->alive()) {
      ++slow;
      plugin->cancel(ticket);
      outcome = await(*plugin, options_.cancel_grace);
    }
    if (outcome) continue;
    const std::string which = "payload " + std::to_string(tried + 1) + " of seed " +
                              std::to_string(options_.seed) + ", " + base::shortened(payload, 300);
    if (!plugin->alive()) return died(*plugin, "on " + which, payload);
    return failed("did not end within " + base::format_duration(job_limit()) +
                      ", nor when it was asked to stop, on " + which,
                  honour);
  }
  return passed(counted(static_cast<std::size_t>(tried), "payload") + " of seed " +
                std::to_string(options_.seed) + ", of which " + std::to_string(sound) + " pass the schema" +
                (slow == 0 ? "" : "; " + std::to_string(slow) + " took too long, and stopped when asked"));
}

int TypeChecks::perform(Rehearsal& plugin, int count, int window) {
  const Clock::time_point deadline = Clock::now() + options_.job_limit;
  std::vector<std::uint32_t> under_way;
  int sent = 0;
  int back = 0;
  while (back < count) {
    while (sent < count && sent - back < window) {
      under_way.push_back(send(plugin, type_.payload_example));
      ++sent;
    }
    const auto left = std::chrono::ceil<std::chrono::microseconds>(deadline - Clock::now());
    if (!await(plugin, std::max(left, std::chrono::microseconds(0)))) break;
    ++back;
  }
  if (back == count || !plugin.alive()) return back;
  for (const std::uint32_t ticket : under_way) plugin.cancel(ticket);
  for (int waited = back; waited < sent && await(plugin, options_.cancel_grace); ++waited) {
  }
  return back;
}

Finding TypeChecks::leaks() {
  constexpr int rounds = 4;
  constexpr int fewest = 40;
  constexpr int window = 16;
  if (sanitized()) return skipped("not measured with a sanitizer");
  if (type_.payload_example.empty()) return skipped(no_example);
  const auto plugin = open(1);
  const int in_round = std::max(options_.jobs / rounds, 1);
  int back = perform(*plugin, 2 * in_round, window);  // for warming up
  std::vector<Footprint> prints{footprint(plugin->pid())};
  int counted_jobs = 0;
  for (int round = 0; round < rounds && back > 0 && plugin->alive(); ++round) {
    back = perform(*plugin, in_round, window);
    counted_jobs += back;
    prints.push_back(footprint(plugin->pid()));
  }
  if (!plugin->alive()) return died(*plugin, "over many jobs", type_.payload_example);
  if (counted_jobs < fewest) {
    return skipped("too slow to measure: only " + counted(static_cast<std::size_t>(counted_jobs), "job") +
                   " in " + base::format_duration(rounds * options_.job_limit));
  }
  return judge(prints, counted_jobs);
}

Finding found_by(TypeChecks& of_type, Finding (TypeChecks::*check)()) {
  try {
    return (of_type.*check)();
  } catch (const std::runtime_error& refusal) {
    return refused(refusal.what());
  }
}

}  // namespace

void check_handlers(const CheckOptions& options, const job::PluginSpec& spec, const std::string& config,
                    const std::function<void(const Finding&)>& tell) {
  struct Check {
    const char* name;
    Finding (TypeChecks::*run)();
    bool even_so;  ///< even if the example failed
  };
  static constexpr Check checks[] = {{"example", &TypeChecks::example, true},
                                     {"slots", &TypeChecks::slots, false},
                                     {"cancellation", &TypeChecks::cancellation, true},
                                     {"fuzz", &TypeChecks::fuzz, false},
                                     {"leaks", &TypeChecks::leaks, false}};
  for (const std::string& wanted : options.types) {
    if (std::any_of(spec.types.begin(), spec.types.end(),
                    [&](const auto& type) { return type.name == wanted; }))
      continue;
    Finding unknown =
        failed("the plugin has no such job type", "name one that `sluice plugin inspect` shows");
    unknown.check = "type";
    unknown.subject = wanted;
    tell(unknown);
  }
  std::vector<std::string> bad_results;
  for (std::size_t i = 0; i < spec.types.size(); ++i) {
    const std::string& type = spec.types[i].name;
    if (!options.types.empty() && std::count(options.types.begin(), options.types.end(), type) == 0) continue;
    TypeChecks of_type(options, spec, config, i, bad_results);
    bool sound = true;  // so far
    for (const Check& check : checks) {
      const bool is_example = &check == checks;
      const bool wanted = options.wants(check.name, type);
      if (!wanted && !(is_example && options.wants("results"))) continue;
      Finding finding =
          sound || check.even_so ? found_by(of_type, check.run) : skipped("its example already fails");
      finding.check = check.name;
      finding.subject = type;
      if (is_example) sound = finding.verdict != Verdict::failed;
      if (wanted) tell(finding);
    }
  }
  if (!options.wants("results")) return;
  std::sort(bad_results.begin(), bad_results.end());
  bad_results.erase(std::unique(bad_results.begin(), bad_results.end()), bad_results.end());
  Finding results =
      bad_results.empty()
          ? passed("every result is valid, and every output is valid JSON")
          : failed(some_of(bad_results, 2),
                   "return SLUICE_DONE, _RETRY, _FAIL, _SNOOZE or _CANCELLED, and set JSON as output");
  results.check = "results";
  tell(results);
}

}  // namespace sluice::workshop
