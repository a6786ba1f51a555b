#include "workshop/private_server.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/scratch.hpp"

namespace sluice::workshop {
namespace {

namespace fs = std::filesystem;

class PrivateServerTest : public testing::Test {
 protected:
  PrivateServerTest() { chmod(scratch.path().c_str(), 0755); }  // so that the server's user can reach it
  test::Scratch scratch;
};

TEST_F(PrivateServerTest, IsInItsFolderAndHasAUrl) {
  const PrivateServer server(scratch.path("my pg"));
  EXPECT_EQ(server.home(), scratch.path("my pg"));
  EXPECT_EQ(server.url(), "postgresql://sluice@localhost:5432/postgres?host=" + scratch.path("my%20pg"));
  EXPECT_TRUE(server.make(-1).has_value());
  EXPECT_EQ(server.leftover(), 0);
  EXPECT_FALSE(server.ready(1));
}

TEST_F(PrivateServerTest, IsElsewhereIfThePathIsTooLongForASocket) {
  const std::string folder = scratch.path(std::string(100, 'x'));
  const fs::path home = PrivateServer(folder).home();
  EXPECT_TRUE(home.string().starts_with("/var/tmp/sluice-dev-")) << home;
  EXPECT_EQ(scratch.read(std::string(100, 'x') + "/home"), home.string() + "\n");
  EXPECT_EQ(PrivateServer(folder).home(), home) << "the next time, the server must be at the same place";
  fs::remove_all(home);
}

TEST_F(PrivateServerTest, UsesOnlyTheVersionThatCreatedTheData) {
  fs::create_directories(scratch.path("server/data"));
  scratch.write("server/data/PG_VERSION", "7\n");
  try {
    const PrivateServer server(scratch.path("server"));
    FAIL() << "the server would start with another version";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("install the package postgresql-7"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace sluice::workshop
