// Random histories on both stores: the same calls in the same order, with transactions of the application
// that stay open meanwhile. Every answer and every row must be alike, so what the simulation learns from the
// store in memory holds for PostgreSQL. A history depends on its seed alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <pqxx/pqxx>
#include <set>

#include "sim/fibers/random.hpp"
#include "store/memory_transaction.hpp"
#include "world.hpp"

namespace sluice {
namespace {

using job::Result;
using job::Status;
using sim::Random;
using std::chrono::seconds;

constexpr std::size_t runtimes = 3;
constexpr std::size_t transactions = 2;

/// A transaction of the application, which holds locks on rows.
class Transaction {
 public:
  virtual ~Transaction() = default;
  /// False if another session has locked the row.
  virtual bool lock(const std::string& id) = 0;
};

class PostgresTransaction : public Transaction {
 public:
  explicit PostgresTransaction(const std::string& url) : connection_(url), work_(connection_) {}
  bool lock(const std::string& id) override {
    const auto rows =
        work_.exec("SELECT id FROM \"Outbox\" WHERE id = " + work_.quote(id) + " FOR UPDATE SKIP LOCKED");
    return !rows.empty();
  }

 private:
  pqxx::connection connection_;
  pqxx::work work_;
};

class MemoryTransaction : public Transaction {
 public:
  explicit MemoryTransaction(store::MemoryStore& store) : store_(store), transaction_(store) {}
  bool lock(const std::string& id) override {
    return store_.row(id).has_value() && transaction_.lock(id, seconds(0));
  }

 private:
  store::MemoryStore& store_;
  store::MemoryTransaction transaction_;
};

/// One of the two stores with all who use it. Claims and runtimes have other numbers in each.
struct Side {
  explicit Side(std::unique_ptr<test::World> the_world) : world(std::move(the_world)) {
    store::ServedType often{"often", "p", "1", {}}, once{"once", "p", "1", {}};
    often.policy.max_attempts = 3;
    once.policy.at_most_once = true;
    for (std::size_t i = 0; i < runtimes; ++i) {
      ids.push_back(care->enlist(test::runtime_info()));
      claims.push_back(world->store().claims(ids.back(), 0, false));
      finishes.push_back(world->store().finishes());
      hearts.push_back(world->store().heart(seconds(5)));
      newest.push_back(0);
    }
    care->serve(ids[0], {often, once});
  }

  std::unique_ptr<Transaction> begin() {
    if (auto* const postgres = dynamic_cast<test::PostgresWorld*>(world.get()))
      return std::make_unique<PostgresTransaction>(postgres->database().url());
    return std::make_unique<MemoryTransaction>(dynamic_cast<store::MemoryStore&>(world->store()));
  }

  std::unique_ptr<test::World> world;
  std::unique_ptr<store::CareSession> care = world->store().care();
  std::vector<store::RuntimeId> ids;
  std::vector<std::unique_ptr<store::ClaimSession>> claims;
  std::vector<std::unique_ptr<store::FinishSession>> finishes;
  std::vector<std::unique_ptr<store::HeartSession>> hearts;
  std::vector<std::int64_t> newest;                             ///< claim, by runtime
  std::array<std::vector<job::Job>, runtimes> held;             ///< jobs, by runtime
  std::array<std::unique_ptr<Transaction>, transactions> open;  ///< of the application
};

/// A history, on both sides.
class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {
    sides_.emplace_back(std::make_unique<test::MemoryWorld>());
    sides_.emplace_back(std::make_unique<test::PostgresWorld>());
  }

