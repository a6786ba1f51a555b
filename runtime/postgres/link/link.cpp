#include "postgres/link/link.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <utility>

#include "base/duration.hpp"
#include "base/log.hpp"
#include "base/threads.hpp"
#include "base/without_signals.hpp"
#include "postgres/link/session_settings.hpp"
#include "postgres/link/text.hpp"

namespace sluice::postgres {

namespace {

constexpr int most_attempts = 5;

bool was_rolled_back(const pqxx::failure& error) {
  if (dynamic_cast<const pqxx::statement_completion_unknown*>(&error) != nullptr) return false;
  return dynamic_cast<const pqxx::transaction_rollback*>(&error) != nullptr;
}

bool is_lost(const pqxx::failure& error) {
  return dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr ||
         dynamic_cast<const pqxx::in_doubt_error*>(&error) != nullptr ||
         dynamic_cast<const pqxx::transaction_rollback*>(&error) != nullptr;
}

void warn_of_pool(const std::string& description) {
  static std::atomic<bool> said = false;
  if (said.exchange(true)) return;
  log::warn(
      "the connection goes through a pool; to leave the pool's sessions unchanged, sluice applies its "
      "settings in each transaction and can't listen for new jobs; add pgbouncer=true to DATABASE_URL, or "
      "connect to the server directly; if the pool keeps sessions, add pgbouncer=false",
      {{"database", description}});
}

/// A connection that is being made. Neither libpq nor the resolver can be told to give up, so a separate
/// thread makes it, and nobody has to wait for that thread.
struct Attempt {
  base::Mutex mutex;
  base::Condition changed;
  std::unique_ptr<pqxx::connection> connection GUARDED_BY(mutex);
  std::exception_ptr error GUARDED_BY(mutex);
  bool over GUARDED_BY(mutex) = false;
  bool given_up GUARDED_BY(mutex) = false;

  void make(const std::string& conninfo) {
    std::unique_ptr<pqxx::connection> made;
    std::exception_ptr failure;
    try {
      made = std::make_unique<pqxx::connection>(conninfo);
    } catch (...) {
      failure = std::current_exception();
    }
    const base::Lock lock(mutex);
    if (!given_up) connection = std::move(made);
    error = std::move(failure);  // one owner: the sanitizer sees no counts inside libstdc++
    over = true;
    changed.notify_all();
  }
  void give_up() {
    const base::Lock lock(mutex);
    given_up = true;
    changed.notify_all();
  }
  std::unique_ptr<pqxx::connection> wait() {
    const base::Lock lock(mutex);
    while (!over && !given_up) changed.wait(mutex);
    if (error) std::rethrow_exception(std::exchange(error, nullptr));
    if (!connection) throw pqxx::broken_connection("the connection was given up");
    return std::move(connection);
  }
};

/// libpqxx 6 would reconnect in the middle of our work, without our settings and without a time limit. The
/// only way to forbid that is deprecated.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
template <typename Connection>
void keep_broken(Connection& connection) {
  if constexpr (requires { connection.inhibit_reactivation(true); }) connection.inhibit_reactivation(true);
}
#pragma GCC diagnostic pop

std::string_view without_prefix(std::string_view line) {
  for (const std::string_view prefix : {"ERROR:", "FATAL:", "PANIC:"}) {
    if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
  }
  while (line.starts_with(' ')) line.remove_prefix(1);
  return line;
}

}  // namespace

std::string sql_state(const pqxx::failure& error) {
  const auto* refused = dynamic_cast<const pqxx::sql_error*>(&error);
  return refused == nullptr ? std::string() : refused->sqlstate();
}

bool is_passing(const std::string& state) {
  static constexpr std::array<std::string_view, 7> states{"25006", "25P03", "55P03", "57014",
                                                          "57P01", "57P02", "57P03"};
  for (const auto passing : states) {
    if (state == passing) return true;
  }
  return state.starts_with("08") || state.starts_with("53") || state.starts_with("40") ||
         state.starts_with("58");
}

/// Data exceptions, and values that are nested too deep for the server's stack.
static bool is_of_value(const std::string& state) {
  return state.starts_with("22") || state == "54001";
}

bool gave_up_waiting(const pqxx::sql_error& error) {
  const std::string& state = error.sqlstate();
  return state == "55P03" || state == "57014";
}

std::string server_message(std::string_view text) {
  std::string message;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (message.empty()) {
      message = without_prefix(line);
    } else if (line.starts_with("DETAIL:") || line.starts_with("HINT:")) {
      message.append(" (").append(line).append(")");
    }
  }
  return message;
}

Link::Link(ConnectionString target, std::function<void(pqxx::connection&)> on_connect)
    : target_(std::move(target)), pooled_(target_.pooled), on_connect_(std::move(on_connect)) {}

Link::~Link() {
  disconnect();
}

void Link::disconnect() noexcept {
  silence_.reset();
  connection_.reset();
}

