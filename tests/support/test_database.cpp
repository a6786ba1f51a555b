#include "support/test_database.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <stdexcept>

namespace sluice::test {

namespace {

using Parameters = std::map<std::string, std::string>;

std::string admin_url() {
  const char* url = std::getenv("SLUICE_TEST_DATABASE_URL");
  if (url == nullptr || *url == '\0') {
    throw std::runtime_error(
        "SLUICE_TEST_DATABASE_URL is not set: this test needs a PostgreSQL server in which it may create "
        "databases; run it through ctest, or start one with tests/postgres.sh start DIR");
  }
  return url;
}

std::string unique_name() {
  std::random_device random;
  return "sluice_test_" + std::to_string(getpid()) + "_" + std::to_string(random());
}

std::string percent_encoded(const std::string& text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

// The admin's URL with some parameters replaced.
std::string url_with(const Parameters& changes) {
  Parameters parameters;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(admin_url().c_str(), nullptr), &PQconninfoFree);
  if (!options) throw std::runtime_error("SLUICE_TEST_DATABASE_URL can't be parsed");
  for (const PQconninfoOption* o = options.get(); o->keyword != nullptr; ++o) {
    if (o->val != nullptr) parameters[o->keyword] = o->val;
  }
  for (const auto& [key, value] : changes) parameters[key] = value;
  std::string url = "postgresql://";
  char separator = '?';
  for (const auto& [key, value] : parameters) {
    url.append(1, separator).append(key).append("=").append(percent_encoded(value));
    separator = '&';
  }
  return url;
}

}  // namespace

Session::Session(const std::string& url) : connection_(PQconnectdb(url.c_str()), &PQfinish) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    throw std::runtime_error(std::string("the test database can't be reached: ") +
                             PQerrorMessage(connection_.get()));
  }
  exec("SET client_min_messages = warning");
}

Session::Result Session::checked(PGresult* result, const std::string& sql) {
  Result owned(result, &PQclear);
  const auto status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return owned;
  const std::string message = PQerrorMessage(connection_.get());
  if (PQstatus(connection_.get()) != CONNECTION_OK)
    PQreset(connection_.get());  // so that the next call works
  throw std::runtime_error(message + " in: " + sql.substr(0, 500));
}

void Session::exec(const std::string& sql) {
  checked(PQexec(connection_.get(), sql.c_str()), sql);
}

std::string Session::value(const std::string& sql, const std::vector<std::string>& parameters) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter.c_str());
  const auto result = checked(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()),
                                           nullptr, values.data(), nullptr, nullptr, 0),
                              sql);
  return PQntuples(result.get()) == 0 ? "" : PQgetvalue(result.get(), 0, 0);
}

std::string Session::rows(const std::string& sql) {
  const auto result = checked(PQexec(connection_.get(), sql.c_str()), sql);
  std::string text;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      if (column > 0) text += '|';
      text += PQgetvalue(result.get(), row, column);
    }
    text += '\n';
  }
  return text;
}

TestDatabase::TestDatabase(const std::string& encoding)
    : name_(unique_name()), url_(url_with({{"dbname", name_}})) {
  const std::string locale = encoding == "UTF8" ? "" : " LC_COLLATE 'C' LC_CTYPE 'C'";
  Session(admin_url())
      .exec("CREATE DATABASE " + name_ + " TEMPLATE template0 ENCODING '" + encoding + "'" + locale);
  session_ = std::make_unique<Session>(url_);
}

TestDatabase::~TestDatabase() {
  session_.reset();
  try {
    Session(admin_url()).exec("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "database %s was left behind: %s\n", name_.c_str(), error.what());
  }
}

std::string TestDatabase::url_as(const std::string& user) const {
  return url_with({{"dbname", name_}, {"user", user}});
}

}  // namespace sluice::test