  /// Ends early if the sides differ.
  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      answers_.assign(sides_.size(), {});
      act();
      compare();
    }
  }

 private:
  void act() {
    switch (random_.below(14)) {
      case 0:
      case 1:
        return insert();
      case 2:
      case 3:
        return claim();
      case 4:
      case 5:
      case 6:
        return finish();
      case 7:
        return mark();
      case 8:
        return lock_or_end();
      case 9:
        return write_by_hand();
      case 10:
        return pass_time();
      case 11:
        return promote();
      case 12:
        return random_.chance(0.5) ? rescue() : beat();
      default:
        return random_.chance(0.5) ? reconcile() : surrender();
    }
  }

  /// The same on each side; `call` returns what is to be alike.
  template <typename Call>
  void on_each(const std::string& what, Call call) {
    log_.push_back(what);
    for (std::size_t i = 0; i < sides_.size(); ++i) {
      try {
        answers_[i] = call(sides_[i]);
      } catch (const store::Fenced&) {
        answers_[i] = "fenced";
      } catch (const store::Unavailable& error) {
        if (!error.answered()) throw;
        answers_[i] = "held up";
      }
    }
  }

  void insert() {
    const std::string type = random_.chance(0.3) ? "once" : "often";
    const std::string id = "job" + std::to_string(++jobs_);
    const double created_at = 1767225600 + jobs_;
    on_each("insert " + id, [&](Side& side) {
      side.world->put({id, type, "{}", "pending", created_at, created_at, 0});
      return std::string();
    });
  }

  void claim() {
    const std::size_t who = random_.below(runtimes);
    const auto limit = static_cast<int>(random_.between(1, 4));
    on_each("runtime " + std::to_string(who) + " claims " + std::to_string(limit), [&](Side& side) {
      const store::Claimed claimed = side.claims[who]->claim({{{"often", "once"}, limit, {}}}, true);
      std::string text = "claimed";
      if (claimed.claim != 0) side.newest[who] = claimed.claim;
      for (const auto& one : claimed.jobs) {
        text += " " + one.job.id + "/" + std::to_string(one.job.attempt);
        side.held[who].push_back(one.job);
      }
      return text;
    });
  }

  job::Settlement some_end(const job::Job& job, std::size_t how) {
    if (how < 5) return test::settlement(job);
    if (how == 5) {
      auto settled = test::settlement(job, Status::pending, Result::released);
      settled.refund = true;
      return settled;
    }
    if (how == 6) return test::settlement(job, Status::error, Result::fail);
    auto settled = test::settlement(job, Status::error, Result::retry);
    settled.delay = seconds(30);
    return settled;
  }

  /// Some of a runtime's jobs end. Those that are refused or locked are tried again.
  void finish() {
    const std::size_t who = random_.below(runtimes);
    const std::size_t count = 1 + random_.below(3);
    std::vector<std::size_t> how;
    for (std::size_t i = 0; i < count; ++i) how.push_back(random_.below(8));
    const bool careful = random_.chance(0.3);
    on_each("runtime " + std::to_string(who) + " finishes " + std::to_string(count), [&](Side& side) {
      auto& held = side.held[who];
      const std::size_t some = std::min(count, held.size());
      std::vector<job::Settlement> settlements;
      for (std::size_t i = 0; i < some; ++i) settlements.push_back(some_end(held[i], how[i]));
      std::vector<std::int64_t> closing;
      for (std::size_t i = 0; i < some; ++i) {
        const auto names = [&](const job::Job& one) { return one.claim == held[i].claim; };
        const bool last = std::none_of(held.begin() + static_cast<std::ptrdiff_t>(some), held.end(), names);
        if (last && std::find(closing.begin(), closing.end(), held[i].claim) == closing.end())
          closing.push_back(held[i].claim);
      }
      const auto unwritten = careful ? side.finishes[who]->finish_with_care(settlements, closing)
                                     : side.finishes[who]->finish(settlements, closing);
      std::string text = "finished";
      std::vector<job::Job> again;
      for (const auto& one : unwritten) {
        text += " " + settlements[one.index].id + "=" + std::to_string(static_cast<int>(one.why));
        if (one.why != store::Unwritten::Why::not_ours) again.push_back(held[one.index]);
      }
      held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(some));
      held.insert(held.end(), again.begin(), again.end());
      return text;
    });
  }

  void mark() {
    const std::size_t who = random_.below(runtimes);
    on_each("runtime " + std::to_string(who) + " marks", [&](Side& side) {
      auto& held = side.held[who];
      const std::vector<job::Ref> jobs(held.begin(), held.end());
      const auto places = side.finishes[who]->mark(jobs, {});
      std::string text = "marked";
      for (std::size_t i = 0; i < held.size(); ++i) {
        if (places[i].empty()) continue;
        held[i].place = places[i];
        text += " " + held[i].id;
      }
      return text;
    });
  }

  std::string some_job() {
    return "job" + std::to_string(1 + random_.below(static_cast<std::size_t>(std::max(1, jobs_))));
  }

  void lock_or_end() {
    const std::size_t which = random_.below(transactions);
    const std::string id = some_job();
    const bool ends = random_.chance(0.5);
    on_each("transaction " + std::to_string(which) + (ends ? " ends" : " locks " + id), [&](Side& side) {
      auto& transaction = side.open.at(which);
      if (ends) {
        transaction.reset();
        return std::string("ended");
      }
      if (!transaction) transaction = side.begin();
      return std::string(transaction->lock(id) ? "locked" : "not locked");
    });
  }

  bool is_locked(const std::string& id) {
    const auto probe = sides_[0].begin();
    return sides_[0].world->row(id).has_value() && !probe->lock(id);
  }

  /// As an application does it.
  void write_by_hand() {
    const std::string id = some_job();
    if (is_locked(id)) return;  // it would wait
    const bool erases = random_.chance(0.3);
    on_each((erases ? "deletes " : "tries again ") + id, [&](Side& side) {
      const auto row = side.world->row(id);
      if (erases) side.world->erase(id);
      if (!erases && row && row->status == "error") side.world->set_status(id, "pending");
      return std::string();
    });
  }

  void pass_time() {
    const std::int64_t time = random_.chance(0.3) ? 40 : 10;
    std::array<bool, runtimes> beats{};
    for (bool& one : beats) one = random_.chance(0.8);
    on_each(std::to_string(time) + " seconds pass", [&](Side& side) {
      side.world->advance(seconds(time));
      std::string text;
      for (std::size_t i = 0; i < runtimes; ++i) {
        side.hearts[i] =
            side.world->store().heart(seconds(5));  // the former one would find its beats moved back
        if (beats.at(i)) text += side.hearts[i]->beat(side.ids[i]) ? " beats" : " lost";
      }
      return text;
    });
  }

  void beat() {
    const std::size_t who = random_.below(runtimes);
    on_each("runtime " + std::to_string(who) + " beats, or is enlisted again", [&](Side& side) {
      if (side.hearts[who]->beat(side.ids[who])) return std::string("beats");
      side.ids[who] = side.care->enlist(test::runtime_info());
      side.claims[who]->use(side.ids[who]);
      return std::string("enlisted");
    });
  }

  void promote() {
    on_each("promotes", [](Side& side) {
      side.care->promote_due(100);  // the counts include schedules of jobs that are done
      return std::string();
    });
  }

  void rescue() {
    on_each("rescues", [](Side& side) {
      const store::Rescued rescued = side.care->rescue({}, {});
      return std::to_string(rescued.runtimes) + " lost, " + std::to_string(rescued.pending) + " pending, " +
             std::to_string(rescued.error) + " in error";
    });
  }

  /// A runtime that forgot everything, or that knows what it has.
  void reconcile() {
    const std::size_t who = random_.below(runtimes);
    const bool forgot = random_.chance(0.5);
    const bool ended = random_.chance(0.5);
    on_each("runtime " + std::to_string(who) + " reconciles" + (forgot ? ", having forgotten all" : ""),
            [&](Side& side) {
              if (forgot) side.held[who].clear();
              std::vector<std::int64_t> known;
              for (const job::Job& one : side.held[who]) known.push_back(one.claim);
              side.claims[who]->reconcile(known, ended ? side.newest[who] : 0);
              return std::string("reconciled");
            });
  }

  void surrender() {
    const std::size_t who = random_.below(runtimes);
    on_each("runtime " + std::to_string(who) + " surrenders a claim", [&](Side& side) {
      auto& held = side.held[who];
      if (held.empty()) return std::string("nothing");
      const std::int64_t claim = held.front().claim;
      std::erase_if(held, [&](const job::Job& one) { return one.claim == claim; });
      side.finishes[who]->surrender({claim});
      return std::string("surrendered");
    });
  }

  static std::string rows_of(Side& side, int jobs) {
    std::string text;
    for (int i = 1; i <= jobs; ++i) {
      const std::string id = "job" + std::to_string(i);
      const auto row = side.world->row(id);
      text += id + " " + (row ? row->status + "/" + std::to_string(row->attempts) : "gone");
      // The schedule of a job that is done means nothing, and may stay until it is due.
      const bool waits = row && row->status != "done" && side.world->scheduled(id);
      text += waits ? " scheduled\n" : "\n";
    }
    return text;
  }

  /// The open jobs that claims name.
  static std::string claims_of(Side& side) {
    if (auto* const postgres = dynamic_cast<test::PostgresWorld*>(side.world.get())) {
      return postgres->database().value(
          "SELECT string_agg(DISTINCT i, ' ' ORDER BY i) FROM sluice.claim c, unnest(c.ids) i "
          "WHERE EXISTS (SELECT FROM \"Outbox\" o WHERE o.id = i AND o.status IN ('pending', 'processing'))");
    }
    const auto& memory = dynamic_cast<store::MemoryStore&>(side.world->store());
    std::set<std::string> open;
    for (const std::string& id : memory.named()) {
      const auto row = memory.row(id);
      if (row && (row->status == "pending" || row->status == "processing")) open.insert(id);
    }
    std::string text;
    for (const std::string& id : open) text += (text.empty() ? "" : " ") + id;
    return text;
  }

  void compare() {
    ASSERT_EQ(answers_[0], answers_[1]) << "(memory, PostgreSQL) after:\n" << steps();
    ASSERT_EQ(rows_of(sides_[0], jobs_), rows_of(sides_[1], jobs_)) << "(memory, PostgreSQL) after:\n"
                                                                    << steps();
    ASSERT_EQ(claims_of(sides_[0]), claims_of(sides_[1])) << "(memory, PostgreSQL) after:\n" << steps();
  }

  std::string steps() const {
    std::string text;
    for (const std::string& one : log_) text += one + "\n";
    return text;
  }

  Random random_;
  std::vector<Side> sides_;
  std::vector<std::string> answers_;
  std::vector<std::string> log_;
  int jobs_ = 0;
};

class Histories : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Seeds, Histories, testing::Range(1, 13));

TEST_P(Histories, AreAlikeInMemoryAndInPostgreSQL) {
  History history(static_cast<std::uint64_t>(GetParam()));
  history.run(120);
}

}  // namespace
}  // namespace sluice
