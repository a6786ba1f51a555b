#include "postgres/finishing/finishes.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "postgres/finishing/renamed.hpp"
#include "postgres/link/blockers.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

using job::Settlement;

enum : std::size_t { finish_in_place, finish_moved, settle_special, mark_claimed, close_claims };

std::vector<Statement> statements(const TableName& table) {
  std::vector<Statement> all;
  for (const char* name : {"finish_in_place", "finish", "settle", "mark", "close"}) {
    all.push_back({name, sql(name, table)});
  }
  return all;
}

/// A row or a table that is locked for longer is tried again later.
constexpr std::string_view lock_timeout = "100ms";
/// For this long after a locked row was found, no statement waits for rows.
constexpr std::chrono::seconds caution{2};
/// How much one statement may have to read. An array doubles the characters that it has to escape, and no
/// message holds more than 1 GB.
constexpr std::size_t most_bytes = std::size_t{8} << 20U;
/// No jsonb holds a string of more than 256 MB.
constexpr std::size_t longest_output = std::size_t{128} << 20U;
/// After this many consecutive refusals, with nothing written, the server is at fault.
constexpr std::size_t enough_refusals = 3;

bool is_data_error(const Refusal& refusal) {
  return refusal.state.starts_with("22") || refusal.state.starts_with("54");
}

/// The claims that `settlements` name and `closing` does not, each once.
std::string other_claims(const Settlements& settlements, const std::vector<std::int64_t>& closing) {
  std::set<std::int64_t> others;
  for (const auto* settlement : settlements) others.insert(settlement->claim);
  for (const std::int64_t claim : closing) others.erase(claim);
  return array_text(std::vector<std::int64_t>(others.begin(), others.end()));
}

struct PlainArrays {
  explicit PlainArrays(const Settlements& settlements) {
    for (const auto* settlement : settlements) {
      places.add(settlement->place.empty() ? nowhere : settlement->place);
      ids.add(settlement->id);
      claims.add(settlement->claim);
      attempts.add(std::int64_t{settlement->attempt});
      created.add(cursor_text(settlement->created_at));
    }
  }
  ArrayText places, ids, claims, attempts, created;
};

void sort(std::vector<Unwritten>& unwritten) {
  std::sort(unwritten.begin(), unwritten.end(),
            [](const auto& one, const auto& other) { return one.index < other.index; });
}

}  // namespace

PgFinishes::PgFinishes(const ConnectionString& target, const TableName& table)
    : table_(table),
      renamed_(sql("renamed", table)),
      session_(target, statements(table), "lock_timeout = '" + std::string(lock_timeout) + "'") {}

std::vector<Unwritten> PgFinishes::finish(const std::vector<Settlement>& settlements,
                                          const std::vector<std::int64_t>& closing) {
  Work work = work_on(settlements);
  std::size_t bytes = 0;
  for (const auto* settlement : work.settlements) bytes += size_of(*settlement);
  return session_.link().use("finish jobs", [&](pqxx::connection& connection) {
    if (bytes <= most_bytes && Clock::now() >= careful_until_) {
      std::vector<Unwritten> unwritten;
      const auto refusal =
          refusal_of(connection, [&] { unwritten = at_once(connection, work.settlements, closing); });
      if (!refusal) return unwritten;
      if (refusal->locked()) careful_until_ = Clock::now() + caution;
    }
    return in_parts(connection, work, closing);
  });
}

std::vector<Unwritten> PgFinishes::finish_with_care(const std::vector<Settlement>& settlements,
                                                    const std::vector<std::int64_t>& closing) {
  Work work = work_on(settlements);
  return session_.link().use(
      "finish jobs", [&](pqxx::connection& connection) { return in_parts(connection, work, closing); });
}

PgFinishes::Work PgFinishes::work_on(const std::vector<Settlement>& settlements) {
  Work work;
  for (const auto& settlement : settlements) {
    const std::size_t size = settlement.outcome.output.size();
    if (size <= longest_output) {
      work.settlements.push_back(&settlement);
      continue;
    }
    work.replaced.push_back(
        reduced(settlement, "an output of " + std::to_string(size) + " bytes is more than it takes"));
    work.settlements.push_back(&work.replaced.back());
  }
  return work;
}