pqxx::connection& Link::connection(CallWatch::Call& call) {
  call.detach();
  if (!connection_ || !connection_->is_open()) connect(call);
  call.attach([socket = connection_->sock()] { shutdown(socket, SHUT_RDWR); });
  return *connection_;
}

void Link::connect(CallWatch::Call& call) {
  disconnect();
  refresh(target_);
  const auto attempt = std::make_shared<Attempt>();
  call.attach([attempt] { attempt->give_up(); });
  {
    const base::WithoutSignals guard;
    base::Thread([attempt, conninfo = target_.conninfo] { attempt->make(conninfo); }).detach();
  }
  connection_ = attempt->wait();
  silence_ = std::make_unique<pqxx::quiet_errorhandler>(*connection_);
  keep_broken(*connection_);
  call.attach([socket = connection_->sock()] { shutdown(socket, SHUT_RDWR); });
  try {
    settle_in();
    if (on_connect_) on_connect_(*connection_);
  } catch (const std::exception&) {
    call.detach();
    disconnect();  // it is only partly prepared and must not be used
    throw;
  }
}

/// A pool answers with a process number of its own.
void Link::settle_in() {
  pqxx::nontransaction session(*connection_);
  const auto row =
      session.exec("SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_encoding')")[0];
  unencoded_ = text_of(row[1]) == "SQL_ASCII";
  pooled_ = target_.pooled;
  if (!pooled_ && !target_.unpooled && row[0].as<int>() != connection_->backendpid()) {
    pooled_ = true;
    warn_of_pool(target_.description);
  }
  if (!pooled_) session.exec(session_settings() + limits("SET"));
}

std::string Link::limits(const char* scope) const {
  if (target_.statement_limit.count() == 0) return {};
  const std::string set = std::string("; ") + scope;
  return set + " lock_timeout = " + std::to_string(lock_patience.count()) + set +
         " statement_timeout = " + std::to_string(target_.statement_limit.count());
}

/// Of several statements, where each has a limit.
CallWatch::Clock::duration Link::bounded(CallWatch::Clock::duration bound) const {
  constexpr CallWatch::Clock::duration limited_bound = std::chrono::seconds(15);
  return target_.statement_limit.count() == 0 ? bound : std::min(bound, limited_bound);
}

void Link::limit(pqxx::transaction_base& transaction) const {
  if (pooled()) transaction.exec(transaction_settings() + limits("SET LOCAL"));
}

bool goes_through_pool(const ConnectionString& target) {
  if (target.pooled || target.unpooled) return target.pooled;
  try {
    Link link(target);
    return link.use("connect", [&](pqxx::connection&) { return link.pooled(); });
  } catch (const std::runtime_error&) {
    return false;  // the next connection attempt finds out
  }
}

std::string Link::lock_holder(CallWatch::Call& call) {
  if (!finder_) return {};
  try {
    pqxx::work work(connection(call));
    limit(work);
    return finder_(work);
  } catch (const std::exception&) {
    return {};  // the message then does without
  }
}

/// The wait is over, so the server can't tell any more who was in the way. Whoever holds a lock still does.
void Link::give_up_waiting(const std::string& tried, const std::string& state, const std::string& said,
                           CallWatch::Call& call) {
  const std::string holder = lock_holder(call);
  call.detach();
  if (!holder.empty())
    throw HeldUp(tried + holder + " holds a lock; try again when that session has ended its transaction");
  if (state == "55P03") throw HeldUp(tried + said + "; another session holds a lock: try again later");
  throw TimedOut(tried + "it took longer than " + base::format_duration(target_.statement_limit) +
                 " and was given up; ask for less, or again when the database has less to do");
}

void Link::recover(std::string_view what, const pqxx::failure& error, int attempt, CallWatch::Call& call) {
  call.detach();
  if (call.ended()) {
    disconnect();
    throw Unanswered("could not " + std::string(what) + " in " + target_.description + ": " + call.reason());
  }
  if (was_rolled_back(error) && attempt < most_attempts) return;
  const std::string state = sql_state(error);
  const std::string tried = "could not " + std::string(what) + " in " + target_.description + ": ";
  const bool limited = target_.statement_limit.count() > 0 && connection_ && connection_->is_open();
  if (limited && (state == "57014" || state == "55P03"))
    give_up_waiting(tried, state, scrubbed(server_message(error.what()), target_.secrets), call);
  const bool lost = is_lost(error) || is_passing(state) || !connection_ || !connection_->is_open();
  std::string message = tried + scrubbed(server_message(error.what()), target_.secrets);
  if (!state.empty()) message += " [" + state + "]";
  if (!lost && is_of_value(state)) throw Invalid(message);
  if (!lost) throw Refused(message);
  const bool answered = !state.empty() && connection_ && connection_->is_open();
  disconnect();
  throw Unavailable(message, answered);
}

}  // namespace sluice::postgres
