// sluice jobs show: everything that is known about one job.
#include <cmath>
#include <iostream>
#include <sstream>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "base/pretty_json.hpp"
#include "base/text.hpp"
#include "cli/jobs/jobs.hpp"
#include "cli/status/status.hpp"
#include "wire/bounds.hpp"

namespace sluice::cli {

namespace {

constexpr std::size_t shown_json = 4000;  // bytes; --json shows everything
constexpr std::size_t shown_tail = 2000;
constexpr std::size_t shown_note = 300;

std::string indented(const std::string& text, const std::string& margin) {
  std::istringstream lines(base::harmless_lines(text));
  std::string out;
  for (std::string line; std::getline(lines, line);) out += margin + line + "\n";
  return out;
}

std::string shortened_note(const std::string& text, std::size_t limit) {
  if (text.size() <= limit) return text;
  return base::shortened(text, limit) + "\n(" + std::to_string(text.size()) +
         " bytes in all; --json shows everything)";
}

std::string shown_text(const std::string& json) {
  const base::Cut cut = base::pretty_json(json, shown_json, 2);
  if (!cut.cut) return cut.text;
  return cut.text + "…\n(" + std::to_string(json.size()) + " bytes in all; --json shows everything)";
}

void line(const char* label, const std::string& value) {
  std::cout << label << std::string(10 - std::string(label).size(), ' ') << base::harmless(value) << "\n";
}

std::string seconds(double duration) {
  return base::format_duration(std::chrono::microseconds(std::llround(duration * 1e6)));
}

std::string standing(const store::JobDetails& details) {
  const store::JobState& state = details.state;
  const bool since = state.status == "processing" && std::isfinite(state.since_update);
  std::string text = since ? " for " + seconds(state.since_update) : "";
  switch (state.standing) {
    case store::Standing::planned:
      text += details.job.due && details.job.due->age <= 0 ? ", becomes pending " + ago(*details.job.due)
                                                           : ", becomes pending when a runtime next looks";
      break;
    case store::Standing::failed:
      text += ", will not be retried automatically; use sluice jobs retry";
      break;
    case store::Standing::running:
      text += ", with " + name(*state.holder);
      break;
    case store::Standing::lost:
      text += ", with " + name(*state.holder) + ", which is lost; another runtime will take the job back";
      break;
    case store::Standing::foreign:
      text += ", but no Sluice runtime has it; another program may be working on it";
      break;
    case store::Standing::stuck:
      text += ", stuck: no runtime has the job; sluice jobs retry makes it pending";
      break;
    default:
      break;
  }
  return state.status + text + (state.cancel_requested ? ", asked to stop" : "");
}

std::string attempts_line(const store::JobDetails& details) {
  const std::string count = std::to_string(details.job.attempts);
  if (details.plugin.empty()) return count + " (no plugin has ever served its type)";
  return count + " of " + std::to_string(details.max_attempts) + " (plugin " + details.plugin + " " +
         details.plugin_version + ")";
}

std::string progress(const store::RunningJob& job) {
  std::string text = "for " + seconds(job.age) + " in plugin host " + std::to_string(job.host_pid);
  if (job.fraction) text += ", " + std::to_string(std::lround(*job.fraction * 100)) + " % done";
  if (!job.note.empty()) text += ": " + one_line(job.note, shown_note);
  return text;
}

std::string done_by(const store::DoneRun& run) {
  return "attempt " + std::to_string(run.attempt) + " ran for " + seconds(run.took) + " until " +
         ago(run.ended) + ", with " + name(run.holder) + ", in plugin host " + std::to_string(run.host_pid);
}

/// "plugin mail 2.3.0, build 8f3a…, whose host had used 0.20 s of CPU time and at most 14MB of memory"
std::string ran_in(const store::Attempt& attempt) {
  std::string text = "plugin " + attempt.plugin + " " + attempt.version;
  if (!attempt.build_id.empty()) text += ", build " + attempt.build_id;
  if (attempt.cpu_seconds && attempt.peak_memory) {
    text += ", whose host had used " + seconds(*attempt.cpu_seconds) + " of CPU time and at most " +
            wire::byte_words(static_cast<std::size_t>(*attempt.peak_memory)) + " of memory";
  }
  return text;
}

void print_attempt(const store::Attempt& attempt) {
  std::cout << "  #" << attempt.number << "  " << ago(attempt.at) << "  " << one_line(attempt.result, 40);
  if (!attempt.code.empty()) std::cout << " [" << one_line(attempt.code, 80) << "]";
  if (attempt.duration) std::cout << " after " << seconds(*attempt.duration);
  if (!attempt.host.empty()) {
    std::cout << ", " << name(store::Holder{attempt.runtime, attempt.host, attempt.pid, false});
  }
  std::cout << "\n" << indented(attempt.error, "      ");
  if (!attempt.plugin.empty()) std::cout << indented(ran_in(attempt), "      ");
  if (!attempt.log_tail.empty()) {
    std::cout << "      log:\n" << indented(shortened_note(attempt.log_tail, shown_tail), "        ");
  }
  if (!attempt.stack.empty()) std::cout << "      stack:\n" << indented(attempt.stack, "        ");
}

void print_text(const store::JobDetails& details) {
  const store::JobSummary& job = details.job;
  const auto time = [](const store::Moment& moment) {
    return moment.iso.empty() ? ago(moment) : moment.iso + " (" + ago(moment) + ")";
  };
  line("job", job.id);
  line("type", job.type);
  line("status", standing(details));
  line("attempts", attempts_line(details));
  line("created", time(job.created));
  line("updated", time(job.updated));
  if (details.running) line("running", progress(*details.running));
  if (details.done_run) line("done by", done_by(*details.done_run));
  std::cout << "payload\n" << indented(shown_text(details.payload), "  ");
  if (details.output) {
    std::cout << "output\n" << indented(shown_text(*details.output), "  ");
  }
  if (details.attempts.empty()) return;
  std::cout << "failed attempts\n";
  for (const auto& attempt : details.attempts) print_attempt(attempt);
}

void write_done_run(JsonWriter& writer, const store::DoneRun& run) {
  writer.Key("done_by");
  writer.StartObject();
  member(writer, "attempt", run.attempt);
  member(writer, "ended", run.ended);
  member(writer, "duration_seconds", run.took);
  member(writer, "runtime", run.holder.id);
  member(writer, "host", run.holder.host);
  member(writer, "pid", run.holder.pid);
  member(writer, "plugin_host", run.host_pid);
  writer.EndObject();
}

void print_json(const store::JobDetails& details) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  write_summary(writer, details.job);
  raw_member(writer, "payload", details.payload);
  if (details.output) raw_member(writer, "output", *details.output);
  if (!details.plugin.empty()) {
    member(writer, "max_attempts", details.max_attempts);
    member(writer, "plugin", details.plugin);
    member(writer, "plugin_version", details.plugin_version);
  }
  if (details.state.holder) {
    writer.Key("runtime");
    writer.StartObject();
    member(writer, "id", details.state.holder->id);
    member(writer, "host", details.state.holder->host);
    member(writer, "pid", details.state.holder->pid);
    member(writer, "live", details.state.holder->live);
    writer.EndObject();
  }
  if (details.running) {
    writer.Key("running");
    writer.StartObject();
    write_running(writer, *details.running, details.state.holder ? details.state.holder->id : 0);
    writer.EndObject();
  }
  if (details.done_run) write_done_run(writer, *details.done_run);
  member(writer, "stuck",
         details.state.standing == store::Standing::stuck || details.state.standing == store::Standing::lost);
  member(writer, "cancel_requested", details.state.cancel_requested);
  writer.Key("failed_attempts");
  writer.StartArray();
  for (const auto& attempt : details.attempts) write_attempt(writer, attempt);
  writer.EndArray();
  writer.EndObject();
  std::cout << buffer.GetString() << "\n";
}

int show(const GlobalOptions& global, const std::string& id, bool json) {
  const auto details = open_jobs(global.resolve())->show(id);
  if (!details) {
    std::cerr << "there is no job '" << base::harmless(id) << "'; sluice jobs list shows the newest jobs\n";
    return ExitCode::failed;
  }
  json ? print_json(*details) : print_text(*details);
  return ExitCode::ok;
}

}  // namespace