/// At most two statements, which wait for rows, but not for long.
std::vector<Unwritten> PgFinishes::at_once(pqxx::connection& connection, const Settlements& settlements,
                                           const std::vector<std::int64_t>& closing) {
  Part plain, special;
  Settlements plain_ones, special_ones;
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    const bool is_plain = settlements[i]->plain();
    (is_plain ? plain : special).push_back(i);
    (is_plain ? plain_ones : special_ones).push_back(settlements[i]);
  }
  const bool marking = !plain.empty() || !closing.empty();
  std::vector<bool> written(settlements.size());
  std::vector<Unwritten> unwritten;
  session_.in_transaction(connection, !special.empty() && marking, [&](pqxx::transaction_base& transaction) {
    std::vector<std::int64_t> closable = closing;
    const auto take = [&](const Settled& settled, const Part& part, const Settlements& ones) {
      for (const std::size_t index : settled.applied) written[part[index]] = true;
      for (const std::size_t index : settled.locked) {
        unwritten.push_back({part[index], Unwritten::Why::locked, "", "", false});
        written[part[index]] = true;  // already reported
        std::erase(closable, ones[index]->claim);
      }
      for (const std::size_t index : settled.held_back) {
        unwritten.push_back({part[index], Unwritten::Why::refused, "", held_back_words, false});
        written[part[index]] = true;
        std::erase(closable, ones[index]->claim);
      }
    };
    if (!special.empty()) {
      const Settled settled = settle(transaction, special_ones, array_text(closing));
      take(settled, special, special_ones);
      if (closable.size() < closing.size()) forget(transaction, closing, special_ones, settled);
    }
    if (marking) take(mark_done(transaction, plain_ones, closable), plain, plain_ones);
    return true;
  });
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    if (!written[i]) unwritten.push_back({i, Unwritten::Why::not_ours, "", "", false});
  }
  sort(unwritten);
  return unwritten;
}

Settled PgFinishes::mark_done(pqxx::transaction_base& transaction, const Settlements& plain,
                              std::vector<std::int64_t> closing) {
  const PlainArrays a(plain);
  const pqxx::result here =
      session_.execute(transaction, finish_in_place, a.places.str(), a.ids.str(), a.claims.str(),
                       a.attempts.str(), array_text(closing), other_claims(plain, closing));
  if (here[0][0].as<std::size_t>() == plain.size()) {
    Settled all;
    all.applied.resize(plain.size());
    std::iota(all.applied.begin(), all.applied.end(), std::size_t{0});
    return all;
  }
  Settled settled{indices_in(here[0][1]), {}, {}};
  settle_renamed(transaction, plain, "{}", settled);
  for (const auto* kept : {&settled.locked, &settled.held_back}) {
    for (const std::size_t index : *kept) std::erase(closing, plain[index]->claim);
  }
  const pqxx::result elsewhere =
      session_.execute(transaction, finish_moved, a.ids.str(), a.claims.str(), array_text(closing),
                       other_claims(plain, closing), a.created.str());
  for (const std::size_t index : indices_in(elsewhere[0][0])) settled.applied.push_back(index);
  for (const std::size_t index : indices_in(elsewhere[0][1])) settled.held_back.push_back(index);
  return settled;
}

Settled PgFinishes::settle(pqxx::transaction_base& transaction, const Settlements& settlements,
                           const std::string& closing) {
  Settled settled = settle_once(transaction, settlements, closing);
  settle_renamed(transaction, settlements, closing, settled);
  return settled;
}

/// A claim that was to be closed, and stays, names none of the jobs that were settled. Later ones of it may
/// be given back and claimed again.
void PgFinishes::forget(pqxx::transaction_base& transaction, const std::vector<std::int64_t>& claims,
                        const Settlements& settlements, const Settled& settled) {
  ArrayText ids;
  for (const std::size_t index : settled.applied) {
    const job::Settlement& one = *settlements[index];
    ids.add(one.claimed_as.empty() ? one.id : one.claimed_as);
  }
  exec(transaction, sql("forget"), array_text(claims), ids.str());
}

/// Handles those that are not `settled`, if their rows have other ids by now.
void PgFinishes::settle_renamed(pqxx::transaction_base& transaction, const Settlements& settlements,
                                const std::string& closing, Settled& settled) {
  const Renamed renamed = find_renamed(transaction, renamed_, settlements, settled);
  if (!renamed.indices.empty()) renamed.add(settle_once(transaction, renamed.all(), closing), settled);
}

