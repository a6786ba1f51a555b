#include "fleet/host_process.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/log.hpp"
#include "base/process_stat.hpp"
#include "base/text.hpp"
#include "fleet/host_share.hpp"
#include "wire/bounds.hpp"
#include "wire/descriptors.hpp"

namespace sluice::fleet {

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

log::Level to_level(std::int32_t level) {
  return static_cast<log::Level>(std::clamp(level, 0, 4));
}

/// Each request is answered once.
void take_answer(bool& owed, const char* answer) {
  if (!owed) throw wire::Malformed(std::string("the answer '") + answer + "' though nothing asked for it");
  owed = false;
}

}  // namespace

const char* name(HostState state) {
  static constexpr std::array names{"loading", "described", "starting", "ready", "stopping", "gone"};
  return names.at(static_cast<std::size_t>(state));
}

HostProcess::HostProcess(boost::asio::io_context& loop, Listener& listener, const PluginFile& file, bool kept)
    : listener_(listener),
      loop_(loop),
      path_(file.path()),
      file_fd_(file.fd()),
      kept_(kept),
      plugin_(path_.substr(path_.rfind('/') + 1)),
      link_(loop, spawn_host(path_, tickets_.page().fd(), kept ? file_fd_ : -1)),
      tell_dropped_soon_(loop),
      goodbye_(loop) {
  tickets_.set_pid(pid());
}

/// A process of another user can't be limited without CAP_SYS_RESOURCE, so its limits come before that.
void HostProcess::begin(const HostRights& rights, base::Ownership ownership, int slots) {
  rights_ = rights;
  if (rights.user) limit(rights.limits, slots);
  link_.begin(std::shared_ptr<HostLink::Listener>(shared_from_this(), this));
  std::string frame;
  owes_description_ = true;
  // The kept file was checked when it was first loaded.
  wire::put_load(frame, {kept_ ? wire::plugin_fd_path : path_, rights.sandbox,
                         kept_ ? base::Ownership::ignore : ownership, path_, rights.user});
  link_.write(std::move(frame));
}

void HostProcess::set_plugin(const job::PluginSpec& spec) {
  plugin_ = spec.name;
  version_ = spec.version;
  build_id_ = spec.build_id;
  tell_facts();
}

void HostProcess::tell_facts() {
  tickets_.set_facts(std::make_shared<const job::HostFacts>(
      job::HostFacts{plugin_, version_, build_id_, cpu_seconds_, peak_bytes_}));
}

void HostProcess::start(const wire::Start& start) {
  state_ = HostState::starting;
  owes_start_ = true;
  log_limit_.set(start.log_limit);
  scrubber_ = wire::Scrubber(start.secrets);
  std::string frame;
  wire::put_start(frame, start);
  link_.write(std::move(frame));
}

void HostProcess::stop() {
  if (state_ == HostState::stopping || state_ == HostState::gone) return;
  state_ = HostState::stopping;
  owes_stop_ = true;
  std::string frame;
  wire::put_stop(frame);
  link_.write(std::move(frame));
}

void HostProcess::send(std::vector<job::Job> jobs, const std::vector<job::TypeSpec>& types) {
  link_.write(tickets_.hand_out(std::move(jobs), types));
}

std::vector<job::Finished> HostProcess::recall(base::Clock::time_point latest) {
  if (state_ != HostState::ready) return {};
  return tickets_.recall(latest);
}

void HostProcess::on_frame(const wire::Frame& frame) {
  switch (frame.kind) {
    case wire::Kind::outcomes:
      return on_outcome(wire::get_outcome(frame.body));
    case wire::Kind::log:
      return on_log(frame.body);
    case wire::Kind::dropped:
      ++dropped_in_batch_;
      return on_dropped(wire::get_dropped(frame.body));
    case wire::Kind::described: {
      take_answer(owes_description_, "described");
      job::PluginSpec spec = wire::get_described(frame.body);
      wire::keep_bounds(spec);
      if (state_ == HostState::loading) state_ = HostState::described;
      return listener_.on_described(*this, std::move(spec));
    }
    case wire::Kind::refused:
      take_answer(owes_description_ ? owes_description_ : owes_start_, "refused");
      return listener_.on_refused(
          *this,
          scrubbed(base::valid_utf8(base::shortened(wire::get_refused(frame.body), wire::longest_error))));
    case wire::Kind::ready:
      take_answer(owes_start_, "ready");
      if (state_ == HostState::starting) state_ = HostState::ready;
      return listener_.on_ready(*this);
    case wire::Kind::stopped:
      return take_answer(owes_stop_, "stopped");
    default:
      throw wire::Malformed("a frame that a host does not send (kind " +
                            std::to_string(static_cast<int>(frame.kind)) + ")");
  }
}

