#include "workshop/finding.hpp"

#include <array>
#include <utility>

namespace sluice::workshop {

std::string_view name(Verdict verdict) {
  static constexpr std::array<std::string_view, 4> names{"passed", "failed", "skipped", "waived"};
  return names.at(static_cast<std::size_t>(verdict));
}

Finding passed(std::string found) {
  return {"", "", Verdict::passed, std::move(found), ""};
}
Finding failed(std::string found, std::string remedy) {
  return {"", "", Verdict::failed, std::move(found), std::move(remedy)};
}
Finding skipped(std::string why) {
  return {"", "", Verdict::skipped, std::move(why), ""};
}

Finding refused(const std::string& sentence) {
  const std::size_t expected = sentence.find(", expected ");
  const std::size_t end = sentence.find("; ", expected == std::string::npos ? 0 : expected);
  if (end == std::string::npos) return failed(sentence, "fix the reported problem");
  return failed(sentence.substr(0, end), sentence.substr(end + 2));
}

std::string some_of(const std::vector<std::string>& words, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < words.size() && i < most; ++i) text += (i == 0 ? "" : ", ") + words[i];
  return words.size() > most ? text + " and " + std::to_string(words.size() - most) + " more" : text;
}

std::string counted(std::size_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

}  // namespace sluice::workshop
