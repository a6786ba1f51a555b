// Settlements as the parameters of statement `settle`, and its answer. Inside runtime/postgres only.
#pragma once

#include <cstddef>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "job/job.hpp"
#include "postgres/link/text.hpp"

namespace sluice::postgres {

using Settlements = std::vector<const job::Settlement*>;

class SettlementTexts {
 public:
  explicit SettlementTexts(const Settlements& settlements) {
    for (const auto* settlement : settlements) add(*settlement);
  }

  /// What `call` returns, called with the parameters of statement `settle`.
  template <typename Call>
  auto give(const std::string& closing, Call&& call) const {
    return call(closing, ids_.str(), claims_.str(), attempts_.str(), statuses_.str(), refunds_.str(),
                delays_.str(), types_.str(), results_.str(), codes_.str(), errors_.str(), log_tails_.str(),
                outputs_.str(), durations_.str(), places_.str(), claimed_as_.str(), created_.str(),
                stacks_.str(), plugins_.str(), versions_.str(), build_ids_.str(), cpu_.str(), peaks_.str());
  }

 private:
  void add(const job::Settlement& settlement);
  void add_host(const job::HostFacts& host);

  ArrayText ids_, claims_, attempts_, statuses_, refunds_, delays_, types_, results_, codes_, errors_,
      log_tails_, outputs_, durations_, places_, claimed_as_, created_, stacks_, plugins_, versions_,
      build_ids_, cpu_, peaks_;
};

/// The reason for an update that succeeded without an effect.
inline constexpr const char* held_back_words =
    "the update of the job's row had no effect; check the table for a trigger, a rule or a row security "
    "policy";

/// A place where no row is.
inline constexpr const char* nowhere = "(4294967295,0)";

/// Which of the given settlements applied, and what is in the way of the others that are ours, as indices.
struct Settled {
  std::vector<std::size_t> applied;
  std::vector<std::size_t> locked;
  std::vector<std::size_t> held_back;  ///< the update succeeds without an effect
};
Settled read_settled(const pqxx::result& answer);

/// The numbers from 1 on in an array such as {3,1}, as indices.
std::vector<std::size_t> indices_in(const pqxx::field& numbers);

/// The id by which the settlement's claim names the job.
const std::string& id_in_claim(const job::Settlement& settlement);

/// How many bytes of text a settlement has.
std::size_t size_of(const job::Settlement& settlement);

/// The rest of an outcome that the database refused because of `why`.
job::Settlement reduced(job::Settlement settlement, const std::string& why);

}  // namespace sluice::postgres
