// One connection to PostgreSQL, made at first use and again after it was lost, and the translation of
// the driver's errors into the store's. Used by one thread. Inside runtime/postgres only.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <string_view>

#include "postgres/interface.hpp"
#include "postgres/link/call_watch.hpp"
#include "postgres/link/connection_string.hpp"

namespace sluice::postgres {

/// For one call, unless more is known about it: time enough for what waits for a lock, or moves a lot.
inline constexpr std::chrono::seconds usual_bound{60};
/// For what may take any time, as somebody waits for it who can end it.
inline constexpr CallWatch::Clock::duration unbounded = CallWatch::Clock::duration::max();

class Link {
 public:
  /// `on_connect` prepares each new connection.
  explicit Link(ConnectionString target, std::function<void(pqxx::connection&)> on_connect = {});
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Runs `work(pqxx::connection&)`, which does one transaction or one statement; again when it was
  /// rolled back as the victim of a deadlock. `what` says in messages what was tried. Without an answer
  /// within `bound` the connection is given up. Throws Unavailable or Refused; what `work` throws of its own
  /// passes through.
  template <typename Work>
  auto use(std::string_view what, Work&& work, CallWatch::Clock::duration bound = usual_bound) {
    CallWatch::Call call(*target_.watch, bound);
    for (int attempt = 1;; ++attempt) {
      try {
        return work(connection(call));
      } catch (const pqxx::failure& error) {
        recover(what, error, attempt, call);
      }
    }
  }

  /// As use(), for a single statement: `step(pqxx::transaction_base&)`, which finds our settings, also where
  /// the session can't keep them.
  template <typename Step>
  auto ask(std::string_view what, Step&& step, CallWatch::Clock::duration bound = usual_bound) {
    return use(
        what,
        [&](pqxx::connection& connection) {
          if (pooled()) return transact(connection, step);
          pqxx::nontransaction session(connection);
          return step(session);
        },
        bound);
  }
  /// The same for several statements: a transaction, committed when `step` returns.
  template <typename Step>
  auto transact(std::string_view what, Step&& step, CallWatch::Clock::duration bound = usual_bound) {
    return use(
        what, [&](pqxx::connection& connection) { return transact(connection, step); }, bound);
  }

  /// Connection pools in transaction mode know no settings and no prepared statements of a session. The URL
  /// says that there is one, or the connection turned out to go through one.
  bool pooled() const { return pooled_; }
  /// What was last known of it.
  bool connected() const { return connection_ != nullptr; }
  /// The database has no encoding: texts that come out of it may be anything. Known when connected.
  bool unencoded() const { return unencoded_; }
  const std::string& description() const { return target_.description; }
  /// Begins a transaction: where the session can't keep settings, sets those that statements depend on.
  void limit(pqxx::transaction_base& transaction) const;

 private:
  template <typename Step>
  auto transact(pqxx::connection& connection, Step&& step) {
    pqxx::work work(connection);
    limit(work);
    auto answer = step(work);
    work.commit();
    return answer;
  }
  pqxx::connection& connection(CallWatch::Call& call);
  void connect(CallWatch::Call& call);
  void settle_in();
  void recover(std::string_view what, const pqxx::failure& error, int attempt, CallWatch::Call& call);
  void disconnect() noexcept;

  ConnectionString target_;
  bool pooled_;
  bool unencoded_ = false;
  std::function<void(pqxx::connection&)> on_connect_;
  std::unique_ptr<pqxx::connection> connection_;
  std::unique_ptr<pqxx::errorhandler> silence_;  // keeps notices off standard error
};

/// True when connections to `target` go through a pool in transaction mode; asks the server where the URL
/// does not say so.
bool goes_through_pool(const ConnectionString& target);

/// The SQLSTATE of `error`, empty when it has none.
std::string sql_state(const pqxx::failure& error);

/// True for an SQLSTATE that says nothing against the statement: the server goes away, starts up, is out of
/// something, or gave up waiting.
bool is_passing(const std::string& state);

/// The statement waited for a lock, or took, longer than it was to.
bool gave_up_waiting(const pqxx::sql_error& error);

/// The first line of what the server said, without "ERROR:", and its DETAIL or HINT.
std::string server_message(std::string_view text);

}  // namespace sluice::postgres
