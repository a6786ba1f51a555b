// The GRANT statements of docs/schema.md, unchanged, with three roles: the owner, one that runs jobs, and one
// that enqueues them.
#include <fstream>
#include <iterator>
#include <regex>

#include "program/outbox.hpp"
#include "support/test_role.hpp"

namespace sluice::test {
namespace {

/// The page's statements for the role, in order.
std::string grants_to(const std::string& role) {
  std::ifstream page(SLUICE_SCHEMA_PAGE);
  const std::string text(std::istreambuf_iterator<char>(page), {});
  std::string statements;
  const std::regex grant("\nGRANT [^;]* TO " + role + ";");
  for (std::sregex_iterator one(text.begin(), text.end(), grant), end; one != end; ++one)
    statements += one->str();
  return statements;
}

std::string for_role(std::string statements, const std::string& documented, const std::string& role) {
  return std::regex_replace(statements, std::regex(" TO " + documented + ";"), " TO " + role + ";");
}

TEST(DocumentedGrants, SufficeForARuntimeAndForAnApplication) {
  TestDatabase database;
  TestRole owner(database, "owner"), worker(database, "worker"), app(database, "app");
  const PluginDirectory plugins{{"good/probe"}};
  const Scratch scratch;
  const std::string config = scratch.write("sluice.toml", "[retention]\ndone = \"1s\"\n");
  const auto as = [&](const TestRole& role) {
    return std::map<std::string, std::string>{
        {"DATABASE_URL", role.url()}, {"SLUICE_PLUGIN_DIR", plugins.path()}, {"SLUICE_CONFIG", config}};
  };
  database.exec("GRANT CREATE ON DATABASE " + database.name() + " TO " + owner.name() +
                "; GRANT CREATE ON SCHEMA public TO " + owner.name());
  const Ended made = run({"init"}, as(owner));
  ASSERT_EQ(made.code, 0) << made.err;
  ASSERT_NE(grants_to("worker"), "");
  ASSERT_NE(grants_to("app"), "");
  Session session(owner.url());
  session.exec(for_role(grants_to("worker"), "worker", worker.name()));
  session.exec(for_role(grants_to("app"), "app", app.name()));

  Session application(app.url());
  const std::string id = application.value("SELECT sluice.enqueue('test.probe', unique_key => 'once')");
  EXPECT_EQ(application.value("SELECT sluice.enqueue('test.probe', unique_key => 'once')"), id);
  const Ended health = run({"health", "db"}, as(worker));
  EXPECT_EQ(health.code, 0) << health.out;
  EXPECT_EQ(health.out.find("warning"), std::string::npos) << health.out;
  const Ended drained = run({"drain"}, as(worker));
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_EQ(database.value("SELECT status FROM \"Outbox\""), "done");
  EXPECT_EQ(run({"jobs", "prune", "--older-than", "0", "--yes"}, as(worker)).code, 0);
  EXPECT_EQ(database.value("SELECT count(*) FROM \"Outbox\""), "0");
}

}  // namespace
}  // namespace sluice::test
