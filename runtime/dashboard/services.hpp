// What the program lends to the pages, because other rooms have it: the rules by which plugin hosts check
// payloads, the files of `sluice jobs repro`, and the way to runtimes on this machine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dashboard/runtime_control.hpp"
#include "store/job_desk.hpp"

namespace sluice::dashboard {

struct PayloadProblem {
  std::string pointer;  ///< JSON pointer to the value, or to where it is missing
  std::string text;     ///< "expected a string, found nothing"
};

/// Any of them may be missing; then the pages do without.
struct Services {
  /// What a schema finds in a payload: the first problem of each of its members. `quotes`: the text may quote
  /// strings of the payload.
  std::function<std::vector<PayloadProblem>(const std::string& schema, const std::string& payload,
                                            bool quotes)>
      examine;
  /// The file of a job that `sluice jobs repro` writes, without the payload's values at the pointers
  /// `hidden`. Nullopt: there is no such job.
  std::function<std::optional<std::string>(store::JobDesk& desk, const std::string& id,
                                           const std::vector<std::string>& hidden)>
      repro;
  std::unique_ptr<RuntimeControl> control;
};

}  // namespace sluice::dashboard
