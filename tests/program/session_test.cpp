// Session settings of a server, a database, a role or a pool must not change what sluice does.
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

int free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound = bind(listener, generic, size) == 0 && getsockname(listener, generic, &size) == 0;
  close(listener);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

class Sessions : public Outbox {
 protected:
  void set_for_the_database(const std::string& setting) {
    database.exec("ALTER DATABASE " + database.name() + " SET " + setting);
  }
  /// Inserts ordinary and brief jobs with all outcomes.
  void insert_all_kinds() {
    insert_many(20, "test.probe", probe("ok"));
    insert("fails", "test.probe", probe("fail"));
    insert("retries", "test.probe", probe("retry_until", ",\"until\":2"));
    insert("says", "test.probe", probe("output", ",\"value\":[1,null]"));
    insert("asks", "test.probe", probe("enqueue_many", ",\"count\":2"));
    insert("brief", "test.brief", probe("ok"));
  }
  void expect_all_kinds_over() {
    EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "26" && status("fails") == "error"; }))
        << database.rows("SELECT id, status, attempts FROM \"Outbox\" WHERE status <> 'done'");
    EXPECT_EQ(attempts("retries"), "2");
    EXPECT_EQ(database.value("SELECT output FROM sluice.output WHERE job_id = 'says'"), "[1, null]");
  }
};

TEST_F(Sessions, DoNotDependOnADatabasesSettings) {
  for (const std::string setting :
       {"array_nulls = off", "quote_all_identifiers = on", "DateStyle = 'German'",
        "IntervalStyle = 'sql_standard'", "bytea_output = 'escape'", "standard_conforming_strings = off",
        "extra_float_digits = -15", "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on", "search_path = 'nowhere'", "TimeZone = 'Pacific/Chatham'",
        "statement_timeout = '100ms'", "lock_timeout = '1ms'", "enable_indexscan = off",
        "enable_nestloop = off", "enable_tidscan = off", "transform_null_equals = on",
        "client_encoding = 'LATIN1'", "idle_session_timeout = '3s'"}) {
    set_for_the_database(setting);
  }
  be_patient();
  const Ended made = sluice({"init"});
  EXPECT_EQ(made.code, 0) << made.err;
  insert_all_kinds();
  Program runtime({"run"}, environment());
  expect_all_kinds_over();
  const Ended health = sluice({"health", "db"});
  EXPECT_EQ(health.code, 0) << health.out << health.err;
  const std::string idle_for_longer =
      "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
      "pg_backend_pid() AND now() - state_change > interval '3500 ms')";
  EXPECT_TRUE(eventually([&] { return database.value(idle_for_longer) == "t"; }));
  EXPECT_EQ(runtime.err().find("the database"), std::string::npos) << runtime.err();
}

TEST_F(Sessions, NoJobRunsTwiceIfSerializableIsTheDefault) {
  set_for_the_database("default_transaction_isolation = 'serializable'");
  constexpr int jobs = 3000;
  insert_many(jobs, "test.brief", probe("ok"));
  database.exec("UPDATE \"Outbox\" SET type = 'test.probe' WHERE length(id) % 2 = 0");
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), std::to_string(jobs));
  const std::string started = scratch.read("started");
  EXPECT_EQ(std::count(started.begin(), started.end(), '\n'), jobs);
}

/// The test's role is named sluice, thus schema sluice would come first by "$user", and has a table audit,
/// too.
TEST_F(Sessions, AnApplicationsTriggerFindsItsTables) {
  database.exec(
      "CREATE TABLE public.audit (id text); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ "
      "BEGIN "
      "INSERT "
      "INTO audit VALUES (NEW.id); RETURN NULL; END $$; CREATE TRIGGER note AFTER UPDATE ON \"Outbox\" FOR "
      "EACH "
      "ROW WHEN (NEW.status = 'done') EXECUTE FUNCTION note()");
  insert_all_kinds();
  Program runtime({"run"}, environment());
  expect_all_kinds_over();
  EXPECT_EQ(database.value("SELECT count(*) FROM public.audit"), "26");
}

