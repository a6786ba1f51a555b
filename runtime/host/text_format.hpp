// The values of the keyword "format" that Sluice checks.
#pragma once

#include <string>
#include <string_view>

namespace sluice::host {

/// The format with that name; null if Sluice does not check it.
struct TextFormat {
  const char* name;
  const char* meaning;  ///< "an e-mail address": for sentences
  bool (*fits)(std::string_view text);
};
const TextFormat* find_format(std::string_view name);
/// All of them: "date, date-time, …".
std::string format_names();

}  // namespace sluice::host
