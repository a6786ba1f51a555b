// Writes what came of claimed jobs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "job/job.hpp"

namespace sluice::store {

/// A settlement of which nothing is written.
struct Unwritten {
  enum class Why {
    not_ours,  ///< its row was taken away or changed: rescued by another runtime, say
    locked,    ///< another session has locked its row
    refused,   ///< the database refused it
    untried,   ///< the database was away
  };
  std::size_t index = 0;  ///< into the settlements given
  Why why = Why::not_ours;
  std::string code;     ///< of what was refused: the SQLSTATE, empty where it is not known
  std::string message;  ///< the database's words, or who holds the lock, where that is known
  /// The error is of a kind that may also have to do with the server: it is out of something, the table or a
  /// right is missing, … Nothing was there to compare with.
  bool may_be_the_servers = false;
};

/// Writes what came of claimed jobs.
class FinishSession {
 public:
  virtual ~FinishSession() = default;

  /// Applies each settlement whose row is still pending or `processing`, as its claim left it, and whose
  /// claim still exists and is the newest that names the job; each has all of its effect (status, attempt
  /// record, schedule, output) or none. Deletes the `closing` claims, which are used up with these
  /// settlements; every other claim that a settlement names stays, and so does one of `closing` that an
  /// unwritten settlement names, unless that is not ours. Waits for nobody's row: what can't be written costs
  /// no other settlement. Returns the settlements that are not written, in their order.
  virtual std::vector<Unwritten> finish(const std::vector<job::Settlement>& settlements,
                                        const std::vector<std::int64_t>& closing) = 0;
  /// The same for what is suspected of being refused or locked.
  virtual std::vector<Unwritten> finish_with_care(const std::vector<job::Settlement>& settlements,
                                                  const std::vector<std::int64_t>& closing) {
    return finish(settlements, closing);
  }

  /// Makes those of `jobs` `processing` that are pending and still ours, and counts their attempts. `filled`
  /// are the claims of which all jobs that are left are marked then. Waits for nobody's row. Answers the new
  /// places of the rows, in the order of `jobs`; empty for those that it left as they were.
  virtual std::vector<std::string> mark(const std::vector<job::Ref>& jobs,
                                        const std::vector<std::int64_t>& filled) = 0;

  /// After Unavailable: those of `claims` that still exist. The outcomes of the others are written, by
  /// the call whose answer was lost, or their jobs were rescued.
  virtual std::vector<std::int64_t> living(const std::vector<std::int64_t>& claims) = 0;
};

/// Writes what came of jobs that asked for follow-up jobs or effects, on a connection of its own, so that
/// what a plugin's statements take or break is that plugin's.
class EffectSession {
 public:
  virtual ~EffectSession() = default;

  /// As FinishSession::finish, together with the follow-up jobs and effects of each, or not at all. The code
  /// of what was refused is "effect-23505", with the SQLSTATE. Deletes no claim.
  virtual std::vector<Unwritten> commit(const std::vector<job::Settlement>& settlements) = 0;
};

}  // namespace sluice::store
