// What a plugin's SQL may try against the database, each attack with a role of its own. It must get no more
// than its role, leave nothing behind in the session that runs the next job, and affect no other job.
// docs/security.md lists the attacks.
#include <gmock/gmock.h>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;

struct Attack {
  const char* name;
  const char* sql;
  const char* then;    ///< the job's second statement
  const char* status;  ///< what becomes of the job
  const char* words;   ///< of its error
};

std::ostream& operator<<(std::ostream& out, const Attack& attack) {
  return out << attack.name;
}

class EffectAttack : public Outbox, public testing::WithParamInterface<Attack> {
 protected:
  EffectAttack() {
    for (const std::string& role : {role_, other_}) database.exec("CREATE ROLE " + role + " NOLOGIN");
    database.exec("CREATE TABLE public.effect (job text, left_behind int, path text)");
    database.exec("CREATE TABLE public.secret (n int)");
    database.exec("GRANT INSERT, SELECT ON public.effect TO " + role_);
    config =
        scratch.write("granted.toml", scratch.read("sluice.toml") + "[plugin.probe]\nslots = 1\nrole = \"" +
                                          role_ + "\"\n[plugin.c-plugin]\nrole = \"" + other_ + "\"\n");
    const Ended made = sluice({"init"});
    EXPECT_EQ(made.code, 0) << made.err;
  }
  ~EffectAttack() override {
    for (const std::string& role : {role_, other_}) {
      database.exec("DROP OWNED BY " + role);
      database.exec("DROP ROLE " + role);
    }
  }
  std::string effect(const std::string& sql, const std::string& then = "") const {
    const std::string more = then.empty() ? "" : ",\"then\":\"" + then + "\"";
    return probe("effect", ",\"sql\":\"" + sql + "\"" + more);
  }

  // Roles belong to the whole server.
  const std::string role_ = "attacker_of_" + database.name();
  const std::string other_ = "neighbour_of_" + database.name();
  /// Notes what earlier jobs have left in the session.
  const std::string witness_ =
      "INSERT INTO effect SELECT $1, (SELECT count(*) FROM pg_prepared_statements WHERE from_sql) + (SELECT "
      "count(*) FROM pg_cursors WHERE name = 'held') + (SELECT count(*) FROM pg_listening_channels()) + "
      "(SELECT "
      "count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) + (SELECT count(*) "
      "FROM "
      "pg_class WHERE relpersistence = 't' AND relnamespace = pg_my_temp_schema()), "
      "current_setting('work_mem') WHERE $2::int > 0 AND $3 IS NULL";
};

TEST_P(EffectAttack, GetsNoMoreThanItsRole) {
  const Attack& attack = GetParam();
  const auto filled = [&](std::string sql) {
    for (std::size_t at; (at = sql.find("OTHER")) != std::string::npos;) sql.replace(at, 5, other_);
    for (std::size_t at; (at = sql.find("ROLE_")) != std::string::npos;) sql.replace(at, 5, role_);
    return sql;
  };
  insert("1-before", "test.probe", effect(witness_));
  insert("2-attack", "test.once", effect(filled(attack.sql), filled(attack.then)));
  insert("3-after", "test.probe", effect(witness_));
  insert("4-other", "test.probe");
  const Ended drained = sluice({"drain"});
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_EQ(status("2-attack"), attack.status) << error("2-attack");
  const bool fails = std::string(attack.status) == "error";
  EXPECT_THAT(fails ? error("2-attack") : "", HasSubstr(attack.words));
  EXPECT_EQ(count("id <> '2-attack' AND status = 'done' AND attempts = 1"), "3") << drained.err;
  EXPECT_EQ(database.value("SELECT count(*) FROM public.secret"), "0");
  EXPECT_EQ(database.rows("SELECT left_behind, path = min(path) OVER () FROM public.effect ORDER BY job"),
            "0|t\n0|t\n")
      << "the next job found what the attack had left in the session";
  EXPECT_EQ(drained.err.find("does not answer"), std::string::npos) << drained.err;
}

constexpr const char* denied = "permission denied";

