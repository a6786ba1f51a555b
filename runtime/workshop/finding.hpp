// The result of one check of a plugin.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::workshop {

enum class Verdict {
  passed,
  failed,
  skipped,  ///< it does not apply, or was not requested; `found` says why
  waived,   ///< it failed, and a waiver allows that; `reason` says why
};
std::string_view name(Verdict verdict);

struct Finding {
  std::string check;    ///< "exports"
  std::string subject;  ///< the job type that it concerns; empty: the plugin
  Verdict verdict = Verdict::passed;
  std::string found;     ///< what was found, in words
  std::string remedy;    ///< what to do if it failed
  std::string reason{};  ///< why it is waived
};

Finding passed(std::string found);
Finding failed(std::string found, std::string remedy);
Finding skipped(std::string why);
/// From a refusal, "found X, expected Y; remedy".
Finding refused(const std::string& sentence);

/// "a, b, c and 12 more": at most `most` of `words`.
std::string some_of(const std::vector<std::string>& words, std::size_t most = 5);
/// "1 job", "2 jobs".
std::string counted(std::size_t count, const std::string& thing);

}  // namespace sluice::workshop