TEST_F(Sessions, AnApplicationsTriggerFindsItsFunctionsInSchemaSluice) {
  database.exec("CREATE FUNCTION sluice.stamp(text) RETURNS text LANGUAGE sql AS 'SELECT $1'");
  database.exec(
      "CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN PERFORM stamp(NEW.id); RETURN NEW; END $$");
  database.exec(
      "CREATE TRIGGER note BEFORE UPDATE ON public.\"Outbox\" FOR EACH ROW WHEN (NEW.status = 'done') "
      "EXECUTE FUNCTION public.note()");
  for (const char* const path : {R"("$user", public)", R"(public, "$user")", R"("$user")"}) {
    database.exec("ALTER DATABASE " + database.value("SELECT current_database()") +
                  " SET search_path = " + path);
    insert(path, "test.probe", R"({"do":"ok"})");
    const Ended drained = sluice({"drain"});
    ASSERT_EQ(drained.code, 0) << path << drained.err;
    EXPECT_EQ(status(path), "done") << drained.err;
  }
}

/// A pool in transaction mode. All clients share its only session.
class Pool {
 public:
  explicit Pool(TestDatabase& database) : port_(free_port()) {
    const std::string directory = database.value("SHOW unix_socket_directories");
    const std::string user = database.value("SELECT current_user");
    config_ =
        scratch_.write("pgbouncer.ini",
                       "[databases]\n* = host=" + directory + " user=" + user +
                           "\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " + std::to_string(port_) +
                           "\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
                           "default_pool_size = 1\nmax_client_conn = 100\n");
    std::vector<std::string> arguments{config_};
    // pgbouncer does not run as root.
    if (geteuid() == 0) arguments = {"-u", "postgres", config_};
    pool_ = std::make_unique<Program>(arguments, std::map<std::string, std::string>{}, "", "pgbouncer");
    url_ = "postgresql://" + user + "@127.0.0.1:" + std::to_string(port_) + "/" + database.name();
    const auto answers = [&] {
      try {
        Session session(url_);
        return true;
      } catch (const std::runtime_error&) {
        return false;
      }
    };
    if (!eventually(answers)) throw std::runtime_error("pgbouncer does not answer: " + pool_->err());
  }
  const std::string& url() const { return url_; }
  /// The state of the pool's session: settings, prepared statements, channels and temporary tables.
  std::string session() const {
    Session session(url_);
    return session.rows(
               "SELECT name, setting FROM pg_settings WHERE name NOT IN ('client_min_messages', "
               "'application_name') AND name NOT LIKE '%.%' AND context IN "
               "('user', 'superuser') ORDER BY name") +
           session.value("SELECT count(*) FROM pg_prepared_statements") +
           session.value("SELECT count(*) FROM pg_listening_channels()") +
           session.value("SELECT count(*) FROM pg_class WHERE relpersistence = 't'");
  }

 private:
  Scratch scratch_;
  int port_;
  std::string config_, url_;
  std::unique_ptr<Program> pool_;
};

class Pooled : public Sessions {
 protected:
  Pooled() {
    database.exec("CREATE ROLE " + role_ + " NOLOGIN");
    config = scratch.write("granted.toml",
                           scratch.read("sluice.toml") + "[plugin.probe]\nrole = \"" + role_ + "\"\n");
    const Ended made = sluice({"init"});
    EXPECT_EQ(made.code, 0) << made.err;
  }
  ~Pooled() override {
    database.exec("DROP OWNED BY " + role_);
    database.exec("DROP ROLE " + role_);
  }
  std::map<std::string, std::string> through(const std::string& url) const {
    auto variables = environment();
    variables["DATABASE_URL"] = url;
    return variables;
  }
  void insert_effects() {
    insert(
        "sets", "test.probe",
        probe("effect",
              R"x(,"sql":"SET work_mem = '1MB'; SET enable_seqscan = off; CREATE TEMP TABLE t (n int)")x"));
  }