INSTANTIATE_TEST_SUITE_P(
    Of, EffectAttack,
    testing::Values(
        Attack{"ReadsTheOutbox", "SELECT payload FROM \\\"Outbox\\\"", "", "error", denied},
        Attack{"ReadsTheClaims", "SELECT * FROM sluice.claim", "", "error", denied},
        Attack{"LocksTheOutbox", "LOCK TABLE \\\"Outbox\\\" IN ACCESS EXCLUSIVE MODE", "", "error", denied},
        Attack{"AddsATrigger",
               "CREATE TRIGGER t BEFORE UPDATE ON \\\"Outbox\\\" FOR EACH ROW EXECUTE FUNCTION "
               "suppress_redundant_updates_trigger()",
               "", "error", denied},
        Attack{"CallsTheFunctionOfAnotherRole", "SELECT sluice.\\\"as OTHER\\\"('SELECT 1', '{}')", "",
               "error", denied},
        Attack{"ReplacesItsFunction",
               "CREATE OR REPLACE FUNCTION sluice.\\\"as ROLE_\\\"(statement text, parameters text[]) "
               "RETURNS void "
               "LANGUAGE plpgsql SECURITY INVOKER AS 'BEGIN INSERT INTO public.secret VALUES (1); END'",
               "", "error", denied},
        Attack{"LiftsTheRightsOfItsFunction",
               "ALTER FUNCTION sluice.\\\"as ROLE_\\\"(text, text[]) SECURITY INVOKER", "", "error",
               "does not run as role"},
        Attack{"CommitsInABlock", "DO $$ BEGIN INSERT INTO effect VALUES ('block', 9); COMMIT; END $$", "",
               "error", "invalid transaction termination"},
        Attack{"CallsAProcedureThatCommits",
               "CREATE PROCEDURE pg_temp.commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'",
               "CALL pg_temp.commits()", "error", "invalid transaction termination"},
        Attack{"RunsAProgram", "COPY effect FROM PROGRAM 'id'", "", "error", "pg_execute_server_program"},
        Attack{"WritesAFile", "COPY effect TO '/tmp/sluice-attack'", "", "error", "pg_write_server_files"},
        Attack{"ReadsAFile", "CREATE TEMP TABLE t (l text)", "COPY pg_temp.t FROM '/etc/passwd'", "error",
               "pg_read_server_files"},
        Attack{"ExportsALargeObject", "SELECT lo_from_bytea(12345, 'x')",
               "SELECT lo_export(12345, '/tmp/sluice-attack')", "error", denied},
        Attack{"CreatesAnExtension", "CREATE EXTENSION pgcrypto", "", "error", ""},
        Attack{"CreatesAForeignServer", "CREATE FOREIGN DATA WRAPPER w", "", "error", denied},
        Attack{"CreatesALanguageFunction",
               "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE c AS 'libc', 'abs'", "", "error", denied},
        Attack{"EndsOtherSessions",
               "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
               "AND usename "
               "<> current_user",
               "", "error", "must be"},
        Attack{"CreatesARole", "CREATE ROLE more SUPERUSER", "", "error", "must be superuser"},
        Attack{"GrantsItselfASuperuser", "GRANT pg_execute_server_program TO CURRENT_USER", "", "error",
               "must"},
        Attack{"ChangesTheServer", "ALTER SYSTEM SET fsync = off", "", "error", ""},
        Attack{"ShadowsAnOperator",
               "CREATE FUNCTION pg_temp.same(text, text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN INSERT INTO "
               "public.secret VALUES (1); RETURN true; END'",
               "CREATE OPERATOR pg_temp.= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.same)", "done",
               ""},
        Attack{"ShadowsATypeWithACast",
               "CREATE TYPE pg_temp.text AS (n int); CREATE FUNCTION pg_temp.cast_it(pg_temp.text) RETURNS "
               "bigint "
               "LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.secret VALUES (1); RETURN 1; END'",
               "CREATE CAST (pg_temp.text AS bigint) WITH FUNCTION pg_temp.cast_it(pg_temp.text) AS IMPLICIT",
               "done", ""},
        Attack{"DropsATableAtTheCommit", "CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 1 AS n",
               "CREATE TEMP TABLE kept (n int)", "done", ""},
        Attack{"PreparesAStatement", "PREPARE p AS SELECT 1", "", "done", ""},
        Attack{"HoldsACursor", "DECLARE held CURSOR WITH HOLD FOR SELECT 1", "", "done", ""},
        Attack{"KeepsALock", "SELECT pg_advisory_lock(1), pg_advisory_lock(7598263422914291558)", "", "done",
               ""},
        Attack{"SetsTheSession", "SET work_mem = '64kB'", "SELECT set_config('work_mem', '65kB', false)",
               "done", ""},
        Attack{"Listens", "LISTEN sluice_announcement", "LISTEN anything", "done", ""},
        Attack{"Notifies",
               "SELECT pg_notify('sluice_announcement', 'garbage'), pg_notify('sluice_wake', 'garbage')", "",
               "done", ""}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace sluice::test
