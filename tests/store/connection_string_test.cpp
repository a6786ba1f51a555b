#include "postgres/link/connection_string.hpp"

#include <gtest/gtest.h>

#include "postgres/postgres_store.hpp"
#include "support/scratch.hpp"
#include "world.hpp"

namespace sluice::postgres {
namespace {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string refusal(const std::string& url) {
  try {
    parse_connection_string(url);
    return "";
  } catch (const Refused& error) {
    return error.what();
  }
}

TEST(ConnectionString, DropsParametersThatOnlyPrismaKnows) {
  const auto read = parse_connection_string(
      "postgres://app:secret@db.example:6432/"
      "shop?schema=sales&connection_limit=5&pgbouncer=true&pool_timeout=3"
      "&socket_timeout=9&statement_cache_size=0&connect_timeout=4");
  EXPECT_EQ(read.schema, "sales");
  EXPECT_TRUE(read.pooled);
  EXPECT_EQ(read.description, "database 'shop' at db.example:6432 as user 'app'");
  EXPECT_TRUE(holds(read.conninfo, "connect_timeout='4'"));
  EXPECT_TRUE(holds(read.conninfo, "client_encoding='UTF8'"));
  EXPECT_FALSE(holds(read.conninfo, "pgbouncer"));
}

TEST(ConnectionString, TranslatesPrismasTlsParameters) {
  const auto strict = parse_connection_string("postgresql://h/d?sslaccept=strict&sslcert=/ca.pem").conninfo;
  EXPECT_TRUE(holds(strict, "sslmode='verify-full'"));
  EXPECT_TRUE(holds(strict, "sslrootcert='/ca.pem'"));
  const auto loose = parse_connection_string("postgresql://h/d?sslaccept=accept_invalid_certs").conninfo;
  EXPECT_TRUE(holds(loose, "sslmode='require'"));
  EXPECT_TRUE(holds(parse_connection_string("postgresql://h/d?sslmode=disable&sslaccept=strict").conninfo,
                    "sslmode='disable'"));
  const auto libpq = parse_connection_string("postgresql://h/d?sslcert=/c.pem&sslkey=/c.key").conninfo;
  EXPECT_TRUE(holds(libpq, "sslcert='/c.pem'"));
}

TEST(ConnectionString, ReadsSocketsKeyValuesAndEncodedPasswords) {
  EXPECT_TRUE(
      holds(parse_connection_string("postgresql://u@localhost/d?host=/run/pg").conninfo, "host='/run/pg'"));
  const auto pairs = parse_connection_string("host=h dbname=d user=u password='s p'");
  EXPECT_TRUE(holds(pairs.conninfo, "password='s p'"));
  EXPECT_EQ(pairs.description, "database 'd' at h as user 'u'");
  EXPECT_TRUE(
      holds(parse_connection_string("postgresql://u:p%40%27%5C@h/d").conninfo, R"(password='p@\'\\')"));
}

TEST(ConnectionString, NeverRepeatsUnreadableText) {
  for (const char* url :
       {"postgresql://u:hunter2@h:port/d", "postgresql://u:hunter2@[h/d", "postgres://u:x%zzhunter2@h/d",
        "postgresql://u:pa?hunter2@h/d", "postgresql://u:pa?hunter2=1&x=@h/d", "hunter2",
        "mysql://u:hunter2@h/d", "postgresql://u@h/d?sslaccept=hunter2"}) {
    EXPECT_NE(refusal(url), "") << url;
    EXPECT_FALSE(holds(refusal(url), "hunter2")) << refusal(url);
    EXPECT_FALSE(holds(describe(url), "hunter2"));
  }
}

TEST(ConnectionString, ShowsNoPartOfAPasswordThatIsNotEncoded) {
  for (const char* url : {"postgresql://u:hunter@Secret99@h/d", "postgresql://u:12/Secret99@h/d",
                          "postgresql://u:@Secret99@h/d", "postgresql://h/d?host=x@Secret99",
                          "host=x@Secret99 dbname=d", "postgresql://u:a@h/Secret99@d"}) {
    EXPECT_NE(refusal(url), "") << url;
    EXPECT_FALSE(holds(refusal(url) + describe(url), "Secret99")) << refusal(url);
  }
  EXPECT_EQ(refusal("host=@abstract dbname=d"), "");
  EXPECT_EQ(refusal("postgresql://u:p%40x@h/d?application_name=a@b"), "");
}

TEST(ConnectionString, MasksNeitherNamesNorTextsThatAMaskWouldReveal) {
  const auto target = parse_connection_string("postgresql://prod:prod@prod.example/prod");
  EXPECT_EQ(target.description, "database 'prod' at prod.example as user 'prod'");
  EXPECT_TRUE(target.has_password);
  EXPECT_TRUE(target.secrets.empty());
  EXPECT_TRUE(parse_connection_string("postgresql://u:authentication@h/d").secrets.empty());
  EXPECT_FALSE(parse_connection_string("postgresql://u:hunter2@h/d").secrets.empty());
}

TEST(ConnectionString, AChangedFileIsReadForTheNextConnection) {
  const test::Scratch scratch;
  const std::string first = "postgresql://u:first1@h/d";
  ConnectionString target = connection_string_of(first, scratch.write("url", first));
  scratch.write("url", "postgresql://u:second2@h/d\n");
  refresh(target);
  EXPECT_TRUE(holds(target.conninfo, "password='second2'"));
  scratch.write("url", "");
  refresh(target);
  EXPECT_TRUE(holds(target.conninfo, "password='second2'"));
}

TEST(ConnectionString, NamesAnUnknownParameter) {
  EXPECT_TRUE(holds(refusal("postgresql://u:p@h/d?sslmod=require"), "'sslmod'"));
}

TEST(ConnectionString, DescribesWithoutAPassword) {
  EXPECT_EQ(describe("postgresql://u:hunter2@h:1/d"), "database 'd' at h:1 as user 'u'");
  EXPECT_EQ(describe("postgresql://u@h/d?password=hunter2"), "database 'd' at h as user 'u'");
}

TEST(ConnectionString, NoErrorOfASessionContainsThePassword) {
  const std::vector<std::string> urls{"postgresql://u:hunter2@127.0.0.1:1/d",
                                      "postgresql://u:hunter%32@nowhere.invalid/d",
                                      "host=/nonexistent password=hunter2"};
  for (const auto& url : urls) {
    try {
      open_postgres({url})->desk()->report(false);
      FAIL() << "connected to " << url;
    } catch (const Unavailable& error) {
      EXPECT_FALSE(holds(error.what(), "hunter2")) << error.what();
    }
  }
}

TEST(ConnectionString, ARefusedStatementNamesTheActionAndTheDatabase) {
  test::TestDatabase database;
  try {
    open_postgres({database.url()})->desk()->enqueue({"noop", "{}", {}, {}});
    FAIL();
  } catch (const Refused& error) {
    EXPECT_TRUE(holds(error.what(), "enqueue a job")) << error.what();
    EXPECT_TRUE(holds(error.what(), database.name())) << error.what();
  }
}

}  // namespace
}  // namespace sluice::postgres
