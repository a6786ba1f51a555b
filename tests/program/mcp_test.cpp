// sluice mcp: the Model Context Protocol on standard input and output.
#include <sstream>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

class Mcp : public Outbox {
 protected:
  /// The answers to these lines, one a line.
  std::vector<std::string> answers(const std::vector<std::string>& messages,
                                   const std::vector<std::string>& options = {}) {
    std::string input;
    for (const std::string& one : messages) input += one + "\n";
    std::vector<std::string> arguments{"mcp"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Ended ended = sluice(arguments, input);
    EXPECT_EQ(ended.code, 0) << ended.err;
    std::vector<std::string> lines;
    std::istringstream out(ended.out);
    for (std::string line; std::getline(out, line);) lines.push_back(line);
    return lines;
  }
  std::string answer(const std::string& message, const std::vector<std::string>& options = {}) {
    const auto lines = answers({message}, options);
    EXPECT_EQ(lines.size(), 1U);
    return lines.empty() ? "null" : lines.front();
  }
  static std::string request(const std::string& method, const std::string& parameters) {
    return R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":)" + parameters + "}";
  }
  static std::string call(const std::string& tool, const std::string& arguments = "{}") {
    return request("tools/call", R"({"name":")" + tool + R"(","arguments":)" + arguments + "}");
  }
  std::string json(const std::string& text, const std::string& path) {
    return database.value("SELECT $1::jsonb #>> $2::text[]", {text, path});
  }
  std::string error_code(const std::string& message) { return json(answer(message), "{error,code}"); }
  /// What a tool answers, of a member of its JSON.
  std::string told(const std::string& tool, const std::string& arguments, const std::string& path,
                   const std::vector<std::string>& options = {}) {
    const std::string all = answer(call(tool, arguments), options);
    EXPECT_EQ(json(all, "{result,isError}"), "false") << all;
    return json(json(all, "{result,content,0,text}"), path);
  }
  /// Why a tool failed.
  std::string refusal(const std::string& tool, const std::string& arguments) {
    const std::string all = answer(call(tool, arguments));
    EXPECT_EQ(json(all, "{result,isError}"), "true") << all;
    return json(all, "{result,content,0,text}");
  }
  std::string names(const std::vector<std::string>& options = {}) {
    return database.value(
        "SELECT string_agg(t ->> 'name', ' ' ORDER BY place) FROM jsonb_array_elements($1::jsonb #> "
        "'{result,tools}') WITH ORDINALITY AS all_tools (t, place)",
        {answer(request("tools/list", "{}"), options)});
  }
};

TEST_F(Mcp, AgreesOnARevision) {
  const auto agreed = [&](const std::string& wanted) {
    return json(
        answer(request("initialize", R"({"protocolVersion":")" + wanted +
                                         R"(","capabilities":{},"clientInfo":{"name":"t","version":"1"}})")),
        "{result,protocolVersion}");
  };
  EXPECT_EQ(agreed("2025-11-25"), "2025-11-25");
  EXPECT_EQ(agreed("2025-06-18"), "2025-06-18");
  EXPECT_EQ(agreed("2024-11-05"), "2024-11-05");
  EXPECT_EQ(agreed("1999-01-01"), "2025-11-25");
  EXPECT_EQ(error_code(request("initialize", "{}")), "-32602");
}

TEST_F(Mcp, AnswersRequestsAndNothingElse) {
  const auto lines =
      answers({R"({"jsonrpc":"2.0","method":"notifications/initialized"})",
               R"({"jsonrpc":"2.0","id":"p","method":"ping"})", "", R"({"jsonrpc":"2.0","id":9,"result":{}})",
               R"([{"jsonrpc":"2.0","id":2,"method":"ping"},{"jsonrpc":"2.0","method":"x"}])"});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], R"({"jsonrpc":"2.0","id":"p","result":{}})");
  EXPECT_EQ(lines[1], R"([{"jsonrpc":"2.0","id":2,"result":{}}])");
}

