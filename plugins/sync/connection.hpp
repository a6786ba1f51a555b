// A connection to PostgreSQL with time limits. It also stops waiting if the job is cancelled.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <optional>
#include <sluice/job.hpp>
#include <string>
#include <vector>

#include "bad_record.hpp"
#include "config.hpp"

namespace data_sync {

/// The rows of one statement, as text.
class Answers {
 public:
  explicit Answers(PGresult* result) : result_(result, &PQclear) {}
  int size() const { return PQntuples(result_.get()); }
  std::string text(int row, int column) const { return PQgetvalue(result_.get(), row, column); }
  std::int64_t integer(int row, int column) const { return std::stoll(text(row, column)); }

 private:
  std::unique_ptr<PGresult, decltype(&PQclear)> result_;
};

class Connection {
 public:
  /// Connects. Throws Trouble or Cancelled. `config` must outlive the connection.
  Connection(const DatabaseTarget& config, const sluice::Job& job);

  /// Whether it was open when it was last used.
  bool is_open() const { return PQstatus(connection_.get()) == CONNECTION_OK; }
  /// `what` is for errors: what was tried. Throws BadRecord if the data caused the error, otherwise Trouble,
  /// or Cancelled.
  Answers run(const std::string& sql, const std::vector<std::string>& parameters, const std::string& what,
              const sluice::Job& job);
  /// Runs `work`. If it throws BadRecord, its changes are undone, and the transaction can continue.
  template <class Work>
  void attempt(const sluice::Job& job, Work work) {
    run("SAVEPOINT attempt", {}, "setting a savepoint", job);
    try {
      work();
    } catch (const BadRecord&) {
      run("ROLLBACK TO SAVEPOINT attempt", {}, "rolling back to a savepoint", job);
      run("RELEASE SAVEPOINT attempt", {}, "releasing a savepoint", job);
      throw;
    }
    run("RELEASE SAVEPOINT attempt", {}, "releasing a savepoint", job);
  }
  /// Begins a transaction, with the time limits of the configuration.
  void begin(const sluice::Job& job);
  void commit(const sluice::Job& job);
  /// Ends a transaction, which can have failed.
  void roll_back() noexcept;

 private:
  using Time = std::chrono::steady_clock::time_point;

  void connect(const std::string& url, const sluice::Job& job);
  void wait(bool for_writing, Time end, const std::string& what, const sluice::Job& job);
  [[noreturn]] void give_up(const std::string& what, const sluice::Job& job);
  [[noreturn]] void explain(const PGresult* result, const std::string& what) const;

  const DatabaseTarget& config_;
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, &PQfinish};
};

/// Whether the data caused an error with that SQLSTATE, so that it would occur again: a pure decision.
bool is_about_the_data(const std::string& sqlstate);

}  // namespace data_sync
