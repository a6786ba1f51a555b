#include "postgres/postgres_store.hpp"

#include <utility>

#include "base/threads.hpp"
#include "postgres/care/care.hpp"
#include "postgres/care/heart.hpp"
#include "postgres/claiming/claims.hpp"
#include "postgres/desk/desk.hpp"
#include "postgres/desk/jobs.hpp"
#include "postgres/desk/prunes.hpp"
#include "postgres/finishing/effects.hpp"
#include "postgres/finishing/finishes.hpp"
#include "postgres/insight/insight.hpp"
#include "postgres/link/connection_string.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

namespace {

ConnectionString target_of(const PostgresOptions& options) {
  return with_statement_limit(connection_string_of(options.url, options.url_file), options.statement_limit);
}

class PostgresStore : public Store {
 public:
  explicit PostgresStore(const PostgresOptions& options)
      : target_(target_of(options)),
        listening_(listening_target(options.direct_url, options.url, options.url_file)),
        table_(TableName::parse(options.table)),
        effect_roles_(options.effect_roles),
        wake_(options.wake),
        mark_at_once_(options.mark_at_once),
        grants_(options.grants) {}

  std::unique_ptr<ClaimSession> claims(RuntimeId runtime, int pump, bool listens) override {
    // Listening does not work through a pool.
    const bool can_listen = listens && wake_ && !goes_through_pool(listening_);
    return std::make_unique<PgClaims>(can_listen ? listening_ : target_, table_, runtime, pump, mark_at_once_,
                                      can_listen);
  }
  std::unique_ptr<FinishSession> finishes() override { return std::make_unique<PgFinishes>(target_, table_); }
  std::unique_ptr<EffectSession> effects(std::chrono::microseconds limit) override {
    return std::make_unique<PgEffects>(target_, table_, limit);
  }
  std::unique_ptr<HeartSession> heart(std::chrono::milliseconds patience) override {
    return std::make_unique<PgHeart>(target_, patience);
  }
  std::unique_ptr<CareSession> care() override { return std::make_unique<PgCare>(target_, table_); }
  std::unique_ptr<PruneSession> prunes(const std::string& status, job::Microseconds older_than) override {
    return std::make_unique<PgPrunes>(target_, table_, status, older_than);
  }
  std::unique_ptr<DeskSession> desk() override {
    return std::make_unique<PgDesk>(target_, table_, effect_roles_, wake_, grants_);
  }
  std::unique_ptr<InsightSession> insight() override { return std::make_unique<PgInsight>(target_, table_); }
  void limit(base::Clock::time_point when) override {
    target_.watch->limit(when);
    listening_.watch->limit(when);
  }

 private:
  const ConnectionString target_;
  const ConnectionString listening_;
  const TableName table_;
  const std::vector<std::string> effect_roles_;
  const bool wake_;
  const bool mark_at_once_;
  const Grants grants_;
};

}  // namespace

std::unique_ptr<Store> open_postgres(const PostgresOptions& options) {
  return std::make_unique<PostgresStore>(options);
}

std::unique_ptr<JobDesk> open_job_desk(const PostgresOptions& options, const job::RetryPolicy& fallback) {
  return std::make_unique<PgJobs>(target_of(options), TableName::parse(options.table), fallback);
}

}  // namespace sluice::postgres
