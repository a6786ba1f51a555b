// What a plugin declares about itself and its job types, as values that cross from the plugin host
// to the runtime. The meanings are those of plugin-api/include/sluice/plugin.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "job/job.hpp"

namespace sluice::job {

/// One job type. Numbers are 0 and text is empty where the plugin leaves the default to the runtime.
struct TypeSpec {
  std::string name;
  std::string summary;
  std::string payload_schema;
  std::string payload_example;
  int max_attempts = 0;
  int concurrency = 0;
  Microseconds timeout{0};
  Microseconds backoff_first{0};
  Microseconds backoff_cap{0};
  bool at_most_once = false;
  bool brief = false;  ///< a repeat does no harm
};

struct PluginSpec {
  std::string name;
  std::string version;
  std::string vendor;
  std::string url;
  std::string license;
  std::string summary;
  std::string config_schema;
  std::string sandbox;   ///< as parse_sandbox reads it; empty: the plugin declares none
  std::string build_id;  ///< the note of its file, in hexadecimal; empty: it has none
  int abi_major = 0;
  int abi_minor = 0;
  std::vector<TypeSpec> types;
};

}  // namespace sluice::job
