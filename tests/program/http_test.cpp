// sluice run over HTTP: health, metrics, and a real Prometheus that scrapes it.
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "base/address.hpp"
#include "http/inquiry.hpp"
#include "program/outbox.hpp"

namespace sluice::test {
namespace {

constexpr std::chrono::minutes long_enough{1};

class Http : public Outbox {
 protected:
  Http() { listen("127.0.0.1:0"); }

  void listen(const std::string& where) {
    config = scratch.write("http.toml", scratch.read("sluice.toml") + "[http]\nlisten = \"" + where + "\"\n");
  }
  void start() { start(environment()); }
  void start(const std::map<std::string, std::string>& surroundings) {
    program = std::make_unique<Program>(std::vector<std::string>{"run"}, surroundings);
    ASSERT_TRUE(program->says("plugins loaded")) << program->err();
    std::smatch url;
    const std::string log = program->err();
    ASSERT_TRUE(std::regex_search(log, url, std::regex("http://(127\\.0\\.0\\.1:[0-9]+)"))) << log;
    address = *base::parse_address(url[1].str());
  }
  http::Answer get(const std::string& path) const { return http::ask(address, path, long_enough); }
  std::string url() const { return "http://" + address.text(); }
  bool ready_says(const std::string& words) {
    return eventually([&] {
      const http::Answer answer = get("/readyz");
      return answer.status == 503 && answer.body.find(words) != std::string::npos;
    });
  }
  std::string sample(const std::string& name) const {
    const std::string text = get("/metrics").body;
    const std::size_t at = text.find("\n" + name + " ");
    if (at == std::string::npos) return "none";
    const std::size_t begin = at + name.size() + 2;
    return text.substr(begin, text.find('\n', begin) - begin);
  }

