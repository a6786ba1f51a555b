// A reload of the runtimes on this host: what is asked for, who is asked, and what they say. For `sluice
// reload` and for the dashboard's page Plugins.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <optional>
#include <string>

#include "cli/runtime/runtime_process.hpp"
#include "config/config.hpp"
#include "dashboard/runtime_control.hpp"
#include "fleet/reload_request.hpp"
#include "postgres/desk/reload_desk.hpp"

namespace sluice::cli {

/// What a user writes.
struct ReloadWords {
  std::string canary;  ///< its share; empty: none
  std::string longest;
  std::int64_t least_jobs = fleet::CanaryPlan{}.least_jobs;
  bool promote = false;
  bool abort = false;
  bool rollback = false;
};

/// Nullopt: a plain reload. Throws base::UsageError.
std::optional<fleet::ReloadRequest> request_of(const ReloadWords& words);

/// The same as a page says it. Throws base::UsageError.
std::optional<fleet::ReloadRequest> request_of(const dashboard::ReloadWish& wish);

/// A runtime that is asked.
struct Asked {
  store::RuntimeReport runtime;
  RuntimeProcess process;
  std::chrono::microseconds asked_at{0};  ///< by the clock of announcements
  bool began = false;                     ///< its canary
  bool answered = false;
};

/// For each runtime that can't be asked: why not, as a predicate for "runtime 7".
using Excuse = std::function<void(const store::RuntimeReport&, const std::string& trouble)>;

/// The runtimes on this host that a signal can reach.
std::list<Asked> find_runtimes(postgres::ReloadDesk& desk, const Excuse& excuse);

/// Sends the signal to all, and removes those where that failed. True if none was removed.
bool ask(std::list<Asked>& runtimes, const std::optional<fleet::ReloadRequest>& request,
         const Excuse& excuse);

/// Enough for the round under way and then ours. Each describes and starts plugins, with a limit for each.
std::chrono::microseconds patience_of(const config::Config& config);

struct Round {
  std::optional<fleet::ReloadRequest> request;
  std::chrono::microseconds patience{0};
  bool to_the_end = true;       ///< of a canary: until it is decided; false: until it has begun
  std::function<void()> asked;  ///< called when all were asked
  std::function<bool()> gives_up{};
};

/// Asks the runtimes, and calls `tell` with what each has done. A runtime of which nothing was heard keeps
/// `answered` false. False if a runtime could not be asked.
bool ask_and_wait(postgres::ReloadDesk& desk, std::list<Asked>& runtimes, const Round& round,
                  const Excuse& excuse,
                  const std::function<void(const Asked&, const dashboard::ReloadResult&)>& tell);

/// "7, 8"
std::string ids_of(const std::list<Asked>& runtimes);

}  // namespace sluice::cli
