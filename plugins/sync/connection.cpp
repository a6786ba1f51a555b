#include "connection.hpp"

#include <poll.h>

#include <array>

#include "rows.hpp"
#include "trouble.hpp"

namespace data_sync {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// libpq's message on one line.
std::string one_line(const char* words) {
  std::string text = words == nullptr ? "" : words;
  for (char& c : text) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace

bool is_about_the_data(const std::string& sqlstate) {
  // A later job can add the row that a foreign key needs.
  if (sqlstate == "23503") return false;
  const std::string kind = sqlstate.substr(0, 2);
  return kind == "21" || kind == "22" || kind == "23" || kind == "44" || kind == "54" || kind == "P0";
}

Connection::Connection(const DatabaseTarget& config, const sluice::Job& job) : config_(config) {
  connect(config.url_file.empty() ? config.url : read_secret(config.url_file), job);
}

void Connection::connect(const std::string& url, const sluice::Job& job) {
  const std::array<const char*, 5> keys = {"dbname", "fallback_application_name", "client_encoding",
                                           "tcp_user_timeout", nullptr};
  const std::string silence = std::to_string((config_.statement_timeout + 5s).count());
  const std::array<const char*, 5> values = {url.c_str(), "sluice sync", "UTF8", silence.c_str(), nullptr};
  // libpq's error about an invalid URL could contain a password.
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(url.c_str(), nullptr), &PQconninfoFree);
  if (!parsed)
    throw Trouble("secret-file", "'" + config_.url_file + "' has no valid URL of a PostgreSQL database");
  connection_.reset(PQconnectStartParams(keys.data(), values.data(), 1));
  if (!connection_) throw std::bad_alloc();
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);  // by default they go to stderr
  const auto end = Clock::now() + config_.connect_timeout;
  const std::string what = "connecting to the database of " + config_.table;
  for (auto next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK; next = PQconnectPoll(connection_.get())) {
    if (next == PGRES_POLLING_FAILED || PQstatus(connection_.get()) == CONNECTION_BAD) {
      throw Trouble("database-connect", what + " failed: " + one_line(PQerrorMessage(connection_.get())));
    }
    wait(next == PGRES_POLLING_WRITING, end, what, job);
  }
}

void Connection::wait(bool for_writing, Time end, const std::string& what, const sluice::Job& job) {
  const auto events = static_cast<short>(for_writing ? POLLOUT | POLLIN : POLLIN);
  pollfd socket{PQsocket(connection_.get()), events, 0};
  constexpr int between_looks = 50;  // milliseconds between two checks for cancellation
  while (::poll(&socket, 1, between_looks) <= 0) {
    if (job.is_cancelled()) give_up(what, job);
    if (Clock::now() > end) give_up(what, job);
  }
}

// Tells the server to stop a statement whose result nobody waits for.
void Connection::give_up(const std::string& what, const sluice::Job& job) {
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(connection_.get()),
                                                                  &PQfreeCancel);
  std::array<char, 256> ignored{};
  if (cancel && job.is_cancelled()) PQcancel(cancel.get(), ignored.data(), ignored.size());
  connection_.reset();
  if (job.is_cancelled()) throw Cancelled();
  throw Trouble("database-timeout", what + ": the server did not answer in time");
}

Answers Connection::run(const std::string& sql, const std::vector<std::string>& parameters,
                        const std::string& what, const sluice::Job& job) {
  if (job.is_cancelled()) throw Cancelled();
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  if (PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                        values.data(), nullptr, nullptr, 0) != 1) {
    explain(nullptr, what);
  }
  // 5 s more than the server's own limit, which comes first if the server still answers.
  const auto end = Clock::now() + config_.statement_timeout + 5s;
  std::unique_ptr<PGresult, decltype(&PQclear)> last(nullptr, &PQclear);
  for (;;) {
    while (PQisBusy(connection_.get()) == 1) {
      wait(false, end, what, job);
      if (PQconsumeInput(connection_.get()) != 1) explain(nullptr, what);
    }
    PGresult* const result = PQgetResult(connection_.get());
    if (result == nullptr) break;
    last.reset(result);
  }
  const auto status = PQresultStatus(last.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) explain(last.get(), what);
  return Answers(last.release());
}

void Connection::explain(const PGresult* result, const std::string& what) const {
  const char* const state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (state == nullptr) {
    throw Trouble("database-connection",
                  what + ": the connection broke: " + one_line(PQerrorMessage(connection_.get())));
  }
  const std::string code = std::string("database-") + state;
  // Only the primary message, because the detail shows whole rows. It can quote a value of any length.
  constexpr std::size_t longest = 200;
  const std::string said =
      what + ": " + shortened(one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)), longest);
  if (is_about_the_data(state)) {
    const char* const column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
    throw BadRecord(code, said, column == nullptr ? "" : column);
  }
  const bool mendable = std::string(state).compare(0, 2, "42") == 0 || std::string(state) == "3F000";
  throw Trouble(
      code,
      said + (mendable ? "; check table, key and columns of the target, and its role's privileges" : ""));
}

void Connection::begin(const sluice::Job& job) {
  const std::string what = "beginning a transaction for " + config_.table;
  run("BEGIN", {}, what, job);
  run("SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true)",
      {std::to_string(config_.statement_timeout.count()), std::to_string(config_.lock_timeout.count())}, what,
      job);
}

void Connection::commit(const sluice::Job& job) {
  run("COMMIT", {}, "committing the rows of " + config_.table, job);
}

// Closing the connection rolls back too, and unlike ROLLBACK it can't hang.
void Connection::roll_back() noexcept {
  if (connection_ && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) connection_.reset();
}

}  // namespace data_sync
