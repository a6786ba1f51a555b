// data.sync in the whole program, with a real HTTP server, a real PostgreSQL and jobs in the outbox.
#include "plugins/sync/http_server.hpp"
#include "program/outbox.hpp"

namespace sluice::test {
namespace {

constexpr auto guide_payload = R"({"source": "api", "target": "database", "data": {}})";

class SyncProgram : public Outbox {
 protected:
  SyncProgram() {
    std::filesystem::copy_file(SYNC_PLUGIN, plugins.scratch().path("sync.so"));
    database.exec("CREATE TABLE public.customer (id text PRIMARY KEY, name text, city text)");
  }

  void configure(const std::string& target, const std::string& plugin = "") {
    config = scratch.write(
        "sync.toml",
        scratch.read("sluice.toml") +
            "[type.\"data.sync\"]\nbackoff_first = \"10ms\"\nbackoff_cap = \"50ms\"\n[plugin.sync]\n" +
            plugin + "[plugin.sync.config.sources.api]\nkind = \"api\"\nurl = \"" + server.url("/customers") +
            "\"\nallow_private = true\nrecords = \"/data\"\npaging = \"field\"\nnext = \"/next\"\n"
            "[plugin.sync.config.targets.database]\nkind = \"database\"\ntable = \"public.customer\"\n"
            "key = [\"id\"]\ncolumns = { id = \"/id\", name = \"/name\", city = \"/address/city\" }\n" +
            target);
  }
  std::string customers() { return database.rows("SELECT id, name, city FROM public.customer ORDER BY id"); }
  std::string output(const std::string& id) {
    return database.value("SELECT output - 'pages' FROM sluice.output WHERE job_id = $1", {id});
  }

  const HttpServer server{R"({
    "/customers": [{"status": 500}, {"json": {"data": [{"id": "c-1", "name": "Ada", "address": {"city": "London"}}],
                                              "next": "/customers?page=2"}}],
    "/customers?page=2": [{"json": {"data": [{"id": "c-2", "name": "Alan"}], "next": null}}]})"};
};

TEST_F(SyncProgram, WritesThroughItsOwnConnectionAndChangesNothingAgain) {
  configure("url_file = \"" + scratch.write("url", database.url()) + "\"\n");
  insert("a", "data.sync", guide_payload);
  // The first answer is a 500, so the job is retried a little later.
  EXPECT_TRUE(eventually([&] { return drains() && status("a") == "done"; })) << error("a");
  EXPECT_EQ(customers(), "c-1|Ada|London\nc-2|Alan|\n");
  EXPECT_EQ(output("a"),
            R"({"records": 2, "updated": 0, "inserted": 2, "unchanged": 0, "notModified": false})");
  const std::string before = database.rows("SELECT ctid, xmin FROM public.customer ORDER BY id");
  insert("b", "data.sync", guide_payload);
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("b"), "done") << error("b");
  EXPECT_EQ(database.rows("SELECT ctid, xmin FROM public.customer ORDER BY id"), before);
}

TEST_F(SyncProgram, WritesInTheTransactionOfItsJob) {
  const std::string role = "sync_of_" + database.name();
  database.exec("CREATE ROLE " + role + " NOLOGIN");
  database.exec("GRANT SELECT, INSERT, UPDATE ON public.customer TO " + role);
  configure("", "role = \"" + role + "\"\n");
  EXPECT_EQ(sluice({"init"}).code, 0);
  insert("a", "data.sync", guide_payload);
  EXPECT_TRUE(eventually([&] { return drains() && status("a") == "done"; })) << error("a");
  EXPECT_EQ(customers(), "c-1|Ada|London\nc-2|Alan|\n");
  insert(
      "b", "data.sync",
      R"({"source": "shop", "target": "database", "data": [{"id": "c-2", "name": "Alan T."}, {"id": "c-3"}]})");
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("b"), "done") << error("b");
  EXPECT_EQ(customers(), "c-1|Ada|London\nc-2|Alan T.|\nc-3||\n");
  database.exec("DROP OWNED BY " + role);
  database.exec("DROP ROLE " + role);
}

TEST_F(SyncProgram, FailsAJobWithAnInvalidPayloadForGood) {
  configure("url_file = \"" + scratch.write("url", database.url()) + "\"\n");
  insert("a", "data.sync", R"({"source": "api", "target": "lake"})");
  insert("b", "data.sync", R"({"source": 1, "target": "database"})");
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("a"), "error");
  EXPECT_NE(error("a").find("configured: database"), std::string::npos) << error("a");
  EXPECT_EQ(status("b"), "error");
  EXPECT_NE(error("b").find("/source"), std::string::npos) << error("b");
}

}  // namespace
}  // namespace sluice::test
