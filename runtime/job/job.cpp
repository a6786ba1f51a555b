#include "job/job.hpp"

#include <array>

namespace sluice::job {

std::string_view name(Result result) {
  static constexpr std::array<std::string_view, 7> names{"done",      "retry",   "fail",    "snooze",
                                                         "cancelled", "crashed", "released"};
  return names.at(static_cast<std::size_t>(result));
}

std::string_view name(Status status) {
  static constexpr std::array<std::string_view, 5> names{"pending", "processing", "done", "error",
                                                         "scheduled"};
  return names.at(static_cast<std::size_t>(status));
}

}  // namespace sluice::job
