// tests/plugins/notification/webhook_server.py as a process that belongs to one test.
#pragma once

#include <rapidjson/document.h>

#include <sluice/payload.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "plugins/python_server.hpp"

namespace sluice::test {

/// A request as the server received it.
class ReceivedWebhook {
 public:
  explicit ReceivedWebhook(const std::string& json) {
    document_.Parse(json.c_str());
    if (document_.HasParseError()) throw std::runtime_error("the server wrote invalid JSON: " + json);
  }
  Json json() const { return {document_, "received"}; }
  std::string header(const std::string& name) const { return json().object("headers").string(name); }
  std::string body() const { return json().string("body"); }
  /// Whether the signature matches each of the server's secrets: "yes no".
  std::string verified() const {
    std::string all;
    for (const auto& one : json().array("verified")) {
      all += (all.empty() ? "" : " ") + std::string(one.as_boolean() ? "yes" : "no");
    }
    return all;
  }

 private:
  rapidjson::Document document_;
};

class WebhookServer {
 public:
  /// `options`: those of the script.
  explicit WebhookServer(const std::string& options = "{}") : server_(WEBHOOK_SERVER, options) {}

  std::string origin(const std::string& scheme = "http") const {
    return scheme + "://localhost:" + std::to_string(server_.port());
  }
  std::string ca_file() const { return server_.records().path("ca.pem"); }
  /// The requests so far.
  std::vector<ReceivedWebhook> requests() const {
    std::vector<ReceivedWebhook> all;
    for (;;) {
      const std::string text = server_.records().read(std::to_string(all.size() + 1) + ".json");
      if (text.empty()) return all;
      all.emplace_back(text);
    }
  }

 private:
  PythonServer server_;
};

}  // namespace sluice::test