void write_attempt(JsonWriter& writer, const store::Attempt& attempt) {
  writer.StartObject();
  member(writer, "attempt", attempt.number);
  member(writer, "at", attempt.at);
  member(writer, "result", attempt.result);
  member(writer, "code", attempt.code);
  member(writer, "error", attempt.error);
  member(writer, "log_tail", attempt.log_tail);
  if (!attempt.stack.empty()) member(writer, "stack", attempt.stack);
  if (attempt.duration) member(writer, "duration_seconds", *attempt.duration);
  if (!attempt.plugin.empty()) {
    member(writer, "plugin", attempt.plugin);
    member(writer, "plugin_version", attempt.version);
    member(writer, "build_id", attempt.build_id);
  }
  if (attempt.cpu_seconds) member(writer, "cpu_seconds", *attempt.cpu_seconds);
  if (attempt.peak_memory) member(writer, "peak_memory_bytes", *attempt.peak_memory);
  if (!attempt.host.empty()) {
    member(writer, "runtime", attempt.runtime);
    member(writer, "host", attempt.host);
    member(writer, "pid", attempt.pid);
  }
  writer.EndObject();
}

void add_jobs_show(const Command& jobs, GlobalOptions& global, int& code) {
  const Command command = jobs.add_subcommand(
      "show", "Show one job: status, payload, failed attempts, next attempt, output, runtime");
  add_database_options(command, global);
  static std::string id;
  static bool json = false;
  command.add_option("ID", id, "The job's id").required();
  command.add_flag("--json", json, "Print the job as JSON, with the whole payload");
  add_examples(command,
               "  sluice jobs show cm1x2y3z4\n"
               "  sluice jobs show cm1x2y3z4 --json | jq .payload");
  command.callback([&] { code = show(global, id, json); });
}

}  // namespace sluice::cli
