#include "world/host.hpp"

#include <csignal>
#include <cstdio>
#include <utility>

#include <boost/asio/signal_set.hpp>

#include "world/trace.hpp"

namespace sluice::sim {

namespace {

std::map<int, std::shared_ptr<Host>>& hosts() {
  static std::map<int, std::shared_ptr<Host>> all;
  return all;
}

std::int64_t to_us(Time time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

}  // namespace

Host::Host(int pid, Process& runtime, wire::SharedPage page, std::string path, std::string file)
    : Process(pid, runtime.name() + " host " + std::to_string(pid)),
      runtime_(runtime),
      page_(std::move(page)),
      path_(std::move(path)),
      file_(std::move(file)) {}

void Host::watch(HostWatcher* watcher) {
  watcher_ = watcher;
}

std::shared_ptr<Host> Host::of(int pid) {
  const auto found = hosts().find(pid);
  return found == hosts().end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Host>> Host::of(const Process& runtime) {
  std::vector<std::shared_ptr<Host>> its;
  for (const auto& [pid, host] : hosts()) {
    if (&host->runtime_ == &runtime && host->alive()) its.push_back(host);
  }
  return its;
}

int Host::next_pid() {
  static int last = 100;
  return ++last;
}

void Host::add(std::shared_ptr<Host> host) {
  hosts().emplace(host->pid(), std::move(host));
}

std::string Host::plugin() const {
  return path_.substr(path_.rfind('/') + 1, path_.rfind('.') - path_.rfind('/') - 1);
}

void Host::begin() {
  sched().spawn(*this, [this] { read_frames(); });
}

void Host::receive(std::string frames) {
  hear(frames);
  if (!alive()) return;
  inbox_.push_back(std::move(frames));
  sched().wake_all(arrived_);
}

/// What the runtime has decided, before this host can know it.
void Host::hear(const std::string& frames) {
  wire::FrameReader reader;
  frames.copy(reader.room(frames.size()), frames.size());
  reader.filled(frames.size());
  while (const auto frame = reader.next()) {
    if (frame->kind == wire::Kind::stop) told_to_stop_ = true;
    if (frame->kind != wire::Kind::jobs) continue;
    for (const wire::JobOrder& order : wire::get_jobs(frame->body))
      watcher_->on_given(*this, std::string(order.id), static_cast<int>(order.attempt));
  }
}

void Host::die(int wait_status) {
  if (status_) return;
  status_ = wait_status;
  watcher_->on_death(*this);
  sched().kill(*this);
  trace("host died", {{"host", name()}, {"status", wait_status}});
  // By a fiber of the runtime, because this one may be the host's own, which runs no more.
  sched().spawn(runtime_, [this] {
    readable();
    send_signal(runtime_, SIGCHLD);
  });
}

std::optional<int> Host::reap() {
  if (!status_ || std::exchange(reaped_, true)) return std::nullopt;
  return status_;
}

bool Host::dies_at(Doom doom) {
  if (doom_ != doom) return false;
  die(SIGSEGV);
  sched().yield();  // from which it never returns
  return true;
}

void Host::read_frames() {
  for (;;) {
    while (inbox_.empty()) sched().wait(arrived_);
    const std::string bytes = std::move(inbox_.front());
    inbox_.pop_front();
    bytes.copy(reader_.room(bytes.size()), bytes.size());
    reader_.filled(bytes.size());
    while (const auto frame = reader_.next()) take(*frame);
  }
}

void Host::take(const wire::Frame& frame) {
  switch (frame.kind) {
    case wire::Kind::load:
      return load();
    case wire::Kind::start:
      return start(wire::get_start(frame.body));
    case wire::Kind::jobs:
      return queue(frame);
    case wire::Kind::stop:
      return stop();
    default:
      return;
  }
}

void Host::load() {
  char how[16] = "";
  std::sscanf(file_.c_str(), "%d %15s", &version_, how);
  file_ = how;
  sched().sleep(std::chrono::milliseconds(sched().random().between(1, 100)));
  if (file_ == "slow") sched().sleep(std::chrono::seconds(sched().random().between(1, 9)));
  std::string out;
  if (file_ == "refused") {
    wire::put_refused(out, "found a plugin that is to be refused, expected another");
  } else {
    const job::PluginSpec spec = spec_of(path_, version_);
    types_ = spec.types;
    wire::put_described(out, spec);
  }
  send(out);
}

void Host::start(const wire::Start& start) {
  sched().sleep(std::chrono::milliseconds(sched().random().between(1, 200)));
  if (file_ == "dies") return die(1 << 8);
  if (file_ == "hangs") return sched().sleep(std::chrono::hours(10));
  slots_ = start.slots;
  for (std::uint32_t slot = 0; slot < slots_; ++slot) sched().spawn(*this, [this, slot] { work(slot); });
  std::string out;
  wire::put_ready(out);
  was_ready_ = true;
  send(out);
}

void Host::queue(const wire::Frame& frame) {
  for (const wire::JobOrder& order : wire::get_jobs(frame.body)) {
    queue_.push_back(
        {order.ticket, std::string(order.id), static_cast<int>(order.attempt), Script::of(order.payload)});
  }
  dies_at(Doom::queued);
  sched().wake_all(queued_);
}

/// Gives back what has not started, and ends when the rest has.
void Host::stop() {
  if (std::exchange(stopping_, true)) return;
  for (const Order& order : std::exchange(queue_, {})) {
    std::string out;
    job::Outcome released;
    released.result = job::Result::released;
    wire::put_outcome(out, order.ticket, released);
    send(out);
  }
  sched().wake_all(queued_);
  while (slots_over_ < slots_) sched().wait(slot_over_);
  if (file_ == "lingers") sched().sleep(std::chrono::hours(10));
  std::string out;
  wire::put_stopped(out);
  send(out);
  die(0);
}

void Host::work(std::uint32_t slot) {
  for (;;) {
    while (queue_.empty() && !stopping_) sched().wait(queued_);
    if (queue_.empty()) break;
    Order order = std::move(queue_.front());
    queue_.pop_front();
    order.slot = slot;
    execute(order);
  }
  ++slots_over_;
  sched().wake_all(slot_over_);
}

void Host::execute(const Order& order) {
  job::Outcome outcome;
  auto queued = wire::TicketState::queued;
  if (!page_.ticket(order.ticket).state.compare_exchange_strong(queued, wire::TicketState::started)) {
    outcome.result = job::Result::released;
    std::string out;
    wire::put_outcome(out, order.ticket, outcome);
    return send(out);
  }
  const Time began = sched().now();
  watcher_->on_start(*this, order.id, order.ticket);
  page_.slot(order.slot).started_us = to_us(began);
  page_.slot(order.slot).ticket = order.ticket;
  sched().point();
  if (page_.ticket(order.ticket).cancel != 0) {
    outcome.result = job::Result::cancelled;
  } else {
    dies_at(Doom::started);
    outcome = run(order);
    outcome.duration = std::chrono::microseconds(to_us(sched().now() - began));
  }
  watcher_->on_end(*this, order.id, order.ticket, outcome.result);
  report(order, outcome);
  page_.slot(order.slot).ticket = wire::SlotState::idle;
}

void Host::report(const Order& order, const job::Outcome& outcome) {
  page_.ticket(order.ticket).state = outcome.plain() ? wire::TicketState::done : wire::TicketState::finished;
  sched().point();
  dies_at(Doom::reported);
  std::string out;
  wire::put_outcome(out, order.ticket, outcome);
  if (doom_ == Doom::half_a_frame) {
    send(out.substr(0, out.size() / 2));
    dies_at(Doom::half_a_frame);
  }
  send(out);
}

std::size_t Host::tickets() {
  std::size_t count = 0;
  for (std::uint32_t ticket = 0; ticket < wire::SharedPage::ticket_count; ++ticket) {
    if (page_.ticket(ticket).state != wire::TicketState::idle) ++count;
  }
  return count;
}

void Host::lie() {
  std::string out;
  wire::put_outcome(out, wire::SharedPage::ticket_count - 1, {});
  send(out);
}

void Host::send(const std::string& frame) {
  if (!alive()) return;
  unread += frame;
  readable();
}

}  // namespace sluice::sim
