// sluice plugin shadow: runs jobs that have ended once more in another version of their plugin, and shows
// what would differ. The outbox is only read.
#include <filesystem>
#include <iostream>

#include "base/harmless.hpp"
#include "base/threads.hpp"
#include "cli/jobs/jobs.hpp"
#include "cli/plugin/shadow_report.hpp"
#include "cli/plugin/shadow_version.hpp"
#include "cli/text/interrupts.hpp"
#include "cli/text/table.hpp"

namespace sluice::cli {

namespace {

constexpr int most_sampled = 1000;

struct ShadowOptions {
  std::string file;
  std::string type;
  std::string against;
  std::string since;
  int sample = 100;
  bool network = false;
  bool yes = false;
  bool json = false;
};

std::string absolute(const std::string& file) {
  return std::filesystem::absolute(file).string();
}

/// The outcome of the last attempt.
ShadowResult recorded(const store::JobDetails& details) {
  ShadowResult result;
  const auto took = [](double seconds) {
    return std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
  };
  job::Outcome& outcome = result.outcome;
  outcome.output = details.output.value_or("");
  if (details.job.status == "done") {
    result.knows_time = details.done_run.has_value();
    if (details.done_run) outcome.duration = took(details.done_run->took);
    return result;
  }
  outcome.result = job::Result::fail;
  if (details.attempts.empty()) return result;
  const store::Attempt& last = details.attempts.back();
  for (const job::Result one : {job::Result::retry, job::Result::crashed, job::Result::cancelled}) {
    if (last.result == job::name(one)) outcome.result = one;
  }
  outcome.code = last.code;
  outcome.error = last.error;
  result.knows_time = last.duration.has_value();
  outcome.duration = took(last.duration.value_or(0));
  return result;
}

job::Job job_of(const store::JobDetails& details) {
  job::Job job;
  job.id = details.job.id;
  job.type = details.job.type;
  job.payload = details.payload;
  job.attempt = std::max(details.job.attempts, 1);
  const double now = std::chrono::duration<double>(base::WallClock::now().time_since_epoch()).count();
  job.created_at = now - details.job.created.age;
  return job;
}

class Shadow {
 public:
  Shadow(const config::Config& config, const ShadowOptions& options)
      : options_(options),
        desk_(open_jobs(config)),
        fresh_(config, absolute(options.file), options.type, options.network, interrupts_.fd()) {
    if (options.against.empty()) return;
    present_.emplace(config, absolute(options.against), options.type, options.network, interrupts_.fd());
  }

  int run() {
    const auto sample = this->sample();
    if (sample.empty()) {
      std::cerr << "no job of type " << options_.type << " has ended"
                << (options_.since.empty() ? "" : " that was created in the last " + options_.since)
                << ", so there is nothing to compare\n";
      return ExitCode::failed;
    }
    if (!warn(sample.size())) return ExitCode::failed;
    if (!prepare(fresh_) || (present_ && !prepare(*present_))) return ExitCode::failed;
    ShadowReport report(present_ ? present_->name() : "recorded", fresh_.name());
    for (const store::JobSummary& job : sample) {
      if (!compare(job.id, report)) break;
    }
    return finish(report, sample.size());
  }

 private:
  std::vector<store::JobSummary> sample() {
    store::JobFilter filter;
    filter.statuses = {"done", "error"};
    filter.types = {options_.type};
    if (!options_.since.empty()) filter.since = duration_option("--since", options_.since);
    return desk_->list(filter, static_cast<std::size_t>(options_.sample), false).jobs;
  }

  /// False if the user does not want it.
  bool warn(std::size_t jobs) const {
    if (!options_.network) {
      std::cerr
          << "The handler has no network. Its follow-up jobs, effects and output are discarded. Files that "
             "it writes are written.\n";
      return true;
    }
    std::cerr
        << "The handler has the network, and does again what it did: it sends mails, calls services and "
           "writes files. Only follow-up jobs, effects and output are discarded.\n";
    return options_.yes || confirmed({"run again", "ran again"}, static_cast<std::int64_t>(jobs));
  }

  bool prepare(ShadowVersion& version) const {
    const auto refusal = version.prepare();
    if (!refusal) return true;
    std::cerr << "sluice: refused: " << base::harmless(*refusal) << "\n";
    if (!options_.network)
      std::cerr << "It ran without network. If it needs it to start, use --allow-network\n";
    return false;
  }

  /// False if no more jobs are to be run.
  bool compare(const std::string& id, ShadowReport& report) {
    const auto details = desk_->show(id);
    if (!details) return true;  // deleted meanwhile
    ShadowResult was = recorded(*details);
    if (present_) {
      const auto outcome = present_->run(job_of(*details));
      if (!outcome) return false;
      was = {*outcome, true, true};
    }
    const auto outcome = fresh_.run(job_of(*details));
    if (!outcome) return false;
    report.add(id, was, {*outcome, true, true});
    return true;
  }

  int finish(const ShadowReport& report, std::size_t wanted) {
    for (ShadowVersion* version : {&fresh_, present_ ? &*present_ : nullptr}) {
      if (version == nullptr) continue;
      version->stop();
      if (!version->problem().empty()) std::cerr << "sluice: " << base::harmless(version->problem()) << "\n";
    }
    if (report.jobs() < wanted)
      std::cerr << "compared only " << report.jobs() << " of " << wanted << " jobs\n";
    std::cout << (options_.json ? report.json(options_.type, options_.network) + "\n" : report.text());
    return report.differing() == 0 && report.jobs() > 0 ? ExitCode::ok : ExitCode::failed;
  }

  const ShadowOptions& options_;
  Interrupts interrupts_;
  std::unique_ptr<store::JobDesk> desk_;
  ShadowVersion fresh_;
  std::optional<ShadowVersion> present_;
};

int shadow(const GlobalOptions& global, const ShadowOptions& options) {
  const config::Config config = global.resolve();
  return Shadow(config, options).run();
}

}  // namespace

void add_plugin_shadow(const Command& plugin, GlobalOptions& global, int& code) {
  const Command command = plugin.add_subcommand(
      "shadow", "Run jobs that have ended again in another version, and show what would differ");
  add_database_options(command, global);
  static ShadowOptions options;
  command.add_option("FILE", options.file, "The new version's .so file").required();
  command.add_option("--type", options.type, "The job type").required();
  command.add_option("--sample", options.sample, "The newest jobs that are run, at most 1000 [100]")
      .between(1, most_sampled);
  command.add_option("--since", options.since, "Only jobs created within this time: 1h, 2d").takes("TIME");
  command
      .add_option("--against", options.against,
                  "Run the jobs in this file too, and compare with that instead of what is recorded")
      .takes("FILE");
  command.add_flag("--allow-network", options.network,
                   "Let the handlers use the network, so that they do again what they did");
  command.add_flag("--yes", options.yes, "Do not ask for confirmation");
  command.add_flag("--json", options.json, "Print the result as JSON");
  add_examples(command,
               "  sluice plugin shadow build/mail.so --type mail.render --sample 500\n"
               "  sluice plugin shadow mail.so.new --type mail.render --against mail.so --since 1d");
  command.callback([&] { code = shadow(global, options); });
}

}  // namespace sluice::cli
