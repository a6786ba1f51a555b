// The checks behind /livez and /readyz: what was looked at, as values, and what follows from it.
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
  std::string words;  ///< what was looked at and found
};

/// How the runtime itself fares with the database.
struct DatabaseContact {
  std::optional<std::chrono::milliseconds> lost_for;  ///< none while it answers
  std::string reason;                                 ///< of the loss
  base::Clock::duration since_answer{};               ///< of the heart, which was asked for one
};

/// How long the event loop has to answer for /livez, and all that /readyz looks at together.
inline constexpr std::chrono::milliseconds loop_patience{2000};
inline constexpr std::chrono::milliseconds ready_patience{900};
/// Up is a database that has answered so lately.
inline constexpr std::chrono::milliseconds database_patience{1000};
/// For how long a look at the schema holds while there is no newer one.
inline constexpr std::chrono::seconds schema_holds{30};

/// Whether that is so.
bool is_up(const DatabaseContact& database);

/// `loop` is none where the event loop did not answer in time, loop_patience or ready_patience.
std::vector<Check> liveness(const std::optional<engine::Observation>& loop);
std::vector<Check> readiness(const std::optional<engine::Observation>& loop, const DatabaseContact& database,
                             const SchemaLook& schema);

/// No check failed; a warning does no harm.
bool passed(const std::vector<Check>& checks);

/// {"healthy": …, "checks": [{"name": …, "result": "ok", "found": …}, …]}, and a line end.
std::string to_json(const std::vector<Check>& checks);

}  // namespace sluice::http