TEST_F(Mcp, RefusesWrongMessages) {
  EXPECT_EQ(error_code("{"), "-32700");
  EXPECT_EQ(error_code("\xff"), "-32700");
  EXPECT_EQ(error_code("[]"), "-32600");
  EXPECT_EQ(error_code("7"), "-32600");
  EXPECT_EQ(error_code(R"({"id":1,"method":"ping"})"), "-32600");
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":1})"), "-32600");
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":null,"method":"ping"})"), "-32600");
  EXPECT_EQ(error_code(request("resources/list", "{}")), "-32601");
  EXPECT_EQ(error_code(request("ping", "[1]")), "-32602");
  EXPECT_EQ(error_code(request("tools/list", R"({"cursor":"2"})")), "-32602");
  EXPECT_EQ(error_code(request("tools/call", "{}")), "-32602");
  EXPECT_EQ(error_code(request("tools/call", R"({"name":"types","arguments":3})")), "-32602");
  EXPECT_EQ(error_code(call("nothing")), "-32602");
  EXPECT_EQ(answers({std::string(100'000, '['), R"({"jsonrpc":"2.0","id":1,"method":"ping"})"}).size(), 2U)
      << "deep nesting does not end the program";
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_EQ(error_code(call("job", R"({"id":)" + deep + "}")), "-32600") << "nor in an argument";
  EXPECT_EQ(error_code(std::string(5 << 20, 'x')), "-32600") << "a line is bounded";
}

TEST_F(Mcp, ToolsDependOnWhatIsAllowed) {
  const std::string reading = "now types type jobs job failures plugins runtimes why";
  EXPECT_EQ(names(), reading);
  EXPECT_EQ(names({"--allow", "operate"}), reading + " retry cancel");
  EXPECT_EQ(names({"--allow", "admin"}), reading + " retry cancel delete");
  EXPECT_EQ(sluice({"mcp", "--allow", "everything"}).code, 2);
  const std::string list = answer(request("tools/list", "{}"), {"--allow", "admin"});
  EXPECT_EQ(json(list, "{result,tools,0,annotations,readOnlyHint}"), "true");
  EXPECT_EQ(json(list, "{result,tools,11,annotations,destructiveHint}"), "true");
  EXPECT_EQ(json(list, "{result,tools,4,inputSchema,required,0}"), "id");
  EXPECT_EQ(error_code(call("delete", R"({"id":["a"]})")), "-32602") << "it is not offered";
}

TEST_F(Mcp, RefusesValuesThatMeanNothing) {
  EXPECT_EQ(refusal("jobs", R"({"status":["nonsense"]})"),
            "'status' can't be 'nonsense'; see the tool's inputSchema");
  EXPECT_EQ(refusal("jobs", R"({"type":""})"), "'type' is empty; leave it out, or give it a value");
  EXPECT_EQ(refusal("job", R"({"id":"a\u0000"})"), "'id' has a NUL");
  EXPECT_NE(refusal("jobs", R"({"after_id":"a"})").find("belong together"), std::string::npos);
  EXPECT_NE(refusal("jobs", R"({"from":"2026-02-30T00:00"})").find("no such time"), std::string::npos);
}

TEST_F(Mcp, EveryToolThatReadsAnswers) {
  insert("a", "test.probe", probe("fail"));
  ASSERT_TRUE(drains());
  EXPECT_EQ(told("now", "{}", "{runtimes}"), "0");
  EXPECT_EQ(told("types", "{}", "{types,0,plugin}"), "probe");
  EXPECT_EQ(told("type", R"({"type":"test.probe","range":"1h"})", "{last_hour,failed}"), "1");
  EXPECT_EQ(told("jobs", R"({"status":["error"],"type":["test.probe","x"],"limit":1})", "{jobs,0,id}"), "a");
  EXPECT_EQ(told("job", R"({"id":"a"})", "{failed_attempts,0,result}"), "fail");
  EXPECT_EQ(told("failures", "{}", "{groups,0,example}"), "a");
  EXPECT_EQ(told("plugins", "{}", "{runtimes}"), "[]");
  EXPECT_EQ(told("runtimes", "{}", "{stuck}"), "0");
  EXPECT_EQ(told("why", R"({"q":"a"})", "{good}"), "false");
}

TEST_F(Mcp, AWrongArgumentIsToldToTheModel) {
  EXPECT_NE(refusal("now", R"({"range":"2h"})").find("range"), std::string::npos);
  EXPECT_NE(refusal("now", R"({"since":"1h"})").find("has no parameter 'since'"), std::string::npos);
  EXPECT_NE(refusal("job", "{}").find("needs 'id'"), std::string::npos);
  EXPECT_NE(refusal("job", R"({"id":["a","b"]})").find("takes one value"), std::string::npos);
  EXPECT_NE(refusal("job", R"({"id":{}})").find("must be a text"), std::string::npos);
  EXPECT_NE(refusal("job", R"({"id":"none"})").find("there is no job 'none'"), std::string::npos);
  EXPECT_NE(refusal("jobs", R"({"limit":0})").find("limit must be"), std::string::npos);
}

TEST_F(Mcp, PayloadsAreHiddenUnlessAskedForAndRedactedAlways) {
  insert("a", "test.probe", R"({"user":{"id":12345678901234567890,"mail":"ada@example.com"}})");
  config = scratch.write("redact.toml", scratch.read("sluice.toml") + "[http]\nredact = [\"/user/mail\"]\n");
  EXPECT_EQ(told("job", R"({"id":"a"})", "{payload}"), "");
  EXPECT_NE(refusal("jobs", R"({"text":"ada"})").find("has no parameter"), std::string::npos);
  const std::vector<std::string> payloads{"--payloads"};
  EXPECT_EQ(told("job", R"({"id":"a"})", "{payload,user,id}", payloads), "12345678901234567890");
  EXPECT_EQ(told("job", R"({"id":"a"})", "{payload,user,mail}", payloads), "[redacted]");
  EXPECT_EQ(told("jobs", R"({"where":["user.id = 12345678901234567890"]})", "{jobs,0,id}", payloads), "a");
}

TEST_F(Mcp, ChangesJobsIfItMay) {
  for (const char* id : {"a", "b"}) insert(id, "test.probe", probe("fail"));
  ASSERT_TRUE(drains());
  const std::vector<std::string> operate{"--allow", "operate"};
  EXPECT_EQ(told("retry", R"({"id":["a","none"]})", "{jobs,0,changed}", operate), "true");
  EXPECT_EQ(status("a"), "pending");
  EXPECT_EQ(told("cancel", R"({"id":["a"]})", "{jobs,0,status_before}", operate), "pending");
  EXPECT_EQ(status("a"), "error");
  EXPECT_EQ(told("delete", R"({"id":["a"]})", "{jobs,0,changed}", {"--allow", "admin"}), "true");
  EXPECT_EQ(count("id = 'a'"), "0");
  EXPECT_EQ(count("id = 'b'"), "1");
}

TEST_F(Mcp, ALostDatabaseIsToldToTheModel) {
  Scratch own;
  const Ended ended = run({"mcp"},
                          {{"DATABASE_URL", "postgresql://127.0.0.1:1/app"},
                           {"SLUICE_CONFIG", own.write("empty.toml", "[log]\nlevel = \"info\"\n")}},
                          call("types") + "\n");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(json(ended.out, "{result,isError}"), "true") << ended.out;
  EXPECT_NE(ended.err.find("answering on standard input"), std::string::npos) << ended.err;
}

}  // namespace
}  // namespace sluice::test
