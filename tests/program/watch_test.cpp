// sluice status --watch: on a terminal, and without one.
#include <signal.h>

#include "program/outbox.hpp"
#include "support/pseudo_terminal.hpp"

namespace sluice::test {
namespace {

class Watch : public Outbox {
 protected:
  const std::vector<std::string> command_{"status", "--watch", "--interval", "100ms"};

  PseudoTerminal in_terminal(int width, int height) { return {command_, environment(), width, height}; }
  void allow_connections(bool allowed) {
    database.value(
        "UPDATE pg_database SET datallowconn = $1::bool WHERE datname = current_database() RETURNING 1",
        {allowed ? "true" : "false"});
    if (allowed) return;
    database.exec(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid "
        "<> "
        "pg_backend_pid()");
  }
  static void expect_restored(const PseudoTerminal& terminal) {
    EXPECT_FALSE(terminal.on_alternate_screen());
    EXPECT_TRUE(terminal.cursor_visible());
    EXPECT_TRUE(terminal.wraps());
  }
};

TEST_F(Watch, RedrawsInPlaceAndRestoresTheTerminal) {
  insert("a", "first.type");
  PseudoTerminal terminal = in_terminal(100, 30);
  ASSERT_TRUE(terminal.shows("first.type"));
  EXPECT_TRUE(terminal.on_alternate_screen());
  EXPECT_FALSE(terminal.cursor_visible());
  insert("b", "second.type");
  ASSERT_TRUE(terminal.shows("second.type"));
  EXPECT_EQ(terminal.screen().at(3).substr(0, 4), "TYPE") << "the screen must be redrawn from the top";
  terminal.type("\x03");
  EXPECT_EQ(terminal.wait(), 0);
  expect_restored(terminal);
  EXPECT_FALSE(terminal.overflowed());
}

TEST_F(Watch, FitsAWindowOfAnySize) {
  for (int i = 0; i < 40; ++i)
    insert("job-" + std::to_string(i), "a.rather.long.type.number." + std::to_string(i));
  PseudoTerminal terminal = in_terminal(40, 12);
  ASSERT_TRUE(terminal.shows("more"));
  EXPECT_LE(terminal.screen().size(), 12U);
  EXPECT_FALSE(terminal.overflowed());
  terminal.resize(200, 120);
  ASSERT_TRUE(terminal.shows("no plugin has ever served it"));
  ASSERT_TRUE(terminal.shows("number.39"));
  terminal.resize(10, 2);
  EXPECT_TRUE(eventually([&] { return terminal.screen().size() == 2; }));
  EXPECT_TRUE(terminal.on_alternate_screen());
  terminal.signal(SIGTERM);
  EXPECT_EQ(terminal.wait(), 0);
  expect_restored(terminal);
}

TEST_F(Watch, ReportsALostDatabaseAndContinuesWhenItIsBack) {
  insert("a", "first.type");
  PseudoTerminal terminal = in_terminal(100, 30);
  ASSERT_TRUE(terminal.shows("first.type"));
  allow_connections(false);
  ASSERT_TRUE(terminal.shows("NO ANSWER for"));
  ASSERT_TRUE(terminal.shows("first.type")) << "the last known data must stay";
  allow_connections(true);
  insert("b", "second.type");
  EXPECT_TRUE(terminal.shows("second.type"));
  EXPECT_TRUE(terminal.shows("until Ctrl-C"));
}

TEST_F(Watch, PrintsBlocksWithoutATerminal) {
  insert("a", "first.type");
  Program program(command_, environment());
  const auto said = [&](const std::string& text, int times) {
    return eventually([&] {
      const std::string out = program.out();
      int found = 0;
      for (std::size_t at = out.find(text); at != std::string::npos; at = out.find(text, at + 1)) ++found;
      return found >= times;
    });
  };
  EXPECT_TRUE(said("\nTYPE", 3));
  allow_connections(false);
  EXPECT_TRUE(program.says("still trying"));
  allow_connections(true);
  EXPECT_TRUE(program.says("the database answers again"));
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.out().find('\033'), std::string::npos);
}

TEST_F(Watch, PrintsOneObjectPerLineAsJson) {
  insert("a", "first.type");
  std::vector<std::string> arguments = command_;
  arguments.emplace_back("--json");
  Program program(arguments, environment());
  ASSERT_TRUE(eventually([&] {
    const std::string out = program.out();
    return std::count(out.begin(), out.end(), '\n') >= 3;
  }));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
  std::istringstream lines(program.out());
  for (std::string line; std::getline(lines, line);) {
    EXPECT_EQ(database.value("SELECT $1::jsonb #>> '{counts,0,type}'", {line}), "first.type");
  }
}

TEST_F(Watch, RefusesAnInvalidInterval) {
  EXPECT_EQ(sluice({"status", "--watch", "--interval", "often"}).code, 2);
  EXPECT_EQ(sluice({"status", "--watch", "--interval", "0"}).code, 2);
}

}  // namespace
}  // namespace sluice::test
