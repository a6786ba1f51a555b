// Writes the outcomes of claimed jobs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "job/job.hpp"

namespace sluice::store {

/// A settlement that was not written at all.
struct Unwritten {
  enum class Why {
    not_ours,  ///< its row was taken away or changed, for example rescued by another runtime
    locked,    ///< another session has locked its row
    refused,   ///< the database refused it
    untried,   ///< the database was unavailable
  };
  std::size_t index = 0;  ///< into the given settlements
  Why why = Why::not_ours;
  std::string code;     ///< of the refusal: the SQLSTATE, empty if unknown
  std::string message;  ///< the database's message, or who holds the lock, if known
  /// The error may also be the server's fault (it lacks a resource, the table or a right is missing, …), and
  /// there was no other outcome to compare with.
  bool may_be_the_servers = false;
};

/// Writes the outcomes of claimed jobs.
class FinishSession {
 public:
  virtual ~FinishSession() = default;

  /// Applies each settlement whose row is still pending or `processing`, as its claim left it, and whose
  /// claim still exists and is the newest that names the job. Each takes effect completely (status, attempt
  /// record, schedule, output) or not at all. Deletes the `closing` claims, which are used up with these
  /// settlements. Every other claim that a settlement names stays, and so does one of `closing` that an
  /// unwritten settlement names, unless that settlement is not ours. Does not wait for locked rows, and a
  /// settlement that can't be written does not affect the others. Returns the settlements that were not
  /// written, in their order.
  virtual std::vector<Unwritten> finish(const std::vector<job::Settlement>& settlements,
                                        const std::vector<std::int64_t>& closing) = 0;
  /// The same for settlements that may be refused or locked.
  virtual std::vector<Unwritten> finish_with_care(const std::vector<job::Settlement>& settlements,
                                                  const std::vector<std::int64_t>& closing) {
    return finish(settlements, closing);
  }

  /// Makes those of `jobs` `processing` that are pending and still ours, and counts their attempts. `filled`
  /// are the claims of which all remaining jobs are then marked. Does not wait for locked rows. Returns the
  /// rows' new places, in the order of `jobs`; empty for rows that it left unchanged.
  virtual std::vector<std::string> mark(const std::vector<job::Ref>& jobs,
                                        const std::vector<std::int64_t>& filled) = 0;

  /// After Unavailable: those of `claims` that still exist. The outcomes of the others were written by the
  /// call whose answer was lost, or their jobs were rescued.
  virtual std::vector<std::int64_t> living(const std::vector<std::int64_t>& claims) = 0;

  /// Ends claims of which all outcomes were written, some of them before a connection was lost. If the server
  /// lost its last commits (it crashed, or a replica took over), outcomes may be among them. So jobs of these
  /// claims that are still pending or `processing` are left to the next rescue, which treats them like those
  /// of a lost runtime, with code `outcome-lost`. Does not wait for locked rows.
  virtual void surrender(const std::vector<std::int64_t>& claims) = 0;
};

/// Writes the outcomes of jobs with follow-up jobs or effects, on its own connection, so that a plugin's
/// statements can slow down or break only that plugin.
class EffectSession {
 public:
  virtual ~EffectSession() = default;

  /// Like FinishSession::finish, together with the follow-up jobs and effects of each settlement, or not at
  /// all. The code of a refusal is "effect-23505", with the SQLSTATE. Deletes no claim.
  virtual std::vector<Unwritten> commit(const std::vector<job::Settlement>& settlements) = 0;
};

}  // namespace sluice::store
