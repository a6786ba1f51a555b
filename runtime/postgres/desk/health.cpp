#include "postgres/desk/health.hpp"
#include "base/threads.hpp"

#include "base/duration.hpp"
#include "postgres/desk/desk.hpp"
#include "postgres/desk/job_statements.hpp"
#include "postgres/link/link.hpp"
#include "postgres/link/text.hpp"
#include "postgres/schema/grants.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

class DatabaseHealth {
 public:
  explicit DatabaseHealth(const PostgresOptions& options)
      : target_(connection_string_of(options.url, options.url_file)),
        table_(TableName::parse(options.table)),
        link_(target_),
        mark_at_once_(options.mark_at_once),
        effect_roles_(options.effect_roles),
        desk_(target_, table_, options.effect_roles, options.wake) {}

  std::vector<HealthCheck> run() {
    if (!check("connection", [&] { connect(); }) || !check("writable", [&] { write_access(); }) ||
        !check("schema", [&] { schema(); })) {
      return std::move(checks_);
    }
    check("rights", [&] { rights(); });
    check("effects", [&] { effects(); });
    check("row security", [&] { row_security(); });
    check("statuses", [&] { statuses(); });
    check("publication", [&] { publication(); });
    check("encoding", [&] { encoding(); });
    check("indexes", [&] { indexes(); });
    check("stuck", [&] { stuck(); });
    check("others", [&] { others(); });
    check("runtimes", [&] { runtimes(); });
    return std::move(checks_);
  }

 private:
  /// Runs a step that adds its check. An exception becomes the check's failure.
  template <class Step>
  bool check(const char* name, Step step) {
    name_ = name;
    try {
      step();
    } catch (const std::runtime_error& error) {
      add(Health::failed, error.what());
    }
    return checks_.back().health != Health::failed;
  }
  void add(Health health, std::string words) { checks_.push_back({name_, health, std::move(words)}); }

  pqxx::result ask(const std::string& sql) {
    return link_.ask("check the database",
                     [&](pqxx::transaction_base& session) { return session.exec(sql); });
  }

  void connect() {
    const auto begun = base::Clock::now();
    const auto row = link_.ask("connect", [](pqxx::transaction_base& session) {
      return session.exec(
          "SELECT current_setting('server_version'), pg_is_in_recovery() OR "
          "current_setting('transaction_read_only')::bool, current_user, "
          "current_setting('is_superuser')::bool")[0];
    });
    const auto took = base::Clock::now() - begun;
    read_only_ = row[1].as<bool>();
    user_ = text_of(row[2]);
    superuser_ = row[3].as<bool>();
    add(Health::good, "connected to " + link_.description() + " and got an answer within " +
                          base::format_duration(std::chrono::duration_cast<std::chrono::microseconds>(took)) +
                          ", PostgreSQL " + text_of(row[0]));
  }

  void write_access() {
    if (read_only_) {
      return add(Health::failed,
                 "the server accepts no writes from this session: it is a standby, or "
                 "default_transaction_read_only is on; name the primary in DATABASE_URL");
    }
    add(Health::good, "the server accepts writes");
  }

  void schema() {
    desk_.check_schema();
    add(Health::good,
        "table " + table_.quoted() +
            " has the outbox's columns, and schema sluice has the version that this program needs");
  }

  /// Only users who delete old jobs need DELETE on the outbox.
  void rights() {
    std::string lacking, deletes;
    const std::string outbox = "table " + table_.quoted();
    for (const auto& row : ask(lacking_rights_query(table_))) {
      const std::string what = text_of(row[0]), name = text_of(row[1]);
      std::string& list = what == "DELETE" && name == outbox ? deletes : lacking;
      list += (list.empty() ? "" : "; ") + what + " on " + name;
    }
    const std::string remedy = "; to grant them, run sluice init --grant-run " + user_ + " as the owner";
    if (!lacking.empty()) {
      if (!deletes.empty()) lacking += "; " + deletes;
      return add(Health::failed, "user " + user_ + " lacks rights that Sluice needs: " + lacking + remedy);
    }
    if (!deletes.empty()) {
      return add(Health::warning, "user " + user_ + " lacks " + deletes +
                                      ", which [retention], sluice jobs delete and prune need" + remedy);
    }
    if (superuser_) {
      return add(Health::warning,
                 "user " + user_ +
                     " is a superuser, which Sluice does not need: create a role for Sluice and run sluice "
                     "init --grant-run ROLE, so a stolen URL gives access to less");
    }
    if (const std::string roles = mighty_roles_of("session_user"); !roles.empty()) {
      return add(Health::warning,
                 "user " + user_ + " can become a superuser, or do what only one may, as a member of " +
                     roles + ", which Sluice does not need: run REVOKE " + roles + " FROM " + user_ +
                     ", or create a role for Sluice and run sluice init --grant-run ROLE");
    }
    add(Health::good, "user " + user_ + " has the rights that Sluice needs");
  }

