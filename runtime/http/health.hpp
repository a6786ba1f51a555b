// The checks behind /livez and /readyz: the observations, as values, and the verdicts that follow.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "engine/watch/observer.hpp"
#include "http/database_watch.hpp"

namespace sluice::http {

enum class Verdict { good, warning, failed };

struct Check {
  std::string name;  ///< short and stable: "database", "plugins", …
  Verdict verdict = Verdict::good;
  std::string words;  ///< what was checked and found
};

/// The runtime's own contact with the database.
struct DatabaseContact {
  std::optional<std::chrono::milliseconds> lost_for;  ///< nullopt while it answers
  std::string reason;                                 ///< why it does not answer
  base::Clock::duration since_answer{};  ///< since the last answer to the heart, which was asked to try
};

/// How long the event loop has to answer for /livez, and everything that /readyz checks together.
inline constexpr std::chrono::milliseconds loop_patience{2000};
inline constexpr std::chrono::milliseconds ready_patience{900};
/// The database counts as up if it has answered within this time.
inline constexpr std::chrono::milliseconds database_patience{1000};
/// How long the result of a schema check stays valid if there is no newer one.
inline constexpr std::chrono::seconds schema_holds{30};

/// Whether the database counts as up.
bool is_up(const DatabaseContact& database);

/// `loop` is nullopt if the event loop did not answer within loop_patience or ready_patience.
std::vector<Check> liveness(const std::optional<engine::Observation>& loop);
std::vector<Check> readiness(const std::optional<engine::Observation>& loop, const DatabaseContact& database,
                             const SchemaLook& schema);

/// No check failed. Warnings do not count.
bool passed(const std::vector<Check>& checks);

/// {"healthy": …, "checks": [{"name": …, "result": "ok", "found": …}, …]}, and a newline.
std::string to_json(const std::vector<Check>& checks);

}  // namespace sluice::http
