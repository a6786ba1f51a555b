// Limits of effects: they must not run as another user, leave anything behind, or delay other jobs.
#include <signal.h>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

class EffectBounds : public Outbox {
 protected:
  EffectBounds() {
    database.exec("CREATE ROLE " + role_ + " NOLOGIN");
    database.exec("CREATE TABLE public.effect (job text, n int, nothing text)");
    database.exec("CREATE TABLE public.secret (n int)");
    database.exec("CREATE TABLE public.parent (n int PRIMARY KEY)");
    database.exec(
        "CREATE TABLE public.child (n int CONSTRAINT has_parent REFERENCES public.parent DEFERRABLE "
        "INITIALLY "
        "DEFERRED)");
    database.exec("GRANT INSERT, SELECT ON public.effect, public.parent, public.child TO " + role_);
    configure("");
    const Ended made = sluice({"init"});
    EXPECT_EQ(made.code, 0) << made.err;
  }
  ~EffectBounds() override {
    database.exec("DROP OWNED BY " + role_);
    database.exec("DROP ROLE " + role_);
  }
  /// Grants the role, with `settings` in [runtime].
  void configure(const std::string& settings) {
    config = scratch.write("granted.toml", scratch.read("sluice.toml") + settings +
                                               "[plugin.probe]\nrole = \"" + role_ + "\"\n");
  }
  std::string effect(const std::string& sql, const std::string& then = "") const {
    const std::string more = then.empty() ? "" : ",\"then\":\"" + then + "\"";
    return probe("effect", ",\"sql\":\"" + sql + "\"" + more);
  }
  std::string secrets() { return database.value("SELECT count(*) FROM public.secret"); }
  std::string code(const std::string& id) {
    return database.value("SELECT code FROM sluice.attempt WHERE job_id = $1 ORDER BY at DESC LIMIT 1", {id});
  }

  const std::string insert_ = "INSERT INTO effect VALUES ($1, $2::int, $3)";
  const std::string role_ = "bounded_effects_of_" + database.name();  // a role belongs to the whole server
};

TEST_F(EffectBounds, ADeferredConstraintFailsOnlyItsJob) {
  insert("orphan", "test.probe", effect("INSERT INTO child VALUES (7)"));
  insert("family", "test.probe", effect("INSERT INTO child VALUES (1)", "INSERT INTO parent VALUES (1)"));
  for (int i = 0; i < 10; ++i) insert("other-" + std::to_string(i), "test.probe", effect(insert_));
  insert_many(10, "test.other");
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("orphan"), "error");
  EXPECT_NE(error("orphan").find("has_parent"), std::string::npos) << error("orphan");
  EXPECT_EQ(code("orphan"), "effect-23503");
  EXPECT_NE(attempts("orphan"), "0");
  EXPECT_EQ(count("status = 'done'"), "21");
  EXPECT_EQ(database.value("SELECT count(*) FROM public.child"), "1");
}

TEST_F(EffectBounds, AnErrorOfAnEffectIsItsJobsError) {
  int number = 0;
  for (const std::string state : {"40001", "40P01", "08006", "53100", "57P01", "58030", "25006"}) {
    insert("raises-" + std::to_string(++number), "test.probe",
           effect("DO $$ BEGIN RAISE 'made up' USING ERRCODE = '" + state + "'; END $$"));
  }
  insert("deallocates", "test.probe", effect("DEALLOCATE ALL"));
  insert_many(10, "test.other");
  insert("last", "test.probe", effect(insert_));
  const Ended drained = sluice({"drain"});
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_EQ(count("id LIKE 'raises-%' AND status = 'error' AND attempts > 0"), std::to_string(number));
  EXPECT_EQ(count("status = 'done'"), "12") << drained.err;
  EXPECT_EQ(database.value("SELECT count(DISTINCT job_id) FROM sluice.attempt WHERE error LIKE '%made up%'"),
            std::to_string(number));
  EXPECT_EQ(drained.err.find("does not answer"), std::string::npos) << drained.err;
}