void HostProcess::limit(const job::HostLimits& limits, int slots) {
  limits_ = limits;
  limit_host(link_.process(), limits, slots);
  session_nice_ = limits.nice;
  weigh_session();
  if (group_) group_->limit(limits);
}

void HostProcess::weigh_session() {
  if (session_nice_ && !reaped_ && set_session_nice(pid(), *session_nice_)) session_nice_.reset();
}

std::optional<Excess> HostProcess::measure() {
  weigh_session();
  if (reaped_ || !ending_.empty() || !is_measured(limits_)) return std::nullopt;
  const GroupEvents before = events_;
  if (is_enforced()) events_ = group_->events();
  const bool enforced = is_enforced();  // unless the group is gone by now
  if (!enforced || limits_.recycle_memory)
    usage_before_ = std::exchange(usage_, gauge_.measure(link_.process(), least_memory_mark(limits_)));
  return enforced ? excess(limits_, events_, before) : excess(limits_, usage_, usage_before_);
}

HostTotals HostProcess::totals() const {
  HostTotals totals;
  totals.cpu_seconds = cpu_seconds_.value_or(0);
  if (reaped_) return totals;
  const auto stat = base::process_stat(pid());
  if (!stat) return totals;
  totals.cpu_seconds = stat->cpu_seconds + stat->children_cpu_seconds;
  if (group_) totals.cpu_seconds = std::max(totals.cpu_seconds, group_->cpu_seconds().value_or(0));
  totals.resident_bytes = stat->resident_bytes;
  return totals;
}

void HostProcess::kill(const Excess& excess) {
  excess_ = excess;
  kill("was killed because it " + excess.words);
}

/// A host gives a job back when it is stopped, or because the job was recalled. Otherwise the job would be
/// claimed again at once, for ever and uncounted.
void HostProcess::on_outcome(wire::JobResult result) {
  const bool may_give_back = state_ == HostState::stopping || tickets_.is_recalled(result.ticket);
  if (result.outcome.result == job::Result::released && !may_give_back)
    throw wire::Malformed("a job back that it was not asked for");
  auto finished = tickets_.take_back(std::move(result));
  if (!finished) return;
  if (finished->outcome.result != job::Result::released) ++jobs_ended_;
  name_limit(finished->outcome, limits_);
  scrubber_.scrub(finished->outcome);
  finished_.push_back(std::move(*finished));
}

/// The host keeps the limit itself, so a few frames over it come only from bad timing.
bool HostProcess::on_frames_read() {
  constexpr std::size_t flood = 100;
  if (!finished_.empty()) listener_.on_finished(*this, std::exchange(finished_, {}));
  return std::exchange(dropped_in_batch_, 0) < flood;
}

bool HostProcess::on_printed(const char* stream, const std::string& line) {
  if (!log_limit_.admits(static_cast<std::int32_t>(log::Level::info), line.size(), base::Clock::now())) {
    on_dropped(1);
    return false;
  }
  const std::string text = scrubbed(line);
  tickets_.note_printed(stream, text);
  log::info(text, {{"plugin", plugin_}, {"stream", stream}, {"pid", pid()}});
  return true;
}

void HostProcess::on_log(std::string_view body) {
  wire::LogLine line = wire::get_log(body);
  if (!log_limit_.admits(line.level, body.size(), base::Clock::now())) {
    ++dropped_in_batch_;
    return on_dropped(1);
  }
  wire::keep_bounds(line);
  scrubber_.scrub(line);
  tickets_.note(line);
  log_line(line);
}

std::string HostProcess::scrubbed(std::string text) const {
  scrubber_.scrub(text);
  return text;
}

