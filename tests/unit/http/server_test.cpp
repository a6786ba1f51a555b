#include "http/server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include "config/config.hpp"
#include "http/inquiry.hpp"
#include "support/wait.hpp"

namespace sluice::http {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes long_enough{1};

/// A client that can send arbitrary bytes.
class RawClient {
 public:
  explicit RawClient(const base::Address& address) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(address.port));
    inet_pton(AF_INET, address.host.c_str(), &to.sin_addr);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0)
      throw std::runtime_error("connect failed");
  }
  ~RawClient() { close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool send(const std::string& text) const {
    return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  /// Reads until the server closes the connection.
  std::string receive() const {
    std::string all;
    std::array<char, 1024> buffer{};
    for (ssize_t got = 0; (got = recv(socket_, buffer.data(), buffer.size(), 0)) > 0;)
      all.append(buffer.data(), static_cast<std::size_t>(got));
    return all;
  }

 private:
  const int socket_;
};

const base::Address anywhere{"127.0.0.1", 0};
const std::map<std::string, Server::Maker> pages{
    {"/fine",
     [] {
       return Page{200, "text/plain", "fine\n"};
     }},
    {"/bad",
     [] {
       return Page{503, "application/json", "{}"};
     }},
    {"/broken", []() -> Page { throw std::runtime_error("no page today"); }}};

TEST(Server, ServesItsPages) {
  const Server server(anywhere, pages);
  const Answer fine = ask(server.address(), "/fine", long_enough);
  EXPECT_EQ(fine.status, 200);
  EXPECT_EQ(fine.body, "fine\n");
  EXPECT_EQ(ask(server.address(), "/bad", long_enough).status, 503);
}

TEST(Server, ListsThePagesForAnUnknownOne) {
  const Server server(anywhere, pages);
  const Answer nowhere = ask(server.address(), "/nowhere", long_enough);
  EXPECT_EQ(nowhere.status, 404);
  EXPECT_EQ(nowhere.body, "There is no such page. Available: /bad, /broken, /fine.\n");
}

TEST(Server, SurvivesAPageThatThrows) {
  const Server server(anywhere, pages);
  const Answer broken = ask(server.address(), "/broken", long_enough);
  EXPECT_EQ(broken.status, 500);
  EXPECT_EQ(broken.body, "no page today\n");
  EXPECT_EQ(ask(server.address(), "/fine", long_enough).status, 200);
}

TEST(Server, AnswersManyClientsAtOnce) {
  const Server server(anywhere, pages, {std::chrono::minutes(1), 8});
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(
        std::async(std::launch::async, [&] { return ask(server.address(), "/fine", long_enough); }));
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get().status, 200);
}

TEST(Server, DoesNotShareItsPort) {
  const Server server(anywhere, pages);
  try {
    const Server second(server.address(), pages);
    FAIL() << "two servers listen on the same port";
  } catch (const base::UsageError& error) {
    const std::string said = error.what();
    EXPECT_NE(said.find(server.address().text() + " failed: Address already in use"), std::string::npos)
        << said;
  }
}

TEST(Server, CanListenOnAPortThatWasJustClosed) {
  base::Address address;
  {
    const Server server(anywhere, pages);
    address = server.address();
    EXPECT_EQ(ask(address, "/fine", long_enough).status, 200);
  }
  EXPECT_EQ(ask(address, "/fine", long_enough).status, 0);
  const Server next(address, pages);
  EXPECT_EQ(ask(address, "/fine", long_enough).status, 200);
}

TEST(Server, NamesAnUnknownHost) {
  EXPECT_THROW(Server({"no-such-host.invalid", 0}, pages), base::UsageError);
}

TEST(Server, DisconnectsSlowClients) {
  const Server server(anywhere, pages, {milliseconds(300), 2});
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 20; ++i) {  // ten connections for each thread
    slow.push_back(std::make_unique<RawClient>(server.address()));
    slow.back()->send("GET /fine HTTP/1.1\r\nX-Slow: ");
  }
  std::atomic<bool> over{false};
  const std::jthread drip([&] {  // a time limit for each byte would start again
    while (!over) {
      for (const auto& client : slow) client->send("x");
      std::this_thread::sleep_for(milliseconds(20));
    }
  });
  EXPECT_TRUE(test::eventually([&] { return ask(server.address(), "/fine", long_enough).status == 200; }))
      << "this client may be slow once, too";
  for (const auto& client : slow) EXPECT_EQ(client->receive().find("200"), std::string::npos);
  over = true;
}

TEST(Server, RefusesAnEndlessRequest) {
  const Server server(anywhere, pages, {std::chrono::minutes(10), 2});
  const RawClient client(server.address());
  const std::string line = "X-Long: " + std::string(1000, 'x') + "\r\n";
  client.send("GET /fine HTTP/1.1\r\n");
  int sent = 0;
  while (sent < 10000 && client.send(line)) ++sent;
  EXPECT_LT(sent, 10000) << "the request is limited by its size, not only by ten minutes";
}

