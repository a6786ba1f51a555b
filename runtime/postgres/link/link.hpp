// One connection to PostgreSQL, made at first use and again after it was lost. Translates the driver's errors
// into the store's. Used by one thread. Inside runtime/postgres only.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <utility>

#include "postgres/interface.hpp"
#include "postgres/link/call_watch.hpp"
#include "postgres/link/connection_string.hpp"

namespace sluice::postgres {

/// For a call about which nothing more is known: enough time to wait for a lock, or to move a lot of data.
inline constexpr std::chrono::seconds usual_bound{60};
/// For calls that may take any time, because somebody waits for them who can end them.
inline constexpr CallWatch::Clock::duration unbounded = CallWatch::Clock::duration::max();

class Link {
 public:
  /// `on_connect` prepares each new connection.
  explicit Link(ConnectionString target, std::function<void(pqxx::connection&)> on_connect = {});
  /// Finds who holds the lock that a call waited for, as a phrase; empty if it is unknown.
  using Finder = std::function<std::string(pqxx::transaction_base&)>;
  /// If the target has a statement limit, HeldUp names who `finder` finds.
  void name_holders(Finder finder) { finder_ = std::move(finder); }
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Runs `work(pqxx::connection&)`, which does one transaction or one statement. It is run again if it was
  /// rolled back as the victim of a deadlock. `what` tells in messages what was tried. Without an answer
  /// within `bound`, the connection is given up. Throws Unavailable or Refused; if the target has a statement
  /// limit, TimedOut or HeldUp where that was exceeded, and the connection stays. Other exceptions of `work`
  /// pass through.
  template <typename Work>
  auto use(std::string_view what, Work&& work, CallWatch::Clock::duration bound = usual_bound) {
    CallWatch::Call call(*target_.watch, bounded(bound));
    for (int attempt = 1;; ++attempt) {
      try {
        return work(connection(call));
      } catch (const pqxx::failure& error) {
        recover(what, error, attempt, call);
      }
    }
  }

  /// Like use(), for a single statement: `step(pqxx::transaction_base&)`, which runs under our settings even
  /// if the session can't keep them.
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
  /// The same for several statements: a transaction, which is committed when `step` returns.
  template <typename Step>
  auto transact(std::string_view what, Step&& step, CallWatch::Clock::duration bound = usual_bound) {
    return use(
        what, [&](pqxx::connection& connection) { return transact(connection, step); }, bound);
  }

  /// Connection pools in transaction mode keep no settings and no prepared statements of a session. Either
  /// the URL says that there is a pool, or the connection turned out to use one.
  bool pooled() const { return pooled_; }
  /// The last known state.
  bool connected() const { return connection_ != nullptr; }
  /// The database has no encoding, so texts from it may be any bytes. Known once connected.
  bool unencoded() const { return unencoded_; }
  const std::string& description() const { return target_.description; }
  /// Begins a transaction. If the session can't keep settings, sets those that the statements depend on.
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
  CallWatch::Clock::duration bounded(CallWatch::Clock::duration bound) const;
  std::string limits(const char* scope) const;
  std::string lock_holder(CallWatch::Call& call);
  [[noreturn]] void give_up_waiting(const std::string& tried, const std::string& state,
                                    const std::string& said, CallWatch::Call& call);
  void recover(std::string_view what, const pqxx::failure& error, int attempt, CallWatch::Call& call);
  void disconnect() noexcept;

  ConnectionString target_;
  bool pooled_;
  bool unencoded_ = false;
  std::function<void(pqxx::connection&)> on_connect_;
  Finder finder_;
  std::unique_ptr<pqxx::connection> connection_;
  std::unique_ptr<pqxx::errorhandler> silence_;  // keeps notices away from standard error
};

/// True if connections to `target` go through a pool in transaction mode. Asks the server if the URL does not
/// tell.
bool goes_through_pool(const ConnectionString& target);

/// The SQLSTATE of `error`, empty if it has none.
std::string sql_state(const pqxx::failure& error);

/// True for an SQLSTATE that is not the statement's fault: the server is shutting down or starting up, lacks
/// a resource, or gave up waiting.
bool is_passing(const std::string& state);

/// The statement exceeded its limit, or the limit for waiting for a lock.
bool gave_up_waiting(const pqxx::sql_error& error);

/// The first line of the server's message, without "ERROR:", and its DETAIL or HINT.
std::string server_message(std::string_view text);

}  // namespace sluice::postgres
