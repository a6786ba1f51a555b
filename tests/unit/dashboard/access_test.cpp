#include "dashboard/access.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/usage_error.hpp"
#include "support/scratch.hpp"

namespace sluice::dashboard {
namespace {

constexpr const char* token = "0123";

Access::Options with_token() {
  Access::Options options;
  options.tokens = {{{"alice", Role::operate, true}, digest_of(token)}};
  return options;
}

http::Request asking(std::map<std::string, std::string> headers, const std::string& peer = "127.0.0.1") {
  http::Request request;
  request.headers = std::move(headers);
  request.peer = peer;
  return request;
}

TEST(Access, KnowsTheOwnerOfAToken) {
  const Access access(with_token());
  const auto alice = access.visitor(asking({{"authorization", "Bearer 0123"}}));
  ASSERT_TRUE(alice);
  EXPECT_EQ(alice->name, "alice");
  EXPECT_EQ(alice->role, Role::operate);
  EXPECT_TRUE(alice->payloads);
  EXPECT_FALSE(access.visitor(asking({{"authorization", "Bearer 0124"}})));
  EXPECT_FALSE(access.visitor(asking({{"authorization", "Basic 0123"}})));
  EXPECT_TRUE(access.visitor(asking({{"authorization", "bearer  0123"}}))) << "a scheme is in any case";
  EXPECT_FALSE(access.visitor(asking({{"authorization", "Bearer0123"}})));
  EXPECT_FALSE(access.visitor(asking({})));
}

TEST(Access, GivesABrowserASessionThatCanBeEnded) {
  Access access(with_token());
  EXPECT_FALSE(access.log_in("0124"));
  const auto secret = access.log_in(token);
  ASSERT_TRUE(secret);
  const auto request = asking({{"cookie", "other=1; sluice_session_=" + *secret}});
  ASSERT_TRUE(access.visitor(request));
  EXPECT_EQ(access.visitor(request)->name, "alice");
  EXPECT_FALSE(access.visitor(asking({{"cookie", "sluice_session_=" + *secret + "0"}})));
  EXPECT_FALSE(access.visitor(asking({{"cookie", std::string("sluice_session_=") + token}})))
      << "the token itself is no session";
  access.log_out(request);
  EXPECT_FALSE(access.visitor(request));
}

TEST(Access, HasASessionForEachPortAndPrefixOfAHost) {
  Access access(with_token());
  const auto secret = access.log_in(token);
  ASSERT_TRUE(secret);
  const auto name = [](const std::string& host, const std::string& prefix) {
    return cookie_name(session_cookie, asking({{"host", host}}), prefix);
  };
  EXPECT_EQ(name("localhost:9641", ""), "sluice_session_9641");
  EXPECT_EQ(name("[::1]", "/ops/a"), "sluice_session__ops_a");
  const std::map<std::string, std::string> sent{
      {"host", "localhost:9641"}, {"cookie", "sluice_session_9640=x; sluice_session_9641=" + *secret}};
  EXPECT_TRUE(access.visitor(asking(sent)));
  EXPECT_TRUE(access.has_session(asking(sent)));
  EXPECT_FALSE(access.visitor(asking(sent), "/ops"));
}

TEST(Access, BelievesTheHeadersOfNamedProxiesOnly) {
  Access::Options options;
  options.proxies = {"10.0.0.5"};
  options.user_header = "x-forwarded-user";
  options.role_header = "x-sluice-role";
  const Access access(options);
  const std::map<std::string, std::string> headers{{"x-forwarded-user", "bob"}, {"x-sluice-role", "admin"}};
  ASSERT_TRUE(access.visitor(asking(headers, "10.0.0.5")));
  EXPECT_EQ(access.visitor(asking(headers, "10.0.0.5"))->role, Role::admin);
  EXPECT_FALSE(access.visitor(asking(headers, "10.0.0.6")));
  EXPECT_FALSE(access.visitor(asking({{"x-forwarded-user", "bob"}}, "10.0.0.5"))) << "no role";
  EXPECT_FALSE(access.visitor(asking({{"x-sluice-role", "view"}}, "10.0.0.5"))) << "no user";
  EXPECT_FALSE(access.visitor(asking({{"x-forwarded-user", "bob"}, {"x-sluice-role", "root"}}, "10.0.0.5")));
}

TEST(Access, LetsEverybodyInOnlyUnderTheLoopbacksNames) {
  Access::Options options;
  options.anonymous = Visitor{"anybody", Role::view, false};
  const Access access(options);
  for (const char* const host : {"localhost", "localhost:9640", "127.0.0.1:9640", "[::1]:9640", "[::1]"})
    EXPECT_TRUE(access.visitor(asking({{"host", host}}))) << host;
  for (const char* const host :
       {"evil.example", "evil.example:9640", "127.0.0.1.evil.example", "localhost.evil:1", ""})
    EXPECT_FALSE(access.visitor(asking({{"host", host}}))) << host << " may be another site's name";
}

TEST(Access, RecognizesRequestsOfOtherSites) {
  const Access access{{}};
  EXPECT_TRUE(access.is_own(asking({{"sec-fetch-site", "same-origin"}})));
  EXPECT_TRUE(access.is_own(asking({{"sec-fetch-site", "none"}})));
  EXPECT_FALSE(
      access.is_own(asking({{"sec-fetch-site", "cross-site"}, {"origin", "http://a"}, {"host", "a"}})));
  EXPECT_FALSE(access.is_own(asking({{"sec-fetch-site", "same-site"}})));
  EXPECT_TRUE(access.is_own(asking({{"origin", "http://a:1"}, {"host", "a:1"}})));
  EXPECT_FALSE(access.is_own(asking({{"origin", "http://b:1"}, {"host", "a:1"}})));
  EXPECT_FALSE(access.is_own(asking({{"origin", "null"}, {"host", "a:1"}})));
  EXPECT_FALSE(access.is_own(asking({{"host", "a:1"}})));
  EXPECT_TRUE(access.is_own(asking({{"authorization", "Bearer 1"}})));
}

TEST(Access, BelievesTheForwardedHostOfAProxyAlone) {
  Access::Options options;
  options.proxies = {"10.0.0.5"};
  const Access access(options);
  const std::map<std::string, std::string> headers{
      {"origin", "https://jobs.example"}, {"host", "10.0.0.7:9640"}, {"x-forwarded-host", "jobs.example"}};
  EXPECT_TRUE(access.is_own(asking(headers, "10.0.0.5")));
  EXPECT_FALSE(access.is_own(asking(headers, "10.0.0.6")));
}

TEST(Access, ReadsRoles) {
  EXPECT_FALSE(parse_role("view")->payloads);
  EXPECT_TRUE(parse_role("view+payloads")->payloads);
  EXPECT_FALSE(parse_role("operate")->payloads);
  EXPECT_TRUE(parse_role("admin")->payloads);
  for (const char* const wrong : {"", "root", "+payloads", "view ", "Admin"})
    EXPECT_FALSE(parse_role(wrong)) << wrong;
}

TEST(Access, ReadsAFileOfTokens) {
  const test::Scratch scratch;
  const std::string digest = digest_of("a");
  const auto entries = read_tokens(
      scratch.write("good", "# people\n\nalice admin " + digest + "\n  bob  view   " + digest + "\n"));
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[1].owner.name, "bob");
  EXPECT_EQ(entries[1].digest, digest);
}

TEST(Access, RefusesAFileThatEverybodyCanWriteAndANameWithTwoRoles) {
  const test::Scratch scratch;
  const std::string line = "alice admin " + digest_of("a") + "\n";
  const std::string path = scratch.write("open", line);
  ASSERT_EQ(chmod(path.c_str(), 0666), 0);
  EXPECT_THROW(read_tokens(path), base::UsageError);
  EXPECT_THROW(read_tokens(scratch.write("twice", line + "alice view " + digest_of("b") + "\n")),
               base::UsageError);
  EXPECT_EQ(read_tokens(scratch.write("renewed", line + "alice admin " + digest_of("b") + "\n")).size(), 2U)
      << "a token is replaced without a pause";
}

TEST(Access, NamesTheLineOfAnInvalidToken) {
  const test::Scratch scratch;
  const auto problem = [&](const std::string& text) {
    try {
      read_tokens(scratch.write("bad", text));
    } catch (const base::UsageError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(problem("a view " + digest_of("a") + "\nb root " + digest_of("b") + "\n")
                .find("bad:2: unknown role 'root'"),
            std::string::npos);
  EXPECT_NE(problem("a view 12\n").find("bad:1: the digest must have 64"), std::string::npos);
  EXPECT_NE(problem("# nobody\n").find("contains no token"), std::string::npos);
  EXPECT_THROW(read_tokens(scratch.path("absent")), base::UsageError);
}

TEST(Access, MakesDifferentTokens) {
  EXPECT_EQ(new_token().size(), 64U);
  EXPECT_NE(new_token(), new_token());
  EXPECT_EQ(digest_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace sluice::dashboard