TEST(Server, ExplainsAnInvalidRequest) {
  const Server server(anywhere, pages);
  const RawClient nonsense(server.address());
  nonsense.send("what is this?\r\n\r\n");
  EXPECT_NE(nonsense.receive().find(" 400 "), std::string::npos);
  const RawClient posting(server.address());
  posting.send("POST /fine HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  const std::string answer = posting.receive();
  EXPECT_NE(answer.find(" 405 "), std::string::npos);
  EXPECT_NE(answer.find("Allow: GET, HEAD\r\n"), std::string::npos);
}

TEST(Server, TellsProgramsOfAPageThatThrowsAsAProblem) {
  const Server server(anywhere,
                      {{"/api/broken", []() -> Page { throw std::runtime_error("no page today"); }}});
  const RawClient client(server.address());
  client.send("GET /api/broken HTTP/1.1\r\n\r\n");
  const std::string answer = client.receive();
  EXPECT_NE(answer.find("Content-Type: application/problem+json"), std::string::npos) << answer;
  EXPECT_NE(answer.find(R"({"status": 500, "detail": "no page today"})"), std::string::npos) << answer;
}

TEST(Server, TellsProgramsOfARequestThatItCannotReadAsAProblem) {
  const Server server(anywhere, pages);
  const RawClient large(server.address());
  large.send("POST /api/v1/jobs HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n");
  const std::string answer = large.receive();
  EXPECT_NE(answer.find(" 413 "), std::string::npos) << answer;
  EXPECT_NE(answer.find("Content-Type: application/problem+json"), std::string::npos) << answer;
  EXPECT_NE(answer.find(R"({"status": 413, "detail": "The request is larger than 1 MiB"})"),
            std::string::npos);
  const RawClient wide(server.address());
  wide.send("GET /api/v1/jobs HTTP/1.1\r\nX-Long: " + std::string(20'000, 'x') + "\r\n\r\n");
  const std::string refusal = wide.receive();
  EXPECT_NE(refusal.find(" 400 "), std::string::npos) << refusal;
  EXPECT_NE(refusal.find("application/problem+json"), std::string::npos) << refusal;
}

TEST(Server, AnswersHeadWithoutABody) {
  const Server server(anywhere, pages);
  const RawClient client(server.address());
  client.send("HEAD /fine?verbose=1 HTTP/1.1\r\n\r\n");
  const std::string answer = client.receive();
  EXPECT_EQ(answer.rfind("HTTP/1.1 200 ", 0), 0U) << answer;
  EXPECT_NE(answer.find("Content-Length: 5"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("fine"), std::string::npos) << answer;
}

TEST(Server, SlowClientsDoNotDelayOthers) {
  const Server server(anywhere, pages, {std::chrono::minutes(10), 2});
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 50; ++i) {
    slow.push_back(std::make_unique<RawClient>(server.address()));
    slow.back()->send("GET /fine HTTP/1.1\r\n");
  }
  EXPECT_EQ(ask(server.address(), "/fine", long_enough).status, 200);
}

TEST(Server, ConnectionsThatAskNothingKeepNobodyWaiting) {
  const Server server(anywhere, pages, {std::chrono::minutes(10), 2});
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 300; ++i) {  // more than there may be
    slow.push_back(std::make_unique<RawClient>(server.address()));
    slow.back()->send("GET /fine HTTP/1.1\r\n");
  }
  EXPECT_EQ(ask(server.address(), "/fine", long_enough).status, 200);
  EXPECT_EQ(slow.front()->receive(), "") << "the oldest had to go";
}

TEST(Server, PagesThatTakeLongKeepNobodyWaiting) {
  std::promise<void> ready;
  const std::shared_future<void> is_ready = ready.get_future().share();
  const Server server(anywhere, pages, {std::chrono::minutes(10), 2}, [is_ready](const Request&) {
    is_ready.wait();
    return Page{200, "text/plain", "slow\n"};
  });
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.address()));
    clients.back()->send("GET /slow HTTP/1.1\r\n\r\n");
  }
  EXPECT_EQ(ask(server.address(), "/fine", long_enough).status, 200);
  EXPECT_NE(clients.back()->receive().find(" 503 "), std::string::npos);
  ready.set_value();
  EXPECT_NE(clients.front()->receive().find("slow"), std::string::npos);
}

TEST(Server, EndsTheStreamOfAWatcherWhoMayNotGoOn) {
  std::atomic<bool> may{true};
  Server server(anywhere, pages, {}, [&may](const Request&) {
    Page page{200, "text/event-stream", "retry: 3000\n\n"};
    page.watches = true;
    page.goes_on = [&may] { return may.load(); };
    return page;
  });
  const RawClient watcher(server.address());
  watcher.send("GET /events HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(test::eventually([&] { return server.watchers() == 1; }));
  server.tell("data: first\n\n");
  may = false;
  server.tell("data: second\n\n");
  const std::string heard = watcher.receive();
  EXPECT_EQ(heard.find("second"), std::string::npos) << heard;
  EXPECT_TRUE(test::eventually([&] { return server.watchers() == 0; }));
}

TEST(Server, StopsWithoutWaitingForIdleConnections) {
  auto server = std::make_unique<Server>(anywhere, pages, ServerOptions{std::chrono::minutes(10), 2});
  const RawClient silent(server->address());
  const RawClient slow(server->address());
  slow.send("GET /fi");
  EXPECT_EQ(ask(server->address(), "/nowhere", milliseconds(1)).status * 0, 0);  // the answer does not matter
  const auto began = Clock::now();
  server.reset();
  EXPECT_LT(Clock::now() - began, std::chrono::minutes(5));
  EXPECT_EQ(slow.receive().find("200"), std::string::npos);
}

TEST(Server, AnswersEarlierRequestsBeforeItStops) {
  std::promise<void> asked, go_on;
  auto answered = go_on.get_future().share();
  auto server = std::make_unique<Server>(
      anywhere, std::map<std::string, Server::Maker>{{"/slow", [&] {
                                                        asked.set_value();
                                                        answered.wait();
                                                        return Page{200, "text/plain", "late\n"};
                                                      }}});
  const base::Address address = server->address();
  auto answer = std::async(std::launch::async, [&] { return ask(address, "/slow", long_enough); });
  asked.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { server.reset(); });
  EXPECT_EQ(stopped.wait_for(milliseconds(20)), std::future_status::timeout);
  go_on.set_value();
  EXPECT_EQ(answer.get().body, "late\n");
}

}  // namespace
}  // namespace sluice::http
