#include "job/strictness.hpp"

namespace sluice::job {

bool Strictness::of(const std::string& type) const {
  const auto found = types.find(type);
  return found == types.end() ? plugin : found->second;
}

}  // namespace sluice::job
