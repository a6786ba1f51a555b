// Payloads and configurations that are refused, each with its reason.
#include <gtest/gtest.h>

#include "sync_plugin.hpp"

namespace sluice::test {
namespace {

struct BadPayload {
  const char* name;
  const char* payload;
  const char* code;
  const char* words;
};

void PrintTo(const BadPayload& payload, std::ostream* out) {
  *out << payload.name;
}

class SyncPayload : public ::testing::TestWithParam<BadPayload> {};

TEST_P(SyncPayload, IsRefused) {
  SyncPlugin plugin(source_at("http://127.0.0.1:1/", R"(, "parameters": ["a"])"));
  const auto outcome = plugin.run(GetParam().payload);
  EXPECT_EQ(outcome.result, SLUICE_FAIL) << said(outcome);
  EXPECT_EQ(outcome.code, GetParam().code) << outcome.error;
  EXPECT_NE(outcome.error.find(GetParam().words), std::string::npos) << outcome.error;
}

#define WITH_DATA(data) R"({"source": "api", "target": "database", "data": )" data "}"

constexpr BadPayload bad_payloads[] = {
    {"NoObject", "[]", "bad-payload", "expected an object"},
    {"NoSource", R"({"target": "database"})", "bad-payload", "payload /source"},
    {"NoTarget", R"({"source": "api"})", "bad-payload", "payload /target"},
    {"SourceIsANumber", R"({"source": 1, "target": "database"})", "bad-payload", "expected a string"},
    {"UnknownSource", R"({"source": "crm", "target": "database"})", "unknown-source", "configured: api"},
    {"UnknownTarget", R"({"source": "api", "target": "lake"})", "unknown-target", "configured: database"},
    {"DataIsText", WITH_DATA(R"("x")"), "bad-payload", "payload /data: expected an object"},
    {"ParametersAreAnArray", WITH_DATA(R"({"parameters": []})"), "bad-payload", "/data/parameters"},
    {"ParameterIsAnObject", WITH_DATA(R"({"parameters": {"a": {}}})"), "bad-payload", "/data/parameters/a"},
    {"ParameterIsNotAllowed", WITH_DATA(R"({"parameters": {"b": "x"}})"), "bad-payload", "'b' is not among"},
    {"CursorIsAnObject", WITH_DATA(R"({"cursor": {}})"), "bad-payload", "/data/cursor"},
    {"CursorOfASourceWithoutOne", WITH_DATA(R"({"cursor": 5})"), "bad-payload",
     "payload /data/cursor: the source has no cursor"},
    {"FullIsText", WITH_DATA(R"({"full": "yes"})"), "bad-payload", "/data/full"},
    {"RecordIsANumber", WITH_DATA("[1]"), "bad-record", "record 0 of the payload's data"},
    {"MisspelledQuestionIsARecordWithoutKey", WITH_DATA(R"({"paramters": {}})"), "missing-key", "record 0"},
    {"RecordsAreNotAnArray", WITH_DATA(R"({"records": {"id": 1}})"), "missing-key", "record 0"},
};
INSTANTIATE_TEST_SUITE_P(, SyncPayload, ::testing::ValuesIn(bad_payloads),
                         [](const auto& payload) { return payload.param.name; });

struct BadConfiguration {
  const char* name;
  const char* source;
  const char* target;
  const char* words;
};

void PrintTo(const BadConfiguration& configuration, std::ostream* out) {
  *out << configuration.name;
}

class SyncConfiguration : public ::testing::TestWithParam<BadConfiguration> {};

TEST_P(SyncConfiguration, IsRefusedWithItsPlace) {
  const BadConfiguration& bad = GetParam();
  try {
    SyncPlugin plugin(bad.source, bad.target);
    FAIL() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find(bad.words), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find("s3cret"), std::string::npos) << error.what();
  }
}

#define API R"("kind": "api", "url": "https://example.com/x")"
#define TABLE R"("kind": "database", "table": "public.item", "key": ["id"], "columns": ["id", "name"])"

constexpr BadConfiguration bad_configurations[] = {
    {"SourceOfNoKind", R"("url": "https://example.com")", TABLE, "/sources/api/kind"},
    {"SourceOfAnotherKind", R"("kind": "ftp", "url": "https://example.com")", TABLE, "expected api"},
    {"NoUrl", R"("kind": "api")", TABLE, "/sources/api/url"},
    {"UrlOfAFile", R"("kind": "api", "url": "file:///etc/passwd")", TABLE, "http or https"},
    {"UrlWithPassword", R"("kind": "api", "url": "https://u:s3cret@example.com")", TABLE, "without a user"},
    {"UrlWithBlank", R"("kind": "api", "url": "https://example.com/a b")", TABLE, "/sources/api/url"},
    {"HeaderWithLineBreak", API R"(, "headers": {"X": "a\r\nY: b"})", TABLE, "/sources/api/headers/X"},
    {"HeaderNameWithColon", API R"(, "headers": {"X: y": "a"})", TABLE, "not a header name"},
    {"TokenFileMissing", API R"(, "token_file": "/no/such")", TABLE, "'/no/such' can't be read"},
    {"TokenUnencrypted", R"("kind": "api", "url": "http://example.com", "token_file": "/dev/null")", TABLE,
     "unencrypted"},
    {"NoSuchPaging", API R"(, "paging": "all")", TABLE, "/sources/api/paging"},
    {"PagingByNoField", API R"(, "paging": "field")", TABLE, "/sources/api/next"},
    {"RecordsIsNotAPointer", API R"(, "records": "data")", TABLE, "JSON pointer"},
    {"CursorWithoutParameter", API R"(, "cursor": "/at")", TABLE, "/sources/api/cursor_parameter"},
    {"EtagWithPaging", API R"(, "etag": true, "paging": "link")", TABLE, "/sources/api/etag"},
    {"EtagWithCursor", API R"(, "etag": true, "cursor": "/a", "cursor_parameter": "a")", TABLE,
     "/sources/api/etag"},
    {"TokenWithoutParameter", API R"(, "paging": "token", "next": "/n")", TABLE,
     "/sources/api/page_parameter"},
    {"TokenFromNowhere", API R"(, "paging": "token", "page_parameter": "p")", TABLE, "/sources/api/next"},
    {"TokenFromBoth", API R"(, "paging": "token", "page_parameter": "p", "next": "/n", "next_header": "x")",
     TABLE, "keep one"},
    {"HeaderWithoutToken", API R"(, "next_header": "x")", TABLE, "it needs paging token"},
    {"LastWithoutPointer", API R"(, "paging": "last", "page_parameter": "p")", TABLE, "/sources/api/last"},
    {"PointerWithoutBody", API R"(, "paging": "page", "page_parameter": "/p")", TABLE, "set body"},
    {"EtagWithBody", API R"(, "etag": true, "body": {})", TABLE, "/sources/api/etag"},
    {"OAuthUnencrypted",
     API
     R"(, "oauth": {"token_url": "http://x.test/t", "client_id": "i", "client_secret_file": "/dev/null"})",
     TABLE, "/oauth/token_url: the secret"},
    {"OAuthAndTokenFile",
     API R"(, "token_file": "/dev/null", "oauth": {"token_url": "https://x.test/t", "client_id": "i",
            "client_secret_file": "/dev/null"})",
     TABLE, "token_file is set too"},
    {"OAuthOfNoStyle",
     API R"(, "oauth": {"token_url": "https://x.test/t", "client_id": "i", "client_secret_file": "/dev/null",
            "credentials": "cookie"})",
     TABLE, "expected basic or body"},
    {"AbsentIsOdd", API, TABLE R"(, "absent": "drop")", "expected keep, null or fail"},
    {"BadRecordIsOdd", API, TABLE R"(, "on_bad_record": "drop")", "expected fail or skip"},
    {"DeletedColumnWithoutDeletions", API, TABLE R"(, "deleted_column": "x")", "nothing is ever deleted"},
    {"DeletedColumnIsWritten", API, TABLE R"(, "deleted": "/d", "deleted_column": "name")",
     "among the columns"},
    {"RemoveMissingWithoutUrl", API, TABLE R"(, "remove_missing": true)", "/targets/database/remove_missing"},
    {"ShareOfNothing", API, TABLE R"(, "max_removed_share": 0)", "/targets/database/max_removed_share"},
    {"TimeBeforeNow", API R"(, "max_time": -1)", TABLE, "/sources/api/max_time"},
    {"NoTime", API R"(, "timeout": 0)", TABLE, "/sources/api/timeout"},
    {"NoBytes", API R"(, "max_bytes": 0)", TABLE, "/sources/api/max_bytes"},
    {"TargetOfNoKind", API, R"("table": "public.item")", "/targets/database/kind"},
    {"TargetOfAnotherKind", API, R"("kind": "lake")", "expected database or api"},
    {"TableWithoutSchema", API, R"("kind": "database", "table": "item", "key": ["id"], "columns": ["id"])",
     "expected schema.table"},
    {"NoColumns", API, R"("kind": "database", "table": "public.item", "key": ["id"])",
     "/targets/database/columns"},
    {"NoKey", API, R"("kind": "database", "table": "public.item", "columns": ["id"])",
     "/targets/database/key"},
    {"KeyIsNotAColumn", API, R"("kind": "database", "table": "public.item", "key": ["x"], "columns": ["id"])",
     "'x' is not among the columns"},
    {"ColumnTwice", API, R"("kind": "database", "table": "public.item", "key": ["a"], "columns": ["a", "a"])",
     "occurs twice"},
    {"ColumnsPointerIsInvalid", API,
     R"("kind": "database", "table": "public.item", "key": ["a"], "columns": {"a": "b"})",
     "/targets/database/columns/a"},
    {"UrlTwice", API, TABLE R"(, "url": "postgresql:///x", "url_file": "/dev/null")", "keep one"},
    {"DatabaseUrlIsInvalid", API, TABLE R"(, "url": "s3cret for x")", "the URL of a PostgreSQL database"},
    {"StateWithoutUrl", API, TABLE R"(, "state": "public.state")", "/targets/database/state"},
    {"NoBatch", API, TABLE R"(, "batch_rows": 0)", "/targets/database/batch_rows"},
    {"MethodDelete", API, R"("kind": "api", "url": "https://example.com", "method": "DELETE")",
     "expected POST or PUT"},
};
INSTANTIATE_TEST_SUITE_P(, SyncConfiguration, ::testing::ValuesIn(bad_configurations),
                         [](const auto& configuration) { return configuration.param.name; });

TEST(SyncWithoutConfiguration, SaysWhatToSet) {
  try {
    LoadedPlugin plugin(SYNC_PLUGIN, "{}");
    FAIL() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("[plugin.sync.config.targets.database]"), std::string::npos);
  }
}

TEST(SyncDescriptor, HasAnExampleThatItRuns) {
  SyncPlugin plugin(source_at("http://127.0.0.1:1/"));
  const sluice_str example = plugin.descriptor().job_types[0]->payload_example;
  EXPECT_THAT(plugin.run(std::string(example.data, example.size)), testing::IsDone());
}

}  // namespace
}  // namespace sluice::test