// The commit runs as the runtime's user, so no code of the role may run then.
TEST_F(EffectBounds, NoCodeOfTheRoleRunsAtTheCommit) {
  const std::string evil =
      "CREATE FUNCTION pg_temp.evil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO "
      "public.secret VALUES (1); RETURN NULL; END'; ";
  const std::string table =
      "CREATE TEMP TABLE t (n int); CREATE CONSTRAINT TRIGGER c AFTER INSERT ON t "
      "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.evil(); ";
  insert("trigger", "test.probe", effect(evil + table, "INSERT INTO pg_temp.t VALUES (1)"));
  // Its trigger defers the next one again, no matter how often all constraints are set to immediate.
  const std::string putting_off =
      "CREATE TEMP TABLE u (n int); CREATE FUNCTION pg_temp.off() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
      "SET "
      "CONSTRAINTS ALL DEFERRED; INSERT INTO pg_temp.t VALUES (1); RETURN NULL; END'; CREATE CONSTRAINT "
      "TRIGGER d "
      "AFTER INSERT ON u DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.off()";
  insert("put-off", "test.probe", effect(evil + table + putting_off, "INSERT INTO pg_temp.u VALUES (1)"));
  insert(
      "cursor", "test.probe",
      effect("CREATE FUNCTION pg_temp.sly() RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.secret "
             "VALUES (1); RETURN 1; END'",
             "DECLARE held CURSOR WITH HOLD FOR SELECT pg_temp.sly()"));
  insert_many(10, "test.other");
  EXPECT_TRUE(drains());
  EXPECT_EQ(secrets(), "0");
  EXPECT_EQ(status("trigger"), "error");
  EXPECT_EQ(status("put-off"), "error");
  EXPECT_NE(error("put-off").find("deferrable"), std::string::npos) << error("put-off");
  EXPECT_EQ(count("type = 'test.other' AND status = 'done'"), "10");
}