  std::unique_ptr<Program> program;
  base::Address address;
};

TEST_F(Http, DoesNotListenByDefault) {
  config = scratch.path("sluice.toml");
  Program quiet({"run"}, environment());
  ASSERT_TRUE(quiet.says("plugins loaded"));
  EXPECT_EQ(quiet.err().find("HTTP"), std::string::npos) << quiet.err();
}

TEST_F(Http, ReportsThatItIsAliveAndReady) {
  start();
  EXPECT_EQ(get("/livez").status, 200);
  const http::Answer ready = get("/readyz");
  EXPECT_EQ(ready.status, 200) << ready.body;
  for (const char* name : {"event loop", "stopping", "database", "schema", "plugins"}) {
    EXPECT_NE(ready.body.find("\"name\":\"" + std::string(name) + "\",\"result\":\"ok\""), std::string::npos)
        << ready.body;
  }
  const Ended healthy = sluice({"health", "api", "--url", url()});
  EXPECT_EQ(healthy.code, 0) << healthy.out << healthy.err;
  EXPECT_NE(healthy.out.find("ready: probe"), std::string::npos) << healthy.out;
}

TEST_F(Http, ALostDatabaseMakesItUnreadyButKeepsItAlive) {
  start();
  database.value(
      "UPDATE pg_database SET datallowconn = false WHERE datname = current_database() RETURNING 1");
  database.exec(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
      "pg_backend_pid()");
  EXPECT_TRUE(ready_says("the database has not answered for")) << get("/readyz").body;
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(sample("sluice_database_up"), "0");
  const Ended unhealthy = sluice({"health", "api", "--url", url(), "--json"});
  EXPECT_EQ(unhealthy.code, 1);
  EXPECT_NE(unhealthy.out.find("\"healthy\": false"), std::string::npos) << unhealthy.out;
  database.value("UPDATE pg_database SET datallowconn = true WHERE datname = current_database() RETURNING 1");
  EXPECT_TRUE(eventually([&] { return get("/readyz").status == 200; })) << get("/readyz").body;
}

TEST_F(Http, ReportsASchemaOfAnotherVersion) {
  start();
  database.exec("INSERT INTO sluice.migration (version, name) VALUES (1000, 'of a later sluice')");
  EXPECT_TRUE(ready_says("has migration 1000")) << get("/readyz").body;
}

TEST_F(Http, IsUnreadyWhileItStops) {
  start();
  insert("a", "test.probe", probe("wait_cancel"));
  ASSERT_TRUE(lines_in("started", 1));
  program->signal(SIGTERM);
  EXPECT_TRUE(ready_says("sluice is stopping")) << get("/readyz").body;
  EXPECT_EQ(get("/livez").status, 200) << "the runtime still waits for its jobs";
  program->signal(SIGTERM);  // asks the job to cancel
  EXPECT_EQ(program->wait(), 0) << program->err();
}

TEST_F(Http, StopsWhileARequestIsOpen) {
  start();
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(address.port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
  ASSERT_EQ(send(client, "GET /met", 8, MSG_NOSIGNAL), 8);
  program->signal(SIGTERM);
  EXPECT_EQ(program->wait(), 0) << program->err();
  close(client);
}

TEST_F(Http, RefusesAPortInUse) {
  start();
  listen(address.text());
  const Ended second = sluice({"run"});
  EXPECT_EQ(second.code, 2) << second.err;
  EXPECT_NE(second.err.find("listening for HTTP on " + address.text() + " failed: Address already in use"),
            std::string::npos)
      << second.err;
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.runtime"), "1")
      << "the second runtime must fail before it enlists";
}

TEST_F(Http, HealthFailsWithoutAnAnswerAndRefusesAMissingAddress) {
  config = scratch.path("sluice.toml");
  const Ended nobody = sluice({"health", "api", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(nobody.code, 1);
  EXPECT_NE(nobody.out.find("nothing answers there"), std::string::npos) << nobody.out;
  EXPECT_EQ(sluice({"health", "api"}).code, 2);
  EXPECT_EQ(sluice({"health", "api", "--url", "ftp://127.0.0.1:1"}).code, 2);
  EXPECT_EQ(sluice({"run", "--listen", "nonsense"}).code, 2);
}

TEST_F(Http, CountsCrashesRetriesAndUnservedJobs) {
  start();
  insert("crash", "test.once", probe("hang"));
  ASSERT_TRUE(lines_in("started", 1));
  for (const pid_t host : program->children()) kill(host, SIGKILL);
  EXPECT_TRUE(becomes("crash", "error"));
  insert("again", "test.probe", probe("retry_until", R"(,"until":3,"after_ms":1)"));
  insert("foreign", "no.such.type");
  EXPECT_TRUE(becomes("again", "done"));
  const auto is = [&](const std::string& name, const std::string& value) {
    return eventually([&] { return sample(name) == value; });
  };
  EXPECT_TRUE(is(R"(sluice_job_failures_total{type="test.once",cause="crashed"})", "1"));
  EXPECT_TRUE(is(R"(sluice_jobs_finished_total{type="test.probe",outcome="retry"})", "2"));
  EXPECT_TRUE(is(R"(sluice_jobs_finished_total{type="test.probe",outcome="done"})", "1"));
  EXPECT_TRUE(is(R"(sluice_host_restarts_total{plugin="probe"})", "1"));
  EXPECT_TRUE(is(R"(sluice_hosts{plugin="probe",state="ready"})", "1"));
  EXPECT_TRUE(is("sluice_queue_jobs{type=\"(other)\",status=\"pending\"}", "1"));
}

TEST_F(Http, CountsTheProcessesThatHostsLeftBehind) {
  const PluginDirectory directory({"good/probe", "bad/orphans"});
  auto surroundings = environment();
  surroundings["SLUICE_PLUGIN_DIR"] = directory.path();
  start(surroundings);
  const std::string killed = R"(sluice_host_orphans_killed_total{plugin="orphans"})";
  EXPECT_EQ(sample(killed), "0");
  insert("crash", "test.orphans", R"({"do":"hide","hold":")" + scratch.path("hold") + R"(","then":"crash"})");
  EXPECT_TRUE(eventually([&] { return sample(killed) != "0"; })) << program->err();
  EXPECT_GE(std::stoi(sample(killed)), 5) << "some hide below others";
  EXPECT_EQ(sample(R"(sluice_host_orphans_killed_total{plugin="probe"})"), "0");
}

TEST_F(Http, PromtoolFindsNoProblem) {
  start();
  insert_many(10, "test.probe");
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "10"; }));
  const http::Answer metrics = get("/metrics");
  ASSERT_EQ(metrics.status, 200);
  Program promtool({"check", "metrics"}, {}, metrics.body, "promtool");
  EXPECT_EQ(promtool.wait(), 0) << promtool.err();
  EXPECT_EQ(promtool.err(), "");
}

/// A port that is currently free.
int free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(at);
  const bool bound = bind(probe, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0 &&
                     getsockname(probe, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  close(probe);
  if (!bound) throw std::runtime_error("no port is free");
  return ntohs(at.sin_port);
}

/// The lines of the PromQL blocks of docs/metrics.md.
std::vector<std::string> documented_queries(const std::string& page) {
  std::vector<std::string> queries;
  std::istringstream lines(page);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = line == "```promql";
    } else if (inside) {
      queries.push_back(line);
    }
  }
  return queries;
}

std::string metrics_page() {
  std::ostringstream text;
  text << std::ifstream(SLUICE_METRICS_PAGE).rdbuf();
  return text.str();
}

/// The different matches of `pattern` in `text`.
std::set<std::string> found(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::set<std::string> all;
  for (std::sregex_iterator i(text.begin(), text.end(), regex), end; i != end; ++i) all.insert((*i)[1]);
  return all;
}

class Prometheus {
 public:
  explicit Prometheus(const base::Address& target) {
    scratch_.write("prometheus.yml",
                   "scrape_configs:\n- job_name: sluice\n  scrape_interval: 250ms\n  scrape_timeout: 250ms\n"
                   "  static_configs:\n  - targets: ['" +
                       target.text() + "']\n");
    for (int tries = 0; tries < 5 && !start(); ++tries) continue;  // another process may have taken the port
  }