Settled PgFinishes::settle_once(pqxx::transaction_base& transaction, const Settlements& settlements,
                                const std::string& closing) {
  return SettlementTexts(settlements).give(closing, [&](const auto&... parameters) {
    return read_settled(session_.execute(transaction, settle_special, parameters...));
  });
}

/// Writes what was refused, may have to wait for locks, or is long.
std::vector<Unwritten> PgFinishes::in_parts(pqxx::connection& connection, Work& work,
                                            const std::vector<std::int64_t>& closing) {
  Part part;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < work.settlements.size(); ++i) {
    const std::size_t size = size_of(*work.settlements[i]);
    if (!part.empty() && bytes + size > most_bytes) {
      write(connection, work, std::exchange(part, {}));
      bytes = 0;
    }
    part.push_back(i);
    bytes += size;
  }
  if (!part.empty()) write(connection, work, part);
  if (work.written == 0 && work.refused > 1 && work.whatever) give_up("", *work.whatever);
  for (Unwritten& one : work.unwritten) {
    if (one.why != Unwritten::Why::refused) continue;
    one.may_be_the_servers = one.may_be_the_servers && work.written == 0;
  }
  close(connection, work, closing);
  sort(work.unwritten);
  return std::move(work.unwritten);
}

void PgFinishes::write(pqxx::connection& connection, Work& work, const Part& part) {
  Settlements settlements;
  for (const std::size_t index : part) settlements.push_back(work.settlements[index]);
  Settled settled;
  const auto refusal = refusal_of(connection, [&] {
    settled = session_.in_transaction(connection, false, [&](pqxx::transaction_base& transaction) {
      return settle(transaction, settlements, "{}");
    });
  });
  if (refusal && part.size() > 1) return write_halves(connection, work, part, *refusal);
  if (refusal) return write_single(connection, work, part[0], *refusal);
  std::vector<bool> reported(part.size());
  for (const std::size_t index : settled.applied) reported[index] = true;
  work.written += settled.applied.size();
  for (const std::size_t index : settled.locked) {
    reported[index] = true;
    careful_until_ = Clock::now() + caution;
    work.unwritten.push_back({part[index], Unwritten::Why::locked, "",
                              blocker(connection,
                                      [&](pqxx::transaction_base& transaction) {
                                        return row_blocker(transaction, table_, settlements[index]->id);
                                      }),
                              false});
  }
  for (const std::size_t index : settled.held_back) {
    reported[index] = true;
    work.unwritten.push_back({part[index], Unwritten::Why::refused, "", held_back_words, false});
  }
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (!reported[i]) work.unwritten.push_back({part[i], Unwritten::Why::not_ours, "", "", false});
  }
}

/// Halves the batch until the settlement at fault is alone, unless another session has locked the whole
/// table.
void PgFinishes::write_halves(pqxx::connection& connection, Work& work, const Part& part,
                              const Refusal& refusal) {
  if (refusal.locked()) {
    const std::string holder = blocker(
        connection, [&](pqxx::transaction_base& transaction) { return table_blocker(transaction, table_); });
    if (!holder.empty()) give_up(holder, refusal);
  }
  const auto middle = part.begin() + static_cast<std::ptrdiff_t>(part.size() / 2);
  write(connection, work, Part(part.begin(), middle));
  write(connection, work, Part(middle, part.end()));
}

/// Of an outcome whose data can't be written, writes everything that can be.
void PgFinishes::write_single(pqxx::connection& connection, Work& work, std::size_t index, Refusal refusal) {
  if (refusal.locked()) {
    const std::string holder = blocker(
        connection, [&](pqxx::transaction_base& transaction) { return table_blocker(transaction, table_); });
    if (!holder.empty()) give_up(holder, refusal);
    work.unwritten.push_back({index, Unwritten::Why::locked, refusal.state, refusal.message, false});
    return;
  }
  if (!is_data_error(refusal)) return refuse(work, index, refusal);
  const Settlement rest = reduced(*work.settlements[index], refusal.message);
  Settled settled;
  const auto again = refusal_of(connection, [&] {
    settled = session_.in_transaction(connection, false, [&](pqxx::transaction_base& transaction) {
      return settle(transaction, {&rest}, "{}");
    });
  });
  if (again) return refuse(work, index, *again);
  if (!settled.applied.empty()) {
    ++work.written;
  } else {
    const auto why = !settled.locked.empty()      ? Unwritten::Why::locked
                     : !settled.held_back.empty() ? Unwritten::Why::refused
                                                  : Unwritten::Why::not_ours;
    work.unwritten.push_back({index, why, "", why == Unwritten::Why::refused ? held_back_words : "", false});
  }
}

