// One connection: what the server does for us when we can't.
#include "store/pg_link.hpp"

#include <gtest/gtest.h>

#include "support/test_database.hpp"

namespace sluice::store {
namespace {

// As a machine that is frozen in the middle of a transaction.
TEST(Link, ATransactionThatStandsStillLosesItsLocks) {
  test::TestDatabase database;
  database.exec("CREATE TABLE one AS SELECT 1 AS n");
  Link link(parse_connection_string(database.url()));
  const auto stand_still = [&](pqxx::connection& connection) {
    pqxx::work work(connection);
    work.exec("UPDATE one SET n = 2");
    database.exec("UPDATE one SET n = n + 10");  // waits for the lock
    work.commit();
  };
  EXPECT_THROW(link.use("stand still", stand_still), Unavailable);
  EXPECT_EQ(database.value("SELECT n FROM one"), "11");
}

}  // namespace
}  // namespace sluice::store
