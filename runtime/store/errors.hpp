// Exceptions that every call of a store may throw.
#pragma once

#include <stdexcept>
#include <string>

namespace sluice::store {

/// The database can't be reached, or was lost during the call: the request may or may not have been executed.
/// ClaimSession::reconcile and FinishSession::living find out.
class Unavailable : public std::runtime_error {
 public:
  explicit Unavailable(const std::string& what, bool answered = false)
      : std::runtime_error(what), answered_(answered) {}
  /// The database answered, but can't execute the request now: it lacks a resource, is starting up, …
  bool answered() const { return answered_; }

 private:
  bool answered_;
};

/// There was no answer within the time limit.
class Unanswered : public Unavailable {
  using Unavailable::Unavailable;
};

/// Another session holds a lock for which the call did not wait any longer. Nothing was done.
class HeldUp : public Unavailable {
 public:
  explicit HeldUp(const std::string& what) : Unavailable(what, true) {}
};

/// The server ended a statement that exceeded its own time limit. The session stays usable.
class TimedOut : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The database answered and refused: a missing table, a missing right, …
class Refused : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The same because of a value in the request, which the database can't take or read.
class Invalid : public Refused {
  using Refused::Refused;
};

/// Another runtime presumed this one dead and took its claims. Enlist again under a new id.
class Fenced : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace sluice::store
