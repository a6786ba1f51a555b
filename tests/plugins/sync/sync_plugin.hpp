// The plugin under test, with a configuration given as the members of its source and its target.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "http_server.hpp"
#include "plugins/loaded_plugin.hpp"

namespace sluice::test {

/// The payload of the outbox guide, which reads the source.
constexpr auto guide_payload = R"({"source": "api", "target": "database", "data": {}})";

/// A table whose rows are the job's effects.
constexpr auto effects_target =
    R"("kind": "database", "table": "public.item", "key": ["id"], "columns": ["id", "name"])";

inline std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + '"';
}

/// Members of a source at `url`; `more` begins with a comma.
inline std::string source_at(const std::string& url, const std::string& more = "") {
  return R"("kind": "api", "allow_private": true, "url": )" + quoted(url) + more;
}

inline std::string config_of(const std::string& source, const std::string& target) {
  return R"({"sources": {"api": {)" + source + R"(}}, "targets": {"database": {)" + target + "}}}";
}

class SyncPlugin {
 public:
  explicit SyncPlugin(const std::string& source, const std::string& target = effects_target)
      : plugin_(SYNC_PLUGIN, config_of(source, target)) {}

  testing::Outcome run(testing::FakeJob& job) { return plugin_.run("data.sync", job); }
  testing::Outcome run(const std::string& payload = guide_payload, const std::string& id = "job-1") {
    testing::FakeJob job(payload);
    job.id(id);
    return run(job);
  }
  /// The rows of a successful job, as the JSON of all its effects; otherwise its error.
  std::string rows(const std::string& payload = guide_payload) {
    testing::FakeJob job(payload);
    const auto outcome = run(job);
    if (outcome.result != SLUICE_DONE) return outcome.code + ": " + outcome.error;
    std::string all;
    for (const auto& effect : job.effects()) all += effect.parameters.at(0).value();
    return all;
  }
  const sluice_plugin& descriptor() const { return plugin_.descriptor(); }

 private:
  LoadedPlugin plugin_;
};

/// For the message of a failed test.
inline std::string said(const testing::Outcome& outcome) {
  return outcome.code + ": " + outcome.error;
}

}  // namespace sluice::test
