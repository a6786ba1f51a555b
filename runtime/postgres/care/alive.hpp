// The one rule that says whether a runtime is alive: it has beaten within the lease under which it enlisted,
// by the database's clock. The rule itself is a function in schema sluice; all statements ask that. Inside
// runtime/store only.
#pragma once

#include <string>

namespace sluice::postgres {

/// True for the row `row` of sluice.runtime.
std::string is_alive(const std::string& row);

/// Makes the function, the column with the lease, and has waking go by it: for migrations.
std::string alive_function();

}  // namespace sluice::postgres
