// What `sluice status` tells, read once and then shown: as blocks of lines for people, or as JSON.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/text/json.hpp"
#include "cli/text/screen.hpp"
#include "store/store.hpp"

namespace sluice::cli {

struct StatusOptions {
  bool exact = false;                         ///< count every job, however many there are
  std::optional<std::chrono::seconds> since;  ///< in place of all else: what was done since then
  bool json = false;
};

struct Status {
  std::string title;  ///< the table, and where it is
  store::Report report;
  std::vector<store::Failure> failures;
  std::optional<store::Aggregate> aggregate;  ///< where `since` is given
};

/// Throws what the store throws.
Status read_status(store::DeskSession& desk, const std::string& title, const StatusOptions& options);

std::vector<Block> status_blocks(const Status& status, const StatusOptions& options);
std::string status_json(const Status& status, const StatusOptions& options);

/// The members of a running job but for its id.
void write_running(JsonWriter& writer, const store::RunningJob& job, store::RuntimeId runtime);

/// Shows it again and again until a signal, or until nobody reads it any more; returns the exit code.
int watch_status(std::unique_ptr<store::DeskSession> desk, const std::string& title,
                 const StatusOptions& options, std::chrono::milliseconds interval);

}  // namespace sluice::cli
