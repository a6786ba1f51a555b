#include "postgres/insight/times.hpp"

#include <algorithm>
#include <cmath>

#include "postgres/link/text.hpp"

namespace sluice::postgres {

std::string seconds_text(Time time) {
  constexpr std::int64_t most = 253'402'300'799;  // the end of the year 9999
  constexpr std::int64_t million = 1'000'000;
  const std::int64_t micros = std::clamp<std::int64_t>(time.time_since_epoch().count(), 0, most * million);
  std::string fraction = std::to_string(micros % million);
  fraction.insert(0, 6 - fraction.size(), '0');
  return std::to_string(micros / million) + "." + fraction;
}

std::string instant(Time time) {
  return "to_timestamp(" + seconds_text(time) + ")";
}

std::string utc(Time time) {
  return "(timestamp 'epoch' + make_interval(secs => " + seconds_text(time) + "))";
}

Time time_of(const std::string& seconds) {
  return Time(std::chrono::microseconds(std::llround(parse_double(seconds) * 1e6)));
}

}  // namespace sluice::postgres
