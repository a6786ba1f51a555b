// What every call of a store may throw.
#pragma once

#include <stdexcept>
#include <string>

namespace sluice::store {

/// The database can't be reached, or went away during the call: what was asked may or may not have
/// happened. ClaimSession::reconcile and FinishSession::living find out.
class Unavailable : public std::runtime_error {
 public:
  explicit Unavailable(const std::string& what, bool answered = false)
      : std::runtime_error(what), answered_(answered) {}
  /// The database did answer, and can't do what was asked now: it is out of something, starts up, …
  bool answered() const { return answered_; }

 private:
  bool answered_;
};

/// There was no answer for so long that it was waited for no longer.
class Unanswered : public Unavailable {
  using Unavailable::Unavailable;
};

/// Somebody holds a lock that was not waited for any longer; nothing was done.
class HeldUp : public Unavailable {
 public:
  explicit HeldUp(const std::string& what) : Unavailable(what, true) {}
};

/// The database answered and said no: a missing table, a missing right, …
class Refused : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Another runtime presumed this one dead and rescued its claims: enlist again under a new id.
class Fenced : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace sluice::store
