#include "postgres/finishing/renamed.hpp"

#include <utility>

#include "base/log.hpp"
#include "base/text.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"

namespace sluice::postgres {

namespace {

std::vector<std::size_t> missing(std::size_t count, const Settled& settled) {
  std::vector<bool> reported(count);
  for (const std::size_t index : settled.applied) reported[index] = true;
  for (const std::size_t index : settled.locked) reported[index] = true;
  for (const std::size_t index : settled.held_back) reported[index] = true;
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < count; ++i) {
    if (!reported[i]) indices.push_back(i);
  }
  return indices;
}

job::Settlement under(const std::string& id, job::Settlement settlement) {
  settlement.claimed_as = std::exchange(settlement.id, id);
  settlement.place.clear();
  log::warn("the id of a job was changed while it ran; its outcome is written under the new id",
            {{"job", settlement.claimed_as}, {"id", id}, {"type", settlement.type}});
  return settlement;
}

/// The outcome of a job that can't be reported apart from others.
job::Settlement unknown(const std::string& id, const job::Settlement& settlement) {
  job::Settlement error;
  static_cast<job::Ref&>(error) = settlement;
  error.claimed_as = std::exchange(error.id, id);
  error.place.clear();
  error.status = job::Status::error;
  error.role = settlement.role;
  error.outcome.result = job::Result::fail;
  error.outcome.code = "id-changed";
  error.outcome.error =
      "the ids of several jobs of this type were changed while they ran, and the jobs were created at the "
      "same time, so it is unknown which outcome belongs to this job. One of them ended as " +
      std::string(job::name(settlement.outcome.result)) +
      (settlement.outcome.error.empty() ? "" : ": " + settlement.outcome.error);
  log::error(
      "the ids of jobs were changed while they ran, so it is unknown which outcome belongs to which job",
      {{"job", error.claimed_as}, {"id", id}, {"type", error.type}});
  return error;
}

}  // namespace

Settlements Renamed::all() const {
  Settlements all;
  for (const job::Settlement& settlement : settlements) all.push_back(&settlement);
  return all;
}

void Renamed::add(const Settled& of_these, Settled& settled) const {
  for (const std::size_t index : of_these.applied) settled.applied.push_back(indices[index]);
  for (const std::size_t index : of_these.locked) settled.locked.push_back(indices[index]);
  for (const std::size_t index : of_these.held_back) settled.held_back.push_back(indices[index]);
}

Renamed find_renamed(pqxx::transaction_base& transaction, const std::string& sql,
                     const Settlements& settlements, const Settled& settled) {
  Renamed renamed;
  const std::vector<std::size_t> lost = missing(settlements.size(), settled);
  if (lost.empty()) return renamed;
  ArrayText ids, attempts, types, created;
  for (const std::size_t index : lost) {
    const job::Settlement& settlement = *settlements[index];
    ids.add(settlement.id);
    attempts.add(std::int64_t{settlement.attempt});
    types.add(base::valid_utf8(settlement.type));
    created.add(cursor_text(settlement.created_at));
  }
  for (const auto& row : exec(transaction, sql, ids.str(), attempts.str(), types.str(), created.str())) {
    const std::size_t index = lost[row[0].as<std::size_t>() - 1];
    const std::string id = text_of(row[1]);
    const bool alike = row[2].as<bool>();
    renamed.indices.push_back(index);
    renamed.settlements.push_back(alike ? unknown(id, *settlements[index]) : under(id, *settlements[index]));
  }
  return renamed;
}

}  // namespace sluice::postgres
