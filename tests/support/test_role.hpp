// A database role for one test. Roles belong to the whole server, so its name is unique. At the end it is
// dropped, together with everything that it owns and its rights in the test's database.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>

#include "support/test_database.hpp"

namespace sluice::test {

class TestRole {
 public:
  TestRole(TestDatabase& database, const std::string& purpose)
      : database_(database), name_(database.name() + "_" + purpose) {
    database_.exec("CREATE ROLE " + name_ + " LOGIN");
  }
  ~TestRole() {
    try {
      database_.exec("DROP OWNED BY " + name_ + " CASCADE; DROP ROLE " + name_);
    } catch (const std::runtime_error& error) {
      std::fprintf(stderr, "role %s was left behind: %s\n", name_.c_str(), error.what());
    }
  }
  TestRole(const TestRole&) = delete;
  TestRole& operator=(const TestRole&) = delete;

  const std::string& name() const { return name_; }
  std::string url() const { return database_.url_as(name_); }

 private:
  TestDatabase& database_;
  const std::string name_;
};

}  // namespace sluice::test
