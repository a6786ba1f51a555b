// A PostgreSQL database for one test, created with a unique name and dropped at the end. The environment
// variable SLUICE_TEST_DATABASE_URL names the server and a user who may create databases. Without it, the
// constructor throws std::runtime_error, so that a test fails and is not skipped.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <vector>

namespace sluice::test {

/// A connection of the test, besides the store's own.
class Session {
 public:
  explicit Session(const std::string& url);

  /// Runs one or more statements. Throws std::runtime_error with the server's message if one fails.
  void exec(const std::string& sql);
  /// The first column of the first row, as text; "" if there is no row or the value is null.
  std::string value(const std::string& sql, const std::vector<std::string>& parameters = {});
  /// All rows, one line each, columns joined by '|'.
  std::string rows(const std::string& sql);

 private:
  using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;
  Result checked(PGresult* result, const std::string& sql);

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

class TestDatabase {
 public:
  explicit TestDatabase(const std::string& encoding = "UTF8");
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& name() const { return name_; }
  const std::string& url() const { return url_; }
  /// The URL of the same database for another role, without a password.
  std::string url_as(const std::string& user) const;

  void exec(const std::string& sql) { session_->exec(sql); }
  std::string value(const std::string& sql, const std::vector<std::string>& parameters = {}) {
    return session_->value(sql, parameters);
  }
  std::string rows(const std::string& sql) { return session_->rows(sql); }

 private:
  std::string name_;
  std::string url_;
  std::unique_ptr<Session> session_;
};

}  // namespace sluice::test
