// Times as SQL. Inside runtime/postgres only.
#pragma once

#include <string>

#include "postgres/interface.hpp"

namespace sluice::postgres {

/// As seconds since 1970, within the times that PostgreSQL knows.
std::string seconds_text(Time time);
/// As a timestamp with time zone.
std::string instant(Time time);
/// As a timestamp in UTC, like "createdAt".
std::string utc(Time time);

/// Of seconds since 1970, as PostgreSQL prints them.
Time time_of(const std::string& seconds);

}  // namespace sluice::postgres
