// The contents of `sluice status`, read once and then shown as blocks of lines for people, or as JSON.
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
  std::optional<std::chrono::seconds> since;  ///< show only what was done since then
  bool json = false;
};

struct Status {
  std::string title;  ///< the table and the database
  store::Report report;
  std::vector<store::Failure> failures;
  std::optional<store::Aggregate> aggregate;  ///< if `since` is given
};

/// Throws what the store throws.
Status read_status(store::DeskSession& desk, const std::string& title, const StatusOptions& options);

std::vector<Block> status_blocks(const Status& status, const StatusOptions& options);
std::string status_json(const Status& status, const StatusOptions& options);

/// The members of a running job except its id.
void write_running(JsonWriter& writer, const store::RunningJob& job, store::RuntimeId runtime);

/// Refreshes the display until a signal arrives or the output is closed; returns the exit code.
int watch_status(std::unique_ptr<store::DeskSession> desk, const std::string& title,
                 const StatusOptions& options, std::chrono::milliseconds interval);

}  // namespace sluice::cli