  /// The value of the first series; "" if there is none yet.
  std::string value(const std::string& query) const {
    std::smatch found;
    const std::string body = answer(query).body;
    const std::regex number("\"value\":\\[[^,]*,\"([^\"]*)\"");
    return std::regex_search(body, found, number) ? found[1].str() : "";
  }
  bool understands(const std::string& query) const {
    return answer(query).body.find("\"status\":\"success\"") != std::string::npos;
  }
  bool says(const std::string& query, const std::string& wanted) const {
    return eventually([&] { return value(query) == wanted; });
  }

 private:
  http::Answer answer(const std::string& query) const {
    std::string escaped;
    for (const unsigned char c : query) {
      std::array<char, 4> hex{};
      std::snprintf(hex.data(), hex.size(), "%%%02X", c);
      escaped += hex.data();
    }
    return http::ask(address_, "/api/v1/query?query=" + escaped, long_enough);
  }
  bool start() {
    address_ = {"127.0.0.1", free_port()};
    const std::vector<std::string> arguments{"--config.file=" + scratch_.path("prometheus.yml"),
                                             "--storage.tsdb.path=" + scratch_.path("data"),
                                             "--web.listen-address=" + address_.text()};
    program_ = std::make_unique<Program>(arguments, std::map<std::string, std::string>{}, "", "prometheus");
    return eventually([&] {
             return !program_->running() || http::ask(address_, "/-/ready", long_enough).status == 200;
           }) &&
           program_->running();
  }

  Scratch scratch_;
  base::Address address_;
  std::unique_ptr<Program> program_;
};

// Prometheus begins to scrape 5 s after its start, which can't be configured.
TEST_F(Http, ARealPrometheusReadsTheMetrics) {
  start();
  const Prometheus prometheus(address);
  EXPECT_TRUE(prometheus.says("up{job=\"sluice\"}", "1"));
  insert_many(100, "test.probe");
  insert("bad", "test.probe", probe("fail"));
  EXPECT_TRUE(prometheus.says(R"(sluice_jobs_finished_total{type="test.probe",outcome="done"})", "100"));
  EXPECT_TRUE(prometheus.says(R"(sluice_jobs_finished_total{type="test.probe",outcome="failed"})", "1"));
  EXPECT_TRUE(prometheus.says(R"(sluice_jobs_claimed_total{type="test.probe"})", "101"));
  EXPECT_TRUE(prometheus.says(R"(sluice_job_duration_seconds_count{type="test.probe"})", "101"));
  EXPECT_TRUE(prometheus.says(R"(sluice_hosts{plugin="probe",state="ready"})", "1"));
  EXPECT_TRUE(prometheus.says("sluice_database_up", "1"));
  const auto queries = documented_queries(metrics_page());
  EXPECT_GE(queries.size(), 12U);
  for (const std::string& query : queries) EXPECT_TRUE(prometheus.understands(query)) << query;
  EXPECT_TRUE(eventually([&] {
    return !prometheus.value("histogram_quantile(0.95, sum by (le) (sluice_job_duration_seconds_bucket))")
                .empty();
  }));
}

TEST_F(Http, TheDocumentedMetricsAreExactlyThoseServed) {
  start();
  const auto documented = found(metrics_page(), "[|,] `((?:sluice|process)_[a-z_]+)`");
  // If the event loop is still busy loading plugins, some metrics are absent.
  auto shown = documented;
  eventually([&] { return (shown = found(get("/metrics").body, "# TYPE ([a-z_]+) ")) == documented; });
  EXPECT_EQ(shown, documented);
}

}  // namespace
}  // namespace sluice::test