/// The first line that is dropped begins the second after which the log tells how many were.
void HostProcess::on_dropped(std::uint64_t lines) {
  constexpr std::chrono::seconds interval{1};
  constexpr std::uint64_t most = 1'000'000'000;  // a host may claim any number
  if (dropped_ == 0) {
    tell_dropped_soon_.expires_after(interval);
    tell_dropped_soon_.async_wait([this, keep = shared_from_this()](const auto& error) {
      if (!error) tell_dropped();
    });
  }
  dropped_ += std::min(lines, most);
}

void HostProcess::tell_dropped() {
  if (dropped_ == 0) return;
  log::warn("dropped log lines of a plugin host, because it wrote more than log_limit allows per second",
            {{"plugin", plugin_},
             {"pid", pid()},
             {"dropped", std::exchange(dropped_, 0)},
             {"log_limit", static_cast<int>(log_limit_.lines_per_second())}});
}

void HostProcess::log_line(const wire::LogLine& line) const {
  std::vector<log::Field> fields{{"plugin", plugin_}};
  if (const job::Ref* const job = tickets_.job(line.ticket))
    fields.insert(fields.end(), {{"job", job->id}, {"type", job->type}, {"attempt", job->attempt}});
  for (const auto& field : line.fields) {
    fields.push_back(field.json ? log::Field::of_json(field.key, field.value)
                                : log::Field(field.key, field.value));
  }
  log::write(to_level(line.level), line.message, fields);
}

void HostProcess::add_running(base::Clock::time_point latest, std::vector<RunningJob>& jobs) const {
  for (RunningJob& job : tickets_.running(latest)) {
    job.plugin = plugin_;
    scrubber_.scrub(job.note);
    jobs.push_back(std::move(job));
  }
}

void HostProcess::cancel(const std::set<std::string>& ids) {
  for (const job::Ref& job : tickets_.cancel(ids)) {
    log::info("asked a job to stop, because somebody requested its cancellation",
              {{"plugin", plugin_}, {"job", job.id}, {"type", job.type}});
  }
}

bool HostProcess::enforce_limits(base::Clock::time_point now, base::Clock::time_point latest) {
  if (reaped_) return false;
  for (const job::Ref& job : tickets_.cancel_overdue(now)) {
    log::warn("asked a job to stop, because it exceeded its time limit",
              {{"plugin", plugin_}, {"job", job.id}, {"type", job.type}, {"attempt", job.attempt}});
  }
  const auto used = [this](pid_t thread) { return base::thread_cpu_seconds(pid(), thread); };
  for (const auto& [job, words] : tickets_.cancel_overdrawn(now, used)) {
    log::warn("asked a job to stop, because it " + words,
              {{"plugin", plugin_}, {"job", job.id}, {"type", job.type}, {"attempt", job.attempt}});
  }
  return tickets_.stuck(latest) > 0;
}

bool HostProcess::lingers(base::Clock::time_point latest) {
  if (state_ != HostState::stopping || tickets_.in_flight() > 0 || !ending_.empty()) return false;
  if (!only_stops_since_) only_stops_since_ = base::Clock::now();
  return *only_stops_since_ <= latest;
}

bool HostProcess::ask_for_stacks(base::Clock::time_point latest) {
  const auto threads = tickets_.threads_to_ask(latest);
  for (const pid_t thread : threads) {
    if (thread > 0) tgkill(pid(), thread, wire::stack_signal());
  }
  return !threads.empty();
}

void HostProcess::kill(const std::string& why) {
  if (reaped_) return;
  if (ending_.empty()) ending_ = why;
  link_.kill();
  if (group_) group_->kill();
}

/// Its descendants count in the group's figures. What the host took before it was in the group does not.
void HostProcess::read_group(int wait_status) {
  cpu_seconds_ = std::max(*cpu_seconds_, group_->cpu_seconds().value_or(0));
  peak_bytes_ = std::max(*peak_bytes_, group_->peak_bytes().value_or(0));
  if (!is_enforced() || !ending_.empty()) return;
  const GroupEvents events = group_->events();
  if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL) excess_ = excess(limits_, events, events);
  ending_ = excess_ ? "was killed because it " + excess_->words : group_words(limits_, events);
}

