#include "engine/care/published_settings.hpp"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

TEST(PublishedSettings, AreThoseThatDifferFromTheDefaults) {
  EXPECT_EQ(published_settings({}), "{}");
  config::Config config;
  config.max_attempts = 5;
  config.http.listen = "127.0.0.1:9640";
  config.plugins["mail"].slots = 8;
  config.types["mail.send"].concurrency = 2;
  EXPECT_EQ(published_settings(config),
            R"({"retry.max_attempts":"5","plugin.mail.slots":"8","type.mail.send.concurrency":"2"})");
}

TEST(PublishedSettings, HaveNoSecrets) {
  config::Config config;
  config.database_url = "postgresql://app:rose@db/x";
  config.database_direct_url = "postgresql://app:rose@db/x";
  config.plugins["mail"].config = R"({"password": "rose"})";
  const std::string settings = published_settings(config);
  EXPECT_EQ(settings.find("rose"), std::string::npos) << settings;
  EXPECT_EQ(settings, R"({"plugin.mail.config":"set"})");
}

}  // namespace
}  // namespace sluice::engine