void PgFinishes::refuse(Work& work, std::size_t index, const Refusal& refusal) {
  const bool servers = refusal.may_be_the_servers();
  work.unwritten.push_back({index, Unwritten::Why::refused, refusal.state, refusal.message, servers});
  if (!servers) return;
  if (!work.whatever) work.whatever = refusal;
  if (++work.refused >= enough_refusals && work.written == 0) give_up("", refusal);
}

/// Deletes those of `closing` that are not needed any more.
void PgFinishes::close(pqxx::connection& connection, const Work& work, std::vector<std::int64_t> closing) {
  for (const Unwritten& one : work.unwritten) {
    if (one.why != Unwritten::Why::not_ours) std::erase(closing, work.settlements[one.index]->claim);
  }
  if (closing.empty()) return;
  session_.in_transaction(connection, false, [&](pqxx::transaction_base& transaction) {
    return session_.execute(transaction, close_claims, array_text(closing));
  });
}

/// A look-up that only serves a message must not fail.
template <typename Look>
std::string PgFinishes::blocker(pqxx::connection& connection, Look&& look) {
  std::string holder;
  const auto refusal = refusal_of(connection, [&] {
    pqxx::work transaction(connection);
    session_.link().limit(transaction);
    holder = look(transaction);
  });
  return refusal ? std::string() : holder;
}

void PgFinishes::give_up(const std::string& holder, const Refusal& refusal) {
  const std::string what = "could not finish jobs in " + session_.link().description() + ": ";
  if (!holder.empty()) {
    throw Unavailable(what + "table " + table_.quoted() + " is locked by " + holder, true);
  }
  const std::string message =
      what + refusal.message + (refusal.state.empty() ? "" : " [" + refusal.state + "]");
  if (is_passing(refusal.state)) throw Unavailable(message, true);
  throw Refused(message);
}

std::vector<std::string> PgFinishes::mark(const std::vector<job::Ref>& jobs,
                                          const std::vector<std::int64_t>& filled) {
  ArrayText ids, claims, created;
  for (const job::Ref& one : jobs) {
    ids.add(one.id);
    claims.add(one.claim);
    created.add(cursor_text(one.created_at));
  }
  return session_.link().use("mark running jobs", [&](pqxx::connection& connection) {
    return session_.in_transaction(connection, false, [&](pqxx::transaction_base& transaction) {
      std::vector<std::string> places(jobs.size());
      for (const auto& row : session_.execute(transaction, mark_claimed, ids.str(), claims.str(),
                                              created.str(), array_text(filled))) {
        places[row[0].as<std::size_t>() - 1] = text_of(row[1]);
      }
      return places;
    });
  });
}

std::vector<std::int64_t> PgFinishes::living(const std::vector<std::int64_t>& claims) {
  return session_.link().use("look for claims", [&](pqxx::connection& connection) {
    session_.end_lost_backend(connection);
    return session_.in_transaction(connection, false, [&](pqxx::transaction_base& transaction) {
      std::vector<std::int64_t> living;
      const auto rows =
          exec(transaction, "SELECT id FROM sluice.claim WHERE id = ANY ($1::bigint[]) ORDER BY id",
               array_text(claims));
      for (const auto& row : rows) living.push_back(row[0].template as<std::int64_t>());
      return living;
    });
  });
}

void PgFinishes::surrender(const std::vector<std::int64_t>& claims) {
  session_.link().use("look for outcomes that the server lost", [&](pqxx::connection& connection) {
    session_.end_lost_backend(connection);
    return session_.in_transaction(connection, true, [&](pqxx::transaction_base& transaction) {
      return exec(transaction, sql("surrender", table_), array_text(claims));
    });
  });
}

}  // namespace sluice::postgres
