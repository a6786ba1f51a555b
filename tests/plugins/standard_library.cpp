// A handler that uses much of its C++ standard library. It is built twice: with g++ and libstdc++ as plugin
// "by-gcc", with clang++ and libc++ as "by-clang". Type <plugin>.words outputs the most frequent word of
// "text", and throws if there is none. PLUGIN is the plugin's name.
#include <sluice/plugin.hpp>

#include <algorithm>
#include <future>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

namespace {

#ifdef _LIBCPP_VERSION
constexpr auto library = "libc++";
#else
constexpr auto library = "libstdc++";
#endif

std::map<std::string, int> count(const std::string& text) {
  std::map<std::string, int> counts;
  std::istringstream words(text);
  for (std::string word; words >> word;) ++counts[word];
  return counts;
}

std::string most_frequent(const std::map<std::string, int>& counts) {
  const auto most = std::max_element(counts.begin(), counts.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == counts.end()) throw std::out_of_range("the text has no words");
  return most->first;
}

sluice::Result words(sluice::Job& job) {
  const std::string text = job.payload().string("text");
  auto counting = std::async(std::launch::async, [&] { return count(text); });
  const std::string most = most_frequent(counting.get());
  job.log().info("counted", {{"library", library}, {"most", most}});
  job.output(R"({"library": ")" + std::string(library) + R"(", "most": ")" + most + "\"}");
  return sluice::done();
}

}  // namespace

SLUICE_PLUGIN(PLUGIN, "1.0.0", sluice::job_type<words>(PLUGIN ".words").max_attempts(1));