  /// The roles with a superuser's rights, directly or by a program on the server, to which `user` belongs.
  std::string mighty_roles_of(const std::string& user) {
    const auto found =
        ask("SELECT pg_catalog.string_agg(pg_catalog.quote_ident(rolname), ', ' ORDER BY rolname) FROM "
            "pg_catalog.pg_roles WHERE (rolsuper OR rolname IN ('pg_execute_server_program', "
            "'pg_write_server_files')) AND pg_catalog.pg_has_role(" +
            user + ", oid, 'MEMBER')")[0][0];
    return found.is_null() ? "" : text_of(found);
  }

  /// What a plugin's SQL may do, its role may do.
  void effects() {
    std::string mighty;
    for (const std::string& role : effect_roles_) {
      if (ask("SELECT FROM pg_catalog.pg_roles WHERE rolname = " + quoted_literal(role)).empty()) continue;
      const std::string roles = mighty_roles_of(quoted_literal(role) + "::name");
      if (!roles.empty()) mighty += (mighty.empty() ? "" : "; ") + role + " (by " + roles + ")";
    }
    if (mighty.empty())
      return add(Health::good, "no plugin's SQL runs with more rights than its role should have");
    add(Health::warning, "plugins' SQL runs with a superuser's rights, as role " + mighty +
                             ", so a plugin may do anything in the server: set role under [plugin.NAME] to a "
                             "role with only the rights "
                             "that the plugin needs, and run sluice init");
  }

  void row_security() {
    const std::string outbox = quoted_literal(table_.quoted());
    if (!ask("SELECT row_security_active(" + outbox + ")")[0][0].as<bool>()) {
      return add(Health::good, "no row-level security hides jobs from user " + user_);
    }
    add(Health::failed, "row-level security of table " + table_.quoted() + " applies to user " + user_ +
                            " and may hide jobs from it: run ALTER ROLE " + user_ +
                            " BYPASSRLS, or create a policy that allows the user every row");
  }

  /// A CHECK that reads only the status can be tested without a row.
  void statuses() {
    std::string refused;
    for (const auto& row :
         ask("SELECT c.conname, pg_catalog.pg_get_expr(c.conbin, c.conrelid) FROM pg_catalog.pg_constraint c "
             "JOIN "
             "pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND ARRAY[a.attnum] = c.conkey WHERE "
             "c.conrelid "
             "= " +
             quoted_literal(table_.quoted()) + "::regclass AND c.contype = 'c' AND a.attname = 'status'")) {
      for (const auto& status :
           ask("SELECT status FROM unnest('{pending,processing,done,error,scheduled}'::text[]) AS o (status) "
               "WHERE NOT (" +
               text_of(row[1]) + ")")) {
        refused +=
            (refused.empty() ? "" : ", ") + text_of(status[0]) + " (constraint " + text_of(row[0]) + ")";
      }
    }
    if (refused.empty()) return add(Health::good, "the table accepts every status that jobs may have");
    if (refused.starts_with("scheduled") && refused.find(", ") == std::string::npos) {
      return add(Health::warning,
                 "the table does not accept the status " + refused +
                     ": snoozed jobs wait in status error until they are due, and sluice.enqueue can't delay "
                     "jobs; allow the status where the table is defined");
    }
    add(Health::failed,
        "the table does not accept the status " + refused +
            ", so outcomes of jobs can't be written: allow the status where the table is defined");
  }

