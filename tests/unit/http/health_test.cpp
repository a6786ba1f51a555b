#include "http/health.hpp"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

engine::PluginObservation plugin(const std::string& name, const std::string& state,
                                 const std::string& reason = "") {
  engine::PluginObservation one;
  one.path = "/plugins/" + name + ".so";
  one.name = name;
  one.state = state;
  one.reason = reason;
  return one;
}

engine::Observation loop(std::vector<engine::PluginObservation> plugins) {
  engine::Observation observation;
  observation.settled = true;
  observation.plugins = std::move(plugins);
  return observation;
}

const DatabaseContact answering{std::nullopt, "", milliseconds(100)};
/// The result of a check at this moment.
SchemaLook fine() {
  return {true, ""};
}

/// The checks that are not ok, as "name: found"; "" if all are ok.
std::string trouble(const std::vector<Check>& checks) {
  std::string all;
  for (const Check& check : checks) {
    if (check.verdict != Verdict::good) all += check.name + ": " + check.words;
  }
  return all;
}

TEST(Readiness, IsOkIfEveryCheckIsOk) {
  const auto checks = readiness(loop({plugin("mail", "ready")}), answering, fine());
  EXPECT_TRUE(passed(checks));
  EXPECT_EQ(trouble(checks), "");
  EXPECT_EQ(checks.size(), 5U);
}

TEST(Readiness, FailsWhenAStopBegins) {
  auto stopping = loop({plugin("mail", "ready")});
  stopping.stopping = true;
  const auto checks = readiness(stopping, answering, fine());
  EXPECT_FALSE(passed(checks));
  EXPECT_EQ(trouble(checks).find("stopping: sluice is stopping"), 0U) << trouble(checks);
}

TEST(Readiness, ReportsALostOrSilentDatabase) {
  const auto lost =
      readiness(loop({plugin("mail", "ready")}), {seconds(7), "connection refused", seconds(7)}, fine());
  EXPECT_EQ(trouble(lost), "database: the database has not answered for 7 s: connection refused");
  const auto silent = readiness(loop({plugin("mail", "ready")}), {std::nullopt, "", seconds(9)}, fine());
  EXPECT_EQ(trouble(silent), "database: the database has not answered for 9 s");
  EXPECT_FALSE(passed(lost) || passed(silent));
}

TEST(Readiness, ReportsAWrongSchema) {
  const auto wrong =
      readiness(loop({plugin("mail", "ready")}), answering, {true, "lacks migration 4: run sluice init"});
  EXPECT_EQ(trouble(wrong), "schema: lacks migration 4: run sluice init");
  EXPECT_FALSE(passed(wrong));
  EXPECT_FALSE(passed(readiness(loop({plugin("mail", "ready")}), answering, {})));
}

TEST(Readiness, FailsWhilePluginsAreLoading) {
  auto loading = loop({plugin("mail", "ready"), plugin("pdf", "starting")});
  loading.settled = false;
  const auto checks = readiness(loading, answering, fine());
  EXPECT_EQ(trouble(checks), "plugins: plugins are being loaded: pdf (starting)");
  EXPECT_FALSE(passed(checks));
}

TEST(Readiness, NeedsOnePluginAndNoBrokenOne) {
  EXPECT_FALSE(passed(readiness(loop({}), answering, fine())));
  const auto refused = readiness(loop({plugin("mail", "refused", "no")}), answering, fine());
  EXPECT_EQ(trouble(refused), "plugins: no plugin is ready, so nothing is claimed; refused: mail");
  EXPECT_FALSE(passed(refused));
  const auto broken =
      readiness(loop({plugin("mail", "ready"), plugin("pdf", "broken", "/pdf.so: 5 starts failed")}),
                answering, fine());
  EXPECT_EQ(trouble(broken), "plugins: a plugin is broken: /pdf.so: 5 starts failed");
  EXPECT_FALSE(passed(broken));
}

TEST(Readiness, ARefusedFileBesideReadyPluginsIsAWarning) {
  const auto checks =
      readiness(loop({plugin("mail", "ready"), plugin("pdf", "refused", "no")}), answering, fine());
  EXPECT_TRUE(passed(checks));
  EXPECT_EQ(trouble(checks), "plugins: ready: mail; refused: pdf");
}

TEST(Readiness, FailsIfTheEventLoopHangs) {
  EXPECT_FALSE(passed(liveness(std::nullopt)));
  EXPECT_FALSE(passed(readiness(std::nullopt, answering, fine())));
  EXPECT_TRUE(passed(liveness(engine::Observation{})));
}

TEST(Readiness, IsReportedAsJson) {
  EXPECT_EQ(to_json({{"database", Verdict::failed, "said \"no\""}, {"plugins", Verdict::warning, "ready"}}),
            "{\"healthy\":false,\"checks\":[{\"name\":\"database\",\"result\":\"failed\",\"found\":\"said "
            "\\\"no\\\"\"},{\"name\":\"plugins\",\"result\":\"warning\",\"found\":\"ready\"}]}\n");
}

}  // namespace
}  // namespace sluice::http