  const std::string role_ = "pooled_effects_of_" + database.name();
  Pool pool_{database};
};

TEST_F(Pooled, IsRecognisedAndItsSessionsStayUnchanged) {
  const std::string before = pool_.session();
  insert_all_kinds();
  insert_effects();
  {
    Program runtime({"run"}, through(pool_.url()));
    EXPECT_TRUE(becomes("sets", "done")) << runtime.err();
    database.exec("DELETE FROM \"Outbox\" WHERE id = 'sets'");
    expect_all_kinds_over();
    EXPECT_TRUE(runtime.says("pgbouncer=true")) << runtime.err();
    runtime.signal(SIGTERM);
    EXPECT_EQ(runtime.wait(), 0);
    EXPECT_EQ(runtime.err().find("does not answer"), std::string::npos) << runtime.err();
  }
  EXPECT_EQ(pool_.session(), before);
}

TEST_F(Pooled, SetsItsSettingsInEachTransaction) {
  for (const std::string setting : {"array_nulls = off", "default_transaction_isolation = 'serializable'",
                                    "search_path = 'nowhere'", "statement_timeout = '2s'"}) {
    set_for_the_database(setting);
  }
  insert_all_kinds();
  Program runtime({"run"}, through(pool_.url() + "?pgbouncer=true"));
  expect_all_kinds_over();
  EXPECT_EQ(runtime.err().find("goes through a pool"), std::string::npos) << runtime.err();
}

TEST_F(Pooled, ADirectUrlLetsARuntimeListenBehindAPool) {
  config = scratch.write("direct.toml", "[runtime]\npoll_interval = \"1h\"\n[database]\ndirect_url = \"" +
                                            database.url() + "\"\n");
  Program runtime({"run"}, through(pool_.url() + "?pgbouncer=true"));
  ASSERT_TRUE(runtime.says("plugins loaded")) << runtime.err();
  for (const std::string id : {"one", "two", "three"}) {
    insert(id, "test.probe");
    EXPECT_TRUE(becomes(id, "done")) << id << runtime.err();
  }
  const Ended reloaded = run({"reload", "--wait"}, through(pool_.url() + "?pgbouncer=true"));
  EXPECT_EQ(reloaded.code, 0) << reloaded.err;
}

// A database with this encoding accepts any bytes.
TEST_F(Sessions, ARowThatIsNotUtf8AffectsNoOther) {
  TestDatabase ascii("SQL_ASCII");
  auto variables = environment();
  variables["DATABASE_URL"] = ascii.url();
  const Ended made = run({"init"}, variables);
  ASSERT_EQ(made.code, 0) << made.err;
  ascii.exec(
      "INSERT INTO \"Outbox\" (id, type, payload, \"updatedAt\") SELECT 'job-' || i, CASE WHEN i % 2 = 0 "
      "THEN "
      "'test.probe' ELSE 'test.brief' END, '{}', now() FROM generate_series(1, 20) i");
  ascii.exec("SET client_encoding = 'SQL_ASCII'");
  ascii.exec(
      "INSERT INTO \"Outbox\" (id, type, payload, \"createdAt\", \"updatedAt\") VALUES (E'caf\\xe9', "
      "'test.probe', '{}', '2020-01-01', now()), (E'th\\xe9', 'test.brief', '{}', '2020-01-01', now())");
  const Ended drained = run({"drain"}, variables);
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_EQ(ascii.value("SELECT count(*) FROM \"Outbox\" WHERE status = 'done'"), "20") << drained.err;
  EXPECT_EQ(ascii.value("SELECT count(*) FROM \"Outbox\" WHERE status = 'error'"), "2") << drained.err;
  EXPECT_EQ(ascii.value("SELECT count(*) FROM sluice.attempt WHERE code = 'not-utf-8'"), "2");
  EXPECT_NE(drained.err.find("not valid UTF-8"), std::string::npos) << drained.err;
}

}  // namespace
}  // namespace sluice::test