  /// Updates and deletes of a published table fail if its rows can't be identified.
  void publication() {
    const std::string outbox = quoted_literal(table_.quoted());
    const auto found =
        ask("SELECT string_agg(DISTINCT p.pubname, ', ') FROM pg_publication p JOIN pg_publication_tables t "
            "ON t.pubname = "
            "p.pubname JOIN pg_class c ON c.oid = " +
            outbox +
            "::regclass AND t.tablename = c.relname AND t.schemaname = c.relnamespace::regnamespace::text "
            "WHERE (p.pubupdate "
            "OR p.pubdelete) AND (c.relreplident = 'n' OR (c.relreplident = 'd' AND NOT EXISTS (SELECT FROM "
            "pg_index i WHERE "
            "i.indrelid = c.oid AND i.indisprimary)))")[0][0];
    if (found.is_null()) return add(Health::good, "no publication prevents writes to the table");
    add(Health::failed, "the table is in a publication (" + text_of(found) +
                            ") and has no replica identity, so no job can be claimed: run ALTER TABLE " +
                            table_.quoted() + " REPLICA IDENTITY FULL, or add a primary key");
  }

  void encoding() {
    const std::string name = text_of(ask("SELECT current_setting('server_encoding')")[0][0]);
    if (name == "UTF8")
      return add(Health::good, "the database's encoding is UTF8, which can store every payload");
    add(Health::warning, "the database's encoding is " + name +
                             ", which can't store every payload: jobs with other characters are refused; "
                             "create the database with ENCODING 'UTF8' to store them all");
  }

  void indexes() {
    std::string missing;
    bool claiming = true;
    for (const auto& row : ask(sql("missing_indexes", table_))) {
      missing += (missing.empty() ? "(" : ", (") + text_of(row[0]) + ")";
      claiming = claiming && row[1].as<int>() > 2;
    }
    if (missing.empty()) return add(Health::good, "the table has the indexes that claiming and listing use");
    if (claiming) {
      return add(Health::good, "the table has the indexes that claiming uses, but none on " + missing +
                                   ", so some lists of jobs read the whole table");
    }
    add(Health::warning, "the table lacks indexes on " + missing +
                             ", so claiming reads the whole table; add them where the table is defined");
  }

  void stuck() {
    JobFilter filter;
    filter.stuck = true;
    const auto count = ask(count_statement(table_, filter))[0][0].as<std::int64_t>();
    if (count == 0) return add(Health::good, "no job is stuck in processing");
    add(Health::warning,
        "jobs that are stuck in processing: " + std::to_string(count) +
            "; sluice jobs list --stuck shows them, sluice jobs retry --stuck makes them pending");
  }

  /// Jobs that no Sluice runtime holds may have been taken by another program.
  void others() {
    const auto count = ask(sql("foreign_jobs", table_))[0][0].as<std::int64_t>();
    if (count == 0) return add(Health::good, "no other program has jobs in processing");
    const std::string words = "jobs in processing that no runtime holds: " + std::to_string(count) +
                              "; another program may be taking jobs from this table";
    if (mark_at_once_) return add(Health::good, words + "; it can see which jobs Sluice has taken");
    add(Health::warning,
        words + ", and can't see which jobs Sluice has taken: set processing_after = \"0s\" under [runtime]");
  }

  void runtimes() {
    const auto row = ask(sql("count_runtimes"))[0];
    const auto alive = row[0].as<std::int64_t>();
    const auto lost = row[1].as<std::int64_t>() - alive;
    const std::string words = "runtimes alive: " + std::to_string(alive);
    if (lost == 0) return add(Health::good, words);
    add(Health::warning,
        words + ", lost: " + std::to_string(lost) + "; their jobs are rescued when another runtime runs");
  }

  const ConnectionString target_;
  const TableName table_;
  Link link_;
  const bool mark_at_once_;
  const std::vector<std::string> effect_roles_;
  PgDesk desk_;
  const char* name_ = "";
  bool read_only_ = false;
  std::string user_;
  bool superuser_ = false;
  std::vector<HealthCheck> checks_;
};

}  // namespace

std::vector<HealthCheck> check_database(const PostgresOptions& options) {
  return DatabaseHealth(options).run();
}

}  // namespace sluice::postgres