void HostProcess::reaped(int wait_status, const rusage& usage, bool interrupted) {
  reaped_ = true;
  cpu_seconds_ = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  peak_bytes_ = std::int64_t{1024} * usage.ru_maxrss;
  if (group_) read_group(wait_status);
  tell_facts();
  goodbye_.cancel();
  interrupted_ = interrupted;
  if (!excess_) ending_ = describe_exit(wait_status) + (ending_.empty() ? "" : " (" + ending_ + ")");
  if (group_) group_->kill();
  link_.ended();
  end_when_read();
}

/// Usually the host has died, and waitpid will tell how. If it lives on, it can't be given anything any more.
void HostProcess::on_closed() {
  if (reaped_) return end_when_read();
  constexpr std::chrono::seconds to_die{2};
  goodbye_.expires_after(to_die);
  goodbye_.async_wait([this, keep = shared_from_this()](const auto& error) {
    if (!error) kill("closed its socket");
  });
}

void HostProcess::end_when_read() {
  if (!reaped_ || !link_.closed() || state_ == HostState::gone) return;
  state_ = HostState::gone;
  tell_dropped_soon_.cancel();
  tell_dropped();
  if (const job::Ref* const culprit = tickets_.culprit()) culprit_ = culprit->id;
  const auto other = tickets_.stack_without_job();
  auto jobs = tickets_.judge_all(ending_, interrupted_, excess_ ? excess_->code : "");
  for (Judged& job : jobs) scrubber_.scrub(job.finished.outcome);
  listener_.on_judged(*this, jobs);
  give_back(std::move(jobs));
  if (other && !interrupted_) log_stack(*other);
  listener_.on_ended(*this);
}

/// Those whose frames are to be named come later.
void HostProcess::give_back(std::vector<Judged> jobs) {
  std::vector<job::Finished> at_once;
  for (Judged& job : jobs) {
    if (job.stack && !job.stack->frames.empty()) {
      return_with_stack(std::move(job));
    } else {
      at_once.push_back(std::move(job.finished));
    }
  }
  if (!at_once.empty()) listener_.on_finished(*this, std::move(at_once));
}

void HostProcess::return_with_stack(Judged job) {
  const wire::Stack stack = std::move(*job.stack);
  auto returned = std::make_shared<job::Finished>(std::move(job.finished));
  name_frames(loop_, stack, loaded_file(),
              [this, keep = shared_from_this(), returned, words = heading(stack)](const std::string& frames) {
                returned->outcome.stack = scrubbed(words + '\n' + frames);
                std::vector<job::Finished> one;
                one.push_back(std::move(*returned));
                listener_.on_finished(*this, std::move(one));
              });
}

/// Of a thread that ended the process while no job was at fault.
void HostProcess::log_stack(const wire::Stack& stack) {
  if (stack.frames.empty()) return;
  name_frames(loop_, stack, loaded_file(),
              [this, keep = shared_from_this(), words = heading(stack)](const std::string& frames) {
                log::warn("a thread without a job ended a plugin host",
                          {{"plugin", plugin_}, {"stack", scrubbed(words + '\n' + frames)}});
              });
}

/// "signal 11 (Segmentation fault) at address 0x0 in hello 1.2.0; its plugin host had used 0.20 s of CPU time
/// and at most 14.2 MB of memory"
std::string HostProcess::heading(const wire::Stack& stack) const {
  std::array<char, 200> text{};
  std::snprintf(
      text.data(), text.size(), "; its plugin host had used %.2f s of CPU time and at most %s of memory",
      cpu_seconds_.value_or(0), wire::byte_words(static_cast<std::size_t>(peak_bytes_.value_or(0))).c_str());
  const bool was_asked = stack.signal == wire::stack_signal();
  const bool is_fault =
      stack.signal == SIGSEGV || stack.signal == SIGBUS || stack.signal == SIGFPE || stack.signal == SIGILL;
  const std::string what =
      was_asked ? "did not stop"
      : stack.signal == 0
          ? "ended its process"
          : signal_words(stack.signal) + (is_fault ? " at address " + base::hexadecimal(stack.address) : "");
  return what + " in " + plugin_ + (version_.empty() ? "" : " " + version_) + text.data();
}

}  // namespace sluice::fleet
