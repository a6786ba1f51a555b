#include "cli/plugin/check_choice.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config/config.hpp"

namespace sluice::cli {
namespace {

std::string refusal(const std::string& text) {
  try {
    parse_check_choice("--only", text);
  } catch (const base::UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(CheckChoice, IsACheckOrACheckOfOneType) {
  EXPECT_EQ(parse_check_choice("--only", "fuzz").check, "fuzz");
  EXPECT_EQ(parse_check_choice("--only", "fuzz").type, "");
  EXPECT_EQ(parse_check_choice("--only", "static tls").check, "static tls");
  EXPECT_EQ(parse_check_choice("--only", "static-tls").check, "static tls");
  EXPECT_EQ(parse_check_choice("--only", "fuzz:a/b:c").type, "a/b:c");
}

TEST(CheckChoice, ThatIsUnknownSuggestsTheNearest) {
  EXPECT_EQ(refusal("lekas"), "--only: unknown check 'lekas'; did you mean 'leaks'?");
  EXPECT_EQ(refusal("fuz:email.send"), "--only: unknown check 'fuz:email.send'; did you mean 'fuzz'?");
  EXPECT_EQ(refusal("run-pth"), "--only: unknown check 'run-pth'; did you mean 'run path'?");
  EXPECT_EQ(refusal("frobnicate"),
            "--only: unknown check 'frobnicate'; `sluice plugin check --help` lists them");
}

TEST(CheckChoice, OfAWaiverNeedsAReason) {
  const auto waivers = parse_waivers({"leaks:a.b=a cache, bounded = fine"});
  EXPECT_EQ(waivers.at(0).of.check, "leaks");
  EXPECT_EQ(waivers.at(0).of.type, "a.b");
  EXPECT_EQ(waivers.at(0).reason, "a cache, bounded = fine");
  for (const std::string text : {"leaks", "leaks=", "leaks=  "}) {
    EXPECT_THROW(parse_waivers({text}), base::UsageError) << text;
  }
  EXPECT_THROW(parse_waivers({"leaks:a"}), base::UsageError);
}

TEST(CheckChoice, AreAllDocumented) {
  std::ostringstream page;
  page << std::ifstream(std::string(SLUICE_SOURCE) + "/docs/plugin-tools.md").rdbuf();
  const std::string list = list_of_checks();
  for (const std::string& name : workshop::check_names()) {
    EXPECT_NE(page.str().find("`" + name), std::string::npos) << name;
    EXPECT_NE(list.find(" " + name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace sluice::cli
