#include "cli/plugin/dev_database.hpp"

#include <signal.h>

#include <chrono>
#include <stdexcept>

#include "base/threads.hpp"
#include "fleet/spawn.hpp"

namespace sluice::cli {

namespace {

using Clock = base::Clock;

constexpr std::uintmax_t room_needed = 64U << 20;  // an empty database takes two thirds of it
constexpr int often = 20;                          // milliseconds between two checks

}  // namespace

DevDatabase::DevDatabase(DevWaiter& waiter, const DevState& state)
    : waiter_(waiter), log_(state.path("postgres.log")), server_(state.path("postgres")) {}

DevDatabase::~DevDatabase() {
  constexpr std::chrono::seconds patience{20};
  if (process_) process_->end(SIGINT, patience);
}

void DevDatabase::start() {
  notice_end();
  if (process_) return;
  await_leftover();
  const base::Descriptor log = open_log(log_);
  make(log.get());
  process_.emplace(server_.start(log.get()));
  while (!server_.ready(process_->pid())) {
    if (const auto status = process_->ended())
      throw std::runtime_error("the PostgreSQL server in " + place() + " " + fleet::describe_exit(*status) +
                               " at its start" + reason_in(log_) + lack_of_room(server_.home(), room_needed));
    waiter_.wait({process_->fd()}, often);
  }
}

void DevDatabase::make(int log) {
  const auto initdb = server_.make(log);
  if (!initdb) return;
  if (waiter_.finish(*initdb) != 0)
    throw std::runtime_error("PostgreSQL's initdb failed to create a database in " + place() +
                             reason_in(log_) + lack_of_room(server_.home(), room_needed));
  server_.adopt();
}

/// If an earlier `plugin dev` was killed, its server ends by itself when its sessions have ended.
void DevDatabase::await_leftover() {
  constexpr std::chrono::seconds patience{5};
  const pid_t pid = server_.leftover();
  if (pid == 0) return;
  say("waiting for the previous PostgreSQL server there to end (process " + std::to_string(pid) + ")");
  for (const auto begun = Clock::now(); server_.leftover() == pid; waiter_.wait({}, often)) {
    if (Clock::now() - begun > patience) kill(pid, SIGINT);  // which ends its sessions
  }
}

void DevDatabase::notice_end() {
  const std::optional<int> status = process_ ? process_->ended() : std::nullopt;
  if (!status) return;
  say("the PostgreSQL server in " + place() + " " + fleet::describe_exit(*status) +
      "; it will be restarted at the next change");
  process_.reset();
}

}  // namespace sluice::cli
