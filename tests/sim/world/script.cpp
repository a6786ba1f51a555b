#include "world/script.hpp"

#include <algorithm>
#include <cstdio>

namespace sluice::sim {

namespace {

job::TypeSpec type_of(const char* name, int max_attempts, std::chrono::milliseconds backoff) {
  job::TypeSpec type;
  type.name = name;
  type.max_attempts = max_attempts;
  type.backoff_first = backoff;
  type.backoff_cap = std::chrono::seconds(20);
  return type;
}

}  // namespace

std::string Script::payload() const {
  return "{\"deed\":" + std::to_string(static_cast<int>(deed)) +
         ",\"takes\":" + std::to_string(takes.count()) + "}";
}

Script Script::of(std::string_view payload) {
  int deed = 0;
  int takes = 10;
  if (std::sscanf(std::string(payload).c_str(), R"({"deed":%d,"takes":%d})", &deed, &takes) != 2) return {};
  return {static_cast<Deed>(std::clamp(deed, 0, deeds - 1)), std::chrono::milliseconds(takes)};
}

job::PluginSpec spec_of(const std::string& path, int version) {
  job::PluginSpec spec;
  const std::string file = path.substr(path.rfind('/') + 1);
  spec.name = file.substr(0, file.find('.'));
  spec.version = std::to_string(version);
  spec.abi_major = 1;
  using std::chrono::milliseconds;
  if (spec.name == "mail") {
    spec.types = {type_of("mail.send", 5, milliseconds(500)), type_of("mail.once", 1, milliseconds(500)),
                  type_of("mail.brief", 5, milliseconds(500))};
    spec.types[1].at_most_once = true;
    spec.types[2].brief = true;
  } else {
    spec.types = {type_of("pdf.make", 4, milliseconds(1000)), type_of("pdf.stamp", 4, milliseconds(1000))};
    spec.types[1].concurrency = 2;
  }
  return spec;
}

}  // namespace sluice::sim
