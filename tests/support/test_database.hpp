// A PostgreSQL database of one test's own: made with a unique name, dropped in the end. The server is
// named by the environment variable SLUICE_TEST_DATABASE_URL, whose user may create databases; without
// it the constructor throws, so that a test fails and is never skipped.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <vector>

namespace sluice::test {

/// A connection for arranging and looking, next to the store's own.
class Session {
 public:
  explicit Session(const std::string& url);

  /// Runs one or more statements; throws std::runtime_error with the server's message.
  void exec(const std::string& sql);
  /// The first column of the first row, as text; "" without a row or when it is null.
  std::string value(const std::string& sql, const std::vector<std::string>& parameters = {});
  /// All rows, columns joined by '|', one line each.
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
  /// The same database as another role, without a password.
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
