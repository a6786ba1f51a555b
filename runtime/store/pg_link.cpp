#include "store/pg_link.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::store {

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

// A process or a machine that freezes between two statements must not keep its locks, or nobody could
// rescue its jobs: the server ends its session.
std::string lock_limits(const std::string& scope) {
  return scope + " idle_in_transaction_session_timeout = '5s'; " + scope + " tcp_user_timeout = '15s'";
}

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
    : target_(std::move(target)), on_connect_(std::move(on_connect)) {}

Link::~Link() {
  disconnect();
}

void Link::disconnect() noexcept {
  silence_.reset();
  connection_.reset();
}

pqxx::connection& Link::connection() {
  if (connection_ && connection_->is_open()) return *connection_;
  disconnect();
  refresh(target_);
  connection_ = std::make_unique<pqxx::connection>(target_.conninfo);
  silence_ = std::make_unique<pqxx::quiet_errorhandler>(*connection_);
  try {
    if (!pooled()) pqxx::nontransaction(*connection_).exec(lock_limits("SET"));
    if (on_connect_) on_connect_(*connection_);
  } catch (const std::exception&) {
    disconnect();  // half prepared, it must not be used
    throw;
  }
  return *connection_;
}

void Link::limit(pqxx::transaction_base& transaction) const {
  if (pooled()) transaction.exec(lock_limits("SET LOCAL"));
}

void Link::recover(std::string_view what, const pqxx::failure& error, int attempt) {
  if (was_rolled_back(error) && attempt < most_attempts) return;
  const std::string state = sql_state(error);
  const bool lost = is_lost(error) || is_passing(state) || !connection_ || !connection_->is_open();
  std::string message = "could not " + std::string(what) + " in " + target_.description + ": " +
                        scrubbed(server_message(error.what()), target_.secrets);
  if (!state.empty()) message += " [" + state + "]";
  if (!lost) throw Refused(message);
  disconnect();
  throw Unavailable(message);
}

}  // namespace sluice::store
