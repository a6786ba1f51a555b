// The runtime's end of a simulated host, and what spawns and ends one.
#include "fleet/host_link.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "base/process_stat.hpp"
#include "fleet/frame_names.hpp"
#include "fleet/host_gauge.hpp"
#include "fleet/host_share.hpp"
#include "fleet/orphans.hpp"
#include "world/host.hpp"
#include "world/trace.hpp"

extern "C" pid_t sluice_simulated_wait4(pid_t pid, int* status, int options, struct rusage* usage);

/// loop.cpp calls it by this name.
pid_t sluice_simulated_wait4(pid_t pid, int* status, int /*options*/, struct rusage* /*usage*/) {
  const auto host = sluice::sim::Host::of(pid);
  const auto ended = host ? host->reap() : std::nullopt;
  if (!ended) return 0;
  *status = *ended;
  return pid;
}

/// A simulated process takes nothing.
std::optional<sluice::base::ProcessStat> sluice::base::process_stat(pid_t /*process*/) {
  return std::nullopt;
}

std::optional<double> sluice::base::thread_cpu_seconds(pid_t /*process*/, pid_t /*thread*/) {
  return std::nullopt;
}

namespace sluice::fleet {

namespace {

using sim::Duration;

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace

Spawned spawn_host(const std::string& path, int page_fd, int plugin_fd) {
  const std::string file = content_of(plugin_fd < 0 ? path : "/proc/self/fd/" + std::to_string(plugin_fd));
  Spawned spawned;
  spawned.pid = sim::Host::next_pid();
  auto host =
      std::make_shared<sim::Host>(spawned.pid, sim::sched().current_process(),
                                  wire::SharedPage::open(base::Descriptor(::dup(page_fd))), path, file);
  sim::trace("host spawned", {{"host", host->name()}, {"file", file.substr(0, file.find("  "))}});
  sim::Host::add(host);
  host->begin();
  return spawned;
}

/// No plugin of these worlds has secrets.
void withhold(const std::set<std::string>& /*variables*/) {}

/// A simulated host starts no processes.
Orphans end_orphans() {
  return {};
}

void kill_host(const Spawned& host) {
  sim::Host::of(host.pid)->die(SIGKILL);
}

/// No plugin of these worlds has limits.
void limit_host(const Spawned& /*host*/, const job::HostLimits& /*limits*/, int /*slots*/) {}
bool set_session_nice(pid_t /*host*/, int /*nice*/) {
  return true;
}
HostUsage HostGauge::measure(const Spawned& /*host*/, std::optional<std::int64_t> /*exact_above*/) {
  return {};
}

std::string describe_exit(int wait_status) {
  return wait_status == 0 ? "ended" : "ended with status " + std::to_string(wait_status);
}

HostLink::HostLink(boost::asio::io_context& loop, Spawned process)
    : process_(std::move(process)), loop_(loop), host_(sim::Host::of(process_.pid)) {}

HostLink::~HostLink() {
  host_->readable = [] {};
}

void HostLink::begin(const std::shared_ptr<Listener>& listener) {
  listener_ = listener;
  host_->readable = [this] { read_soon(); };
  read_soon();
}

void HostLink::write(std::string frames) {
  host_->receive(std::move(frames));
}

void HostLink::read_soon() {
  const bool news = !host_->unread.empty() || !host_->alive();
  if (!news || closed_ || reading_) return;
  reading_ = true;
  loop_.post([this, listener = listener_.lock()] {
    reading_ = false;
    if (listener) read(*listener);
  });
}

/// A piece of what there is; its end after the last one.
void HostLink::read(Listener& listener) {
  std::string& unread = host_->unread;
  if (unread.empty()) {
    if (host_->alive() || closed_) return;
    closed_ = true;
    return listener.on_closed();
  }
  const bool cut = sim::sched().random().chance(0.2);
  const std::size_t size = cut ? 1 + sim::sched().random().below(unread.size()) : unread.size();
  unread.copy(reader_.room(size), size);
  unread.erase(0, size);
  reader_.filled(size);
  try {
    while (const auto frame = reader_.next()) listener.on_frame(*frame);
  } catch (const wire::Malformed& error) {
    listener.on_malformed(error.what());
  }
  listener.on_frames_read();
  read_soon();
}

/// Another program does it, and takes its time.
void name_frames(boost::asio::io_context& loop, const wire::Stack& /*stack*/, const LoadedFile& /*plugin*/,
                 std::function<void(std::string)> done) {
  const Duration takes = std::chrono::milliseconds(sim::sched().random().between(1, 200));
  loop.add_timer(base::Clock::time_point(sim::sched().now() + takes),
                 [done = std::move(done)](const auto& failure) {
                   if (!failure) done("#0 a function");
                 });
}

std::string signature(const wire::Stack& stack) {
  std::string text = std::to_string(stack.signal);
  for (const auto& frame : stack.frames) text += ' ' + std::to_string(frame.offset);
  return text;
}

std::string signal_words(int signal) {
  return "signal " + std::to_string(signal);
}

}  // namespace sluice::fleet
