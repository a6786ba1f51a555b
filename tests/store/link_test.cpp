// A single connection: time limits, by the server and by the client.
#include "postgres/link/link.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "support/test_database.hpp"
#include "support/wait.hpp"

namespace sluice::postgres {
namespace {

// Simulates a client that is frozen in the middle of a transaction.
TEST(Link, AnIdleTransactionLosesItsLocks) {
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

std::string failure_of(Link& link, const std::string& sql, CallWatch::Clock::duration bound) {
  try {
    link.use(
        "ask", [&](pqxx::connection& connection) { pqxx::nontransaction(connection).exec(sql); }, bound);
    return "";
  } catch (const Unavailable& error) {
    return error.what();
  }
}

TEST(Link, ACallWithoutAnAnswerIsGivenUp) {
  test::TestDatabase database;
  Link link(parse_connection_string(database.url()));
  const std::string said = failure_of(link, "SELECT pg_sleep(600)", std::chrono::milliseconds(200));
  EXPECT_NE(said.find("could not ask in database"), std::string::npos) << said;
  EXPECT_NE(said.find("no answer within 200 ms"), std::string::npos) << said;
  EXPECT_EQ(failure_of(link, "SELECT 1", usual_bound), "") << "the link must reconnect";
}

TEST(Link, NoCallExceedsTheLimitOfItsStore) {
  test::TestDatabase database;
  const ConnectionString target = parse_connection_string(database.url());
  Link link(target), other(target);
  EXPECT_EQ(failure_of(link, "SELECT 1", usual_bound), "");
  std::jthread limiting([&] {
    ASSERT_TRUE(test::eventually([&] {
      return database.value("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(601)'") ==
             "1";
    }));
    target.watch->limit(CallWatch::Clock::now());
  });
  EXPECT_NE(failure_of(link, "SELECT pg_sleep(601)", unbounded).find("because sluice is stopping"),
            std::string::npos);
  EXPECT_NE(failure_of(other, "SELECT 1", usual_bound).find("because sluice is stopping"), std::string::npos);
  target.watch->limit(CallWatch::Clock::time_point::max());
  EXPECT_EQ(failure_of(other, "SELECT 1", usual_bound), "");
}

// Simulates a server that hangs: the kernel accepts the connection, but nothing answers.
TEST(Link, AConnectionWithoutAnAnswerIsGivenUp) {
  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(silent, 1), 0);
  ASSERT_EQ(getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
  Link link(
      parse_connection_string("postgresql://nobody@127.0.0.1:" + std::to_string(ntohs(address.sin_port)) +
                              "/none?sslmode=disable&connect_timeout=600"));
  const std::string said = failure_of(link, "SELECT 1", std::chrono::milliseconds(200));
  EXPECT_NE(said.find("no answer within 200 ms"), std::string::npos) << said;
  close(silent);
}

}  // namespace
}  // namespace sluice::postgres