TEST_F(EffectBounds, ObjectsOfTheRoleDoNotShadowSluicesOwn) {
  insert(
      "shadows", "test.probe",
      effect(
          "CREATE DOMAIN pg_temp.jsonb AS text; CREATE DOMAIN pg_temp.text AS varchar; CREATE DOMAIN "
          "pg_temp.int8 AS numeric; CREATE TEMP TABLE pg_class (n int); CREATE TEMP TABLE claim (n int)",
          "CREATE FUNCTION pg_temp.make_interval(float8) RETURNS interval LANGUAGE sql AS 'SELECT interval "
          "''1 year'''"));
  for (int i = 0; i < 5; ++i) insert("after-" + std::to_string(i), "test.probe", effect(insert_));
  insert("follows", "test.probe", probe("enqueue_many", ",\"count\":3"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done'"), "10") << database.rows("SELECT job_id, error FROM sluice.attempt");
  EXPECT_EQ(database.value("SELECT count(*) FROM public.effect"), "5");
}

// The role owns its function, so it can alter it.
TEST_F(EffectBounds, AFunctionThatNoLongerRunsAsItsRoleIsNotCalled) {
  const std::string alter = "ALTER FUNCTION sluice.\"as " + role_ + "\"(text, text[]) SECURITY INVOKER";
  std::string escaped = alter;
  for (std::size_t at = 0; (at = escaped.find('"', at)) != std::string::npos; at += 2)
    escaped.insert(at, "\\");
  insert("alters-at-last", "test.once", effect(escaped));
  insert("alters", "test.once", effect(escaped, "INSERT INTO public.secret VALUES (1)"));
  insert("other", "test.probe", effect(insert_));
  EXPECT_TRUE(drains());
  EXPECT_NE(error("alters").find("does not run as role"), std::string::npos) << error("alters");
  EXPECT_NE(error("alters-at-last").find("does not run as role"), std::string::npos)
      << error("alters-at-last");
  EXPECT_EQ(status("other"), "done") << "nothing of the job was committed: " << error("other");

  database.exec(alter);
  insert("later", "test.once", effect("INSERT INTO public.secret VALUES (1)"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(code("later"), "effect-42501");
  EXPECT_EQ(secrets(), "0");
}

TEST_F(EffectBounds, SettingsOfAnEffectEndWithItsJob) {
  configure("effects_timeout = \"1s\"\n");
  insert("sets", "test.probe",
         effect("SET statement_timeout = 0; SET default_transaction_read_only = on; SET array_nulls = off",
                "SELECT set_config('search_path', 'nowhere', false), pg_advisory_lock(1)"));
  insert("sleeps", "test.probe", effect("SELECT pg_sleep(60)"));
  insert("lifts", "test.probe", effect("SET statement_timeout = 0", "SELECT pg_sleep(60)"));
  Program runtime({"run"}, environment());
  EXPECT_TRUE(becomes("sets", "done")) << runtime.err();
  EXPECT_TRUE(becomes("sleeps", "error") && becomes("lifts", "error")) << runtime.err();
  insert("last", "test.probe", effect(insert_));
  EXPECT_TRUE(becomes("last", "done")) << runtime.err();
  EXPECT_EQ(code("sleeps"), "effect-57014");
  EXPECT_NE(error("lifts"), "");  // because of its cancellation, or because its connection was cut
  EXPECT_EQ(database.value("SELECT nothing IS NULL FROM public.effect"), "t");
  EXPECT_EQ(database.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1"), "0");
}

TEST_F(EffectBounds, AnEffectThatCatchesItsCancellationIsTerminated) {
  configure("effects_timeout = \"500ms\"\n");
  insert(
      "stubborn", "test.once",
      effect(
          "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END "
          "LOOP; END $$"));
  insert("last", "test.probe", effect(insert_));
  const Ended drained = sluice({"drain"});
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_EQ(status("last"), "done");
  EXPECT_EQ(status("stubborn"), "error") << drained.err;
  EXPECT_NE(error("stubborn").find("its connection was closed"), std::string::npos) << error("stubborn");
  const std::string at_work =
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid "
      "<> pg_backend_pid() AND backend_type = 'client backend'";
  EXPECT_TRUE(eventually([&] { return database.value(at_work) == "0"; }));
}

TEST_F(EffectBounds, SlowEffectsDelayNoOtherJob) {
  database.exec("CREATE TABLE public.gate (n int)");
  database.exec("GRANT SELECT ON public.gate TO " + role_);
  Session gate(database.url());
  configure("effects_timeout = \"2m\"\n");
  // The effect runs until the gate is opened.
  const std::string waits =
      "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$";
  for (int i = 0; i < 3; ++i) insert("slow-" + std::to_string(i), "test.probe", effect(waits));
  insert_many(20, "test.other");
  Program runtime({"run"}, environment());
  EXPECT_TRUE(eventually([&] { return count("type = 'test.other' AND status = 'done'") == "20"; }))
      << runtime.err();
  insert("follows", "test.other", probe("enqueue_many", ",\"count\":5"));
  insert("failing", "test.other", probe("fail"));
  EXPECT_TRUE(becomes("follows", "done")) << runtime.err();
  EXPECT_TRUE(becomes("failing", "error"));
  EXPECT_TRUE(eventually([&] { return count("type = 'test.other' AND status = 'done'") == "26"; }));
  EXPECT_EQ(count("id LIKE 'slow-%' AND status IN ('pending', 'processing')"), "3");
  gate.exec("INSERT INTO public.gate VALUES (1)");
  EXPECT_TRUE(eventually([&] { return count("id LIKE 'slow-%' AND status = 'done'") == "3"; }))
      << runtime.err();
}

TEST_F(EffectBounds, AJobMayNotExceedEffectsMax) {
  configure("effects_max = 100\n");
  insert("greedy", "test.probe", probe("enqueue_many", ",\"count\":101"));
  insert("modest", "test.probe", probe("enqueue_many", ",\"count\":100"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("greedy"), "error");
  EXPECT_EQ(code("greedy"), "too-many-effects");
  EXPECT_EQ(error("greedy"),
            "the handler requested 101 follow-up jobs and effects or more, and effects_max allows 100: "
            "nothing of it "
            "was done; let a follow-up job request the rest, or raise effects_max");
  EXPECT_EQ(count("type = 'test.other' AND status = 'done'"), "100");
}

}  // namespace
}  // namespace sluice::test
