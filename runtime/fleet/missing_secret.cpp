#include "fleet/missing_secret.hpp"

namespace sluice::fleet {

std::string refusal_words(const job::MissingSecret& missing, const std::string& plugin) {
  return "found that its secret '" + missing.name + "' can't be read (" + missing.why +
         "), expected a value, because [plugin." + plugin + ".secrets] grants it; " + missing.remedy;
}

}  // namespace sluice::fleet
