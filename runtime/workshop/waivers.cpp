#include "workshop/waivers.hpp"

#include <utility>

namespace sluice::workshop {

Waivers::Waivers(const std::vector<Waiver>& waivers) {
  for (const Waiver& waiver : waivers) waivers_.push_back({waiver, 0, 0});
}

Finding Waivers::judge(Finding finding) {
  for (Watched& watched : waivers_) {
    const CheckChoice& of = watched.waiver.of;
    if (of.check != finding.check || !(of.type.empty() || of.type == finding.subject)) continue;
    ++(finding.verdict == Verdict::passed ? watched.passed : watched.others);
    if (finding.verdict != Verdict::failed) continue;
    finding.verdict = Verdict::waived;
    finding.reason = watched.waiver.reason;
  }
  return finding;
}

std::vector<std::string> Waivers::useless() const {
  std::vector<std::string> sentences;
  for (const Watched& watched : waivers_) {
    const CheckChoice& of = watched.waiver.of;
    const std::string name = of.check + (of.type.empty() ? "" : " " + of.type);
    if (watched.others > 0) continue;
    sentences.push_back("the waiver of '" + name +
                        "' is not needed: " + (watched.passed > 0 ? "it passed" : "no such check was made"));
  }
  return sentences;
}

}  // namespace sluice::workshop
